"use strict";
/* The page over rankings: prompts and their answers, pairs, raters. */

openCard = () => {};
const letter = (name, all) => `rater\u00a0${all.indexOf(name) + 1}`;

function promptCard(row) {
  const meta = node("div", { class: "meta" }, ...facts([row.lang, row.use_case, `${row.raters.length} raters, τ-b ${row.tau.toFixed(2)}`, row.id]));
  const heads = ["rank", "answer", "model", "score", ...row.raters.map((name) => letter(name, row.raters))];
  const table = node("table", { class: "answers" }, node("thead", {}, node("tr", {}, ...heads.map((text, i) => node("th", { text, ...(i > 3 ? { title: row.raters[i - 4] } : {}) })))),
    node("tbody", {}, ...row.answers.map((one) => node("tr", {},
      node("td", { text: one.rank || "–" }), node("td", {}, content([[one.text, false]])), node("td", { text: one.model, dir: "auto" }),
      node("td", { text: one.rank ? `${one.score.toFixed(1)}\u00a0±\u00a0${one.error.toFixed(1)}` : "–" }),
      ...one.ranks.map((rank) => node("td", { text: rank || "–", class: rank && one.rank && rank !== one.rank ? "apart" : "" }))))));
  return node("article", { class: "document", tabindex: "-1" }, meta, talk(row.messages), node("div", { class: "scroll" }, table));
}

async function drawPrompts(start = 0) {
  const told = await ask("prompts", "prompts", { lang: at("prompts-lang").value, words: at("prompts-words").value, start });
  if (!told) return;
  at("prompts-told").textContent = `${count(told.total)} prompts, those on which raters agree least first; coloured is a rater's rank that is not the one found.`;
  drawPage("prompts-list", "prompts-more", told, start, promptCard, "None.");
}

panels.prompts = async (place) => {
  at("prompts-lang").value = place.lang || "";
  at("prompts-words").value = place.words || "";
  await drawPrompts();
};

function pairCard(row) {
  const meta = node("div", { class: "meta" }, node("b", { text: `${share(row.agreement)} of ${row.n_annotators} agree` }), ...facts([`margin ${short(row.margin)}`, `score margin ${row.score_margin.toFixed(2)}`, `weight ${row.weight.toFixed(3)}`]));
  const sides = row.sides.map((one, i) => node("div", {}, node("div", { class: "meta" }, node("b", { text: i ? "rejected" : "chosen" }), ...facts([one.model])), content(one.pieces)));
  return node("article", { class: "document", tabindex: "-1" }, meta, talk(row.messages), node("div", { class: "layout halves" }, ...sides));
}

async function drawPairs(start = 0) {
  const told = await ask("pairs", "pairs", { start });
  if (!told) return;
  at("pairs-told").textContent = `${count(told.total)} pairs, those that fewest raters agree on first; marked is what the other has not.`;
  drawPage("pairs-list", "pairs-more", told, start, pairCard, "training/pairs is not there: export with --format pairs.");
}

panels.pairs = () => drawPairs();

const FIGURES = { strict: "agreement on pairs", half: "agreement, ties half", alpha: "Krippendorff's α", tau_b: "Kendall's τ-b", w: "Kendall's W", ties: "ties" };

panels.raters = async () => {
  const own = run.figures;
  if (!own.agreement) return problem("figures.json is not there: give pipelines.export_rankings again.");
  at("agreement").replaceChildren(...Object.entries(FIGURES).filter(([name]) => own.agreement[name]).map(([name, text]) => {
    const one = own.agreement[name];
    return cells([text, figure(one.value), interval(one, figure), count(one.n)]);
  }));
  at("rater-rows").replaceChildren(...own.raters.map((one) => cells([`${one.name}${one.kind === "human" ? "" : ` (${one.kind})`}`, count(one.rankings), figure(one.median_seconds, 1), share(one.fast), share(one.ties), share(one.agreement), figure(one.tau, 2), share(one.gold), share(one.shown_order), one.marks.join(", ") || "–"])));
  at("bias").replaceChildren(...own.bias.map((one) => cells([one.feature, share(one.share.value), interval(one.share, share), count(one.share.n)])));
  at("standings").replaceChildren(...own.standings.map((one) => cells([one.model, figure(one.rating, 0), figure(one.error, 0), ...[one.wins, one.ties, one.losses].map(String)])));
};

at("prompts-lang").addEventListener("change", () => at("form").requestSubmit());
at("form").addEventListener("submit", (event) => { event.preventDefault(); go({ panel: "prompts", lang: at("prompts-lang").value, words: at("prompts-words").value }); });
at("prompts-more").addEventListener("click", () => drawPrompts(at("prompts-list").children.length));
at("pairs-more").addEventListener("click", () => drawPairs(at("pairs-list").children.length));
begin(() => {
  options(at("prompts-lang"), [["", "all"], ...run.languages.map((name) => [name, name])]);
});
