"use strict";
/* Two runs: what changed hands. */

let moves = null;
let move = null;

function drawMoves() {
  at("beside-there").textContent = `Here: ${run.run}. There: ${moves.run}.`;
  at("beside-settings").replaceChildren(...(moves.settings.length ? moves.settings : ["The recipes are the same."]).map((text) => node("li", {}, node("code", { text }))));
  const total = moves.rows.reduce((sum, row) => sum + row.n, 0);
  at("moves-total").textContent = total ? `${count(total)} document${total === 1 ? "" : "s"} changed hands` : "No document changed hands";
  at("moves").replaceChildren(...moves.rows.map((row) => {
    const same = move && ["here", "there", "source", "lang"].every((key) => move[key] === row[key]);
    const open = node("button", { type: "button", class: "rule", "aria-pressed": Boolean(same), onclick: () => go({ panel: "beside", here: row.here, there: row.there, source: row.source, lang: row.lang }) }, row.here);
    return node("tr", {}, node("td", {}, open), ...[row.there, row.source, row.lang || "und", count(row.n)].map((text) => node("td", { text })));
  }));
}

async function drawChanged(start = 0) {
  const told = await ask("changed", "changed", { ...move, start });
  if (!told) return;
  at("move-name").textContent = `${move.here} → ${move.there}: ${count(told.total)}`;
  drawPage("changed", "changed-more", told, start, documentCard, "None.");
}

panels.beside = async (place) => {
  moves ||= await ask("moves", "moves");
  if (!moves) return;
  move = place.here ? { here: place.here, there: place.there, source: place.source || "", lang: place.lang || "" } : null;
  drawMoves();
  at("move-name").textContent = move ? "" : "Choose a line to see its documents.";
  at("changed").replaceChildren();
  at("changed-more").hidden = true;
  if (move) await drawChanged();
};

at("changed-more").addEventListener("click", () => drawChanged(at("changed").children.length));
