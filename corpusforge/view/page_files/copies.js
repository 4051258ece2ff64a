"use strict";
/* Duplicates beside what was kept, and documents beside the evaluation item that they hold. */

function side(row, title) {
  const meta = node("div", { class: "meta" }, node("b", { text: title }));
  for (const text of [row.source, row.lang, readable(row.url || row.locator || row.id || "")])
    if (text) meta.append(node("span", { text, dir: "auto" }));
  if (row.id) meta.append(historyButton(row.id));
  return node("div", {}, meta, row.pieces ? content(row.pieces) : node("p", { class: "soft", text: "No text of it is kept." }));
}

/** A card of two texts that scroll together. */
function twoSides(head, left, right, id) {
  const pair = node("div", { class: "layout halves" }, left, right);
  const boxes = [...pair.querySelectorAll(".content")];
  for (const box of boxes) box.addEventListener("scroll", () => {
    for (const other of boxes) if (other !== box) other.scrollTop = box.scrollTop;
  });
  return node("article", { class: "document wide-card", "data-id": id, tabindex: "-1" }, head, pair);
}

function copyCard(row) {
  const [kept, removed] = row.sides;
  const head = node("div", { class: "meta" }, node("b", { text: `similarity ${row.similarity.toFixed(3)} by ${row.method}` }));
  if (row.equal) head.append(node("span", { text: row.survives ? "the texts are equal" : "nothing of it is left" }));
  if (row.cluster_size > 2)
    head.append(node("button", { type: "button", class: "why", text: `All ${count(row.cluster_size)} of its cluster`, onclick: () => go({ panel: "copies", cluster: row.cluster }) }));
  return twoSides(head, side(kept, row.survives ? "kept" : "its cluster (none is kept)"), side(removed, "removed"), removed.id);
}

let cluster = "";

async function drawCopies(start = 0) {
  const told = await ask("copies", "duplicates", { method: at("copies-method").value, source: at("copies-source").value, cluster, start });
  if (!told) return;
  const every = Object.values(told.methods).reduce((sum, n) => sum + n, 0);
  options(at("copies-method"), counted(told.methods, every), at("copies-method").value);
  at("copies-all").hidden = !cluster;
  at("copies-told").textContent = cluster ? `${count(told.total)} removed of one cluster` : `${count(told.total)} removed, the least similar first; marked is what the other has not.`;
  drawPage("copies-list", "copies-more", told, start, copyCard, "No document was removed as a copy.");
}

panels.copies = async (place) => {
  cluster = place.cluster || "";
  at("copies-source").value = place.source || "";
  if (![...at("copies-method").options].some((one) => one.value === place.method)) options(at("copies-method"), [["", "all"], ...(place.method ? [[place.method, place.method]] : [])]);
  at("copies-method").value = place.method || "";
  await drawCopies();
};

function overlapCard(row) {
  const what = row.drop ? "dropped" : `cut ${count(row.start)} to ${count(row.end)}`;
  const head = node("div", { class: "meta" }, node("b", { text: `${row.benchmark} ${row.item}` }), node("span", { text: `${row.rule}: ${what}` }));
  const item = node("div", {}, node("div", { class: "meta" }, node("b", { text: "evaluation item" })), content(row.item_pieces));
  return twoSides(head, side(row, "document"), item, row.id);
}

async function drawOverlaps(start = 0) {
  const told = await ask("overlaps", "overlaps", { benchmark: at("overlaps-set").value, start });
  if (!told) return;
  const every = Object.values(told.benchmarks).reduce((sum, n) => sum + n, 0);
  options(at("overlaps-set"), counted(told.benchmarks, every), at("overlaps-set").value);
  drawPage("overlaps-list", "overlaps-more", told, start, overlapCard, "No document holds text of an evaluation set.");
}

panels.overlaps = async (place) => {
  if (![...at("overlaps-set").options].some((one) => one.value === place.benchmark)) options(at("overlaps-set"), [["", "all"], ...(place.benchmark ? [[place.benchmark, place.benchmark]] : [])]);
  at("overlaps-set").value = place.benchmark || "";
  await drawOverlaps();
};

for (const id of ["copies-method", "copies-source"]) at(id).addEventListener("change", () => go({ panel: "copies", method: at("copies-method").value, source: at("copies-source").value }));
at("copies-all").addEventListener("click", () => go({ panel: "copies" }));
at("copies-more").addEventListener("click", () => drawCopies(at("copies-list").children.length));
at("overlaps-set").addEventListener("change", () => go({ panel: "overlaps", benchmark: at("overlaps-set").value }));
at("overlaps-more").addEventListener("click", () => drawOverlaps(at("overlaps-list").children.length));
