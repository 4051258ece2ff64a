"use strict";
/* What every page of `corpusforge view` needs. Texts of documents only ever become text nodes. */

const at = (id) => document.getElementById(id);
const count = (n) => n.toLocaleString("en");
const short = (x) => String(Number(x.toPrecision(6)));
let run = null;  // what the server told of it at first
let openCard = (id) => showHistory(id);  // what Enter does on a card
const panels = {};  // by name: draws a panel from the values of the address
let latest = {};  // the newest request of each purpose: older answers are thrown away

function node(name, own = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(own)) {
    if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...inside);
  return made;
}

function problem(text) {
  at("problem").textContent = text;
  at("problem").hidden = !text;
}

/** Ask the server; the answer, or null where a newer question of the same purpose was asked. */
async function ask(purpose, name, values = {}, options = undefined) {
  const own = (latest[purpose] = (latest[purpose] || 0) + 1);
  let answer;
  try {
    const reply = await fetch(options ? name : `${name}?${new URLSearchParams(values)}`, options);
    answer = await reply.json();
    if (!reply.ok) throw new Error(answer.error);
  } catch (error) {
    if (own === latest[purpose]) problem(error.message || "The server has ended: give the command again.");
    return null;
  }
  if (own !== latest[purpose]) return null;
  problem("");
  return answer;
}

function options(select, values, chosen = "") {
  select.replaceChildren(...values.map(([value, text]) => node("option", { value, text })));
  select.value = values.some(([value]) => value === chosen) ? chosen : values[0]?.[0];
}

/* Documents */

/** An address as people read it: 节气, not %E8%8A%82. */
function readable(name) {
  try { return decodeURI(name); } catch { return name; }
}

function content(pieces) {
  const box = node("p", { class: "content", dir: "auto", tabindex: "0" });
  for (const [text, marked] of pieces) box.append(marked ? node("mark", { text }) : text);
  return box;
}

function documentCard(row) {
  const meta = node("div", { class: "meta" });
  if (row.value !== undefined && row.value !== null && row.bound)
    meta.append(node("b", { text: `value ${row.value}, bound ${row.bound}` }));
  else if (typeof row.value === "number") meta.append(node("b", { text: `value ${short(row.value)}` }));
  for (const text of [row.rule, row.source, row.lang, readable(row.url || row.locator || "")])
    if (text) meta.append(node("span", { text, dir: "auto" }));
  meta.append(historyButton(row.id));
  const card = node("article", { class: "document", "data-id": row.id, tabindex: "-1" }, meta);
  if (row.pieces) card.append(content(row.pieces));
  else card.append(node("p", { class: "soft", text: "No text of it is kept (report.dropped_samples, or it was dropped before it had a text)." }));
  if (row.characters > 20000) card.append(node("p", { class: "soft", text: `The first 20,000 of ${count(row.characters)} characters.` }));
  return card;
}

/** A document's history by a button, as cards have it. */
function historyButton(id) {
  return node("button", { type: "button", class: "why", text: "History", onclick: () => showHistory(id) });
}

async function showHistory(id) {
  const told = await ask("history", "history", { id });
  if (!told) return;
  at("history-name").textContent = readable(told.url || told.locator || told.id);
  at("history-lines").replaceChildren(...told.lines.map((text) => node("li", { text, dir: "auto" })));
  at("history-text").replaceChildren(node("p", { class: "soft", text: `${told.id} · ${told.source} · ${told.lang || "language not told"}` }),
    ...(told.pieces ? [content(told.pieces)] : []));
  at("history").showModal();
}

/** Show the next page of a list: the first replaces what is there. */
function drawPage(list, more, told, start, card, none) {
  if (!start) at(list).replaceChildren(...(told.total ? [] : [node("p", { class: "soft", text: none })]));
  at(list).append(...told.rows.map(card));
  const shown = at(list).children.length;
  at(more).hidden = !told.total || shown >= told.total;
  at(more).textContent = `More (${count(shown)} of ${count(told.total)})`;
}

/** Options with counts, "all" first. */
function counted(counts, all) {
  const found = Object.entries(counts).filter(([name]) => name);
  return [["", `all (${count(all)})`], ...found.map(([name, n]) => [name, `${name} (${count(n)})`])];
}

/* Where we are: the address says it, so that Back and a bookmark work */

function go(place) {
  const told = Object.entries(place).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  location.hash = new URLSearchParams(told).toString();
}

async function arrive() {
  const place = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const buttons = [...document.querySelectorAll("[data-panel]")].filter((one) => !one.hidden);
  const panel = buttons.some((one) => one.dataset.panel === place.panel) ? place.panel : buttons[0].dataset.panel;
  for (const button of document.querySelectorAll("[data-panel]")) {
    button.setAttribute("aria-pressed", button.dataset.panel === panel);
    at(button.dataset.panel).hidden = button.dataset.panel !== panel;
  }
  await panels[panel](place);
}

for (const button of document.querySelectorAll("[data-panel]")) button.addEventListener("click", () => go({ panel: button.dataset.panel }));
window.addEventListener("hashchange", arrive);

const typing = (target) => target.matches("input:not([type=range]), select, textarea");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || typing(event.target)) return;
  const buttons = [...document.querySelectorAll("[data-panel]")].filter((one) => !one.hidden);
  const own = /^[1-9]$/.test(event.key) ? buttons[Number(event.key) - 1] : null;
  if (own) { event.preventDefault(); go({ panel: own.dataset.panel }); }
  const cards = [...document.querySelectorAll("section:not([hidden]) .document")];
  const here = cards.indexOf(document.activeElement.closest(".document"));
  const next = { j: here + 1, k: here - 1 }[event.key];
  if (next !== undefined && cards[next]) { event.preventDefault(); cards[next].focus(); cards[next].scrollIntoView({ block: "nearest" }); }
  if (event.key === "Enter" && document.activeElement.matches(".document[data-id]")) openCard(document.activeElement.dataset.id);
});

/** Begin, when every panel's script is there: fill what the server's first answer fills, and go where the address says. */
function begin(fill) {
  window.addEventListener("load", async () => {
    run = await ask("overview", "overview");
    if (!run) return;
    at("run").textContent = `${run.name} · ${run.run}`;
    document.title = `${run.name} · corpusforge view`;
    fill();
    await arrive();
  });
}
