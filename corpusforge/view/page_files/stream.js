"use strict";
/* The mixture, and what a model reads at a place of the stream. */

let mixture = null;
const hue = (source) => `hue-${mixture.sources.findIndex((one) => one.source === source) % 8}`;
const percent = (share) => `${(100 * share).toFixed(2)} %`;

function drawMixture() {
  at("mix-none").hidden = mixture.sources.length > 0;
  at("mix-there").hidden = !mixture.sources.length;
  at("mix-rows").replaceChildren(...mixture.sources.map((row) => node("tr", {},
    node("td", {}, node("span", { class: `dot ${hue(row.source)}` }), row.source),
    ...[percent(row.asked), percent(row.share), count(row.delivered_tokens), count(row.available), row.epochs.toFixed(2), count(row.documents), count(row.draws)].map((text) => node("td", { text })))));
  at("mix-notes").replaceChildren(...mixture.notes.map((text) => node("li", { text })));
  const [width, height] = [900, 60];
  const svg = at("strip");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  const wide = width / Math.max(1, mixture.stretches.length);
  svg.replaceChildren(...mixture.stretches.flatMap((shares, i) => {
    let top = 0;
    return shares.map((share, n) => {
      const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      for (const [key, value] of Object.entries({ x: i * wide, y: top, width: wide + 0.5, height: share * height, class: `hue-${n % 8}` })) box.setAttribute(key, value);
      top += share * height;
      return box;
    });
  }));
}

function readDocument(one) {
  if (!one.id) return node("p", { class: "soft", text: `${count(one.tokens)} ids of padding` });
  const meta = node("div", { class: "meta" }, node("b", { text: one.source }), node("span", { text: `${count(one.tokens)} ids` }));
  if (one.offset) meta.append(node("span", { text: `from its id ${count(one.offset)} on` }));
  if (one.copy) meta.append(node("span", { text: `read for the ${one.copy + 1}. time` }));
  meta.append(node("span", { text: one.ends ? "ends here" : "goes on in the next" }), historyButton(one.id));
  return node("article", { class: `document read ${hue(one.source)}`, "data-id": one.id, tabindex: "-1" }, meta, content([[one.text, false]]));
}

async function drawSequence(place) {
  const told = await ask("sequence", "sequence", { number: place.number || 0, length: place.length || 0, side: place.side || "train" });
  if (!told) return;
  at("number").value = told.number;
  at("number").max = told.sequences - 1;
  at("length").value = told.length;
  at("length").disabled = mixture.packed > 0;
  at("read-told").textContent = `${count(told.sequences)} sequences; here from id ${count(told.start)} of ${count(told.tokens)}`;
  at("before").disabled = told.number === 0;
  at("after").disabled = told.number + 1 >= told.sequences;
  at("place").setAttribute("x1", (900 * (told.number + 0.5)) / told.sequences);
  at("place").setAttribute("x2", (900 * (told.number + 0.5)) / told.sequences);
  at("strip").dataset.sequences = told.sequences;
  at("place-box").hidden = told.sequences === 0 || at("side").value !== "train";
  at("read").replaceChildren(...told.documents.map(readDocument));
}

function read(number) {
  go({ panel: "stream", number, length: mixture.packed ? "" : at("length").value, side: at("side").value });
}

panels.stream = async (place) => {
  if (!mixture) {
    mixture = await ask("mixture", "mixture");
    if (!mixture) return;
    drawMixture();
    options(at("side"), mixture.sides.map((name) => [name, name]));
  }
  at("reading").hidden = !mixture.sides.length;
  if (!mixture.sides.length) return;
  at("side").value = place.side || mixture.sides[0];
  await drawSequence(place);
};

at("before").addEventListener("click", () => read(Number(at("number").value) - 1));
at("after").addEventListener("click", () => read(Number(at("number").value) + 1));
at("number").addEventListener("change", () => read(at("number").value));
at("length").addEventListener("change", () => read(0));
at("side").addEventListener("change", () => read(0));
at("strip").addEventListener("click", (event) => {
  const box = at("strip").getBoundingClientRect();
  const many = Number(at("strip").dataset.sequences);
  at("side").value = "train";
  read(Math.min(many - 1, Math.floor(((event.clientX - box.left) / box.width) * many)));
});
document.addEventListener("keydown", (event) => {
  if (at("stream").hidden || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || typing(event.target)) return;
  const button = { ArrowLeft: "before", ArrowRight: "after" }[event.key];
  if (button && !at(button).disabled) { event.preventDefault(); at(button).click(); }
});
