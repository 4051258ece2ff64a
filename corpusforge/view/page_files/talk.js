"use strict";
/* What was said by whom, and tables: for rows and rankings. */

/** Turns one below the other, each with who said it. */
function talk(turns) {
  return node("div", { class: "talk" }, ...turns.map(([role, text]) =>
    node("div", { class: `turn ${["output", "assistant", "reply"].includes(role) ? "own" : ""}` }, node("span", { class: "role", text: role }), content([[text, false]]))));
}

function facts(texts) {
  return texts.filter(Boolean).map((text) => node("span", { text, dir: "auto" }));
}

function cells(texts) {
  return node("tr", {}, ...texts.map((text) => node("td", { text: text ?? "–", dir: "auto" })));
}

const share = (x) => (x === null || x === undefined ? "–" : `${(100 * x).toFixed(1)}\u00a0%`);
const figure = (x, digits = 3) => (x === null || x === undefined ? "–" : x.toFixed(digits));
const interval = (one, told) => (one.low === null ? "–" : `${told(one.low)} to ${told(one.high)}`);
