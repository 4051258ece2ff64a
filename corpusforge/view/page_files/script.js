"use strict";
/* The page over a run: funnel, bounds, search. */

/* Funnel */

let rule = null;

function drawFunnel() {
  const own = run.funnels.find((one) => one.source === at("funnel-source").value);
  const first = own.steps[0]?.seen || 1;
  at("steps").replaceChildren(...own.steps.map((step) => {
    const box = node("div", { class: "stage" },
      node("h3", {}, step.stage, node("span", { class: "soft", text: `${count(step.kept)} of ${count(step.seen)} kept` })),
      node("meter", { min: 0, max: first, value: step.kept, "aria-label": `${step.stage}: kept of the first` }));
    for (const [name, number] of step.rules)
      box.append(node("button", { type: "button", class: "rule", "aria-pressed": rule?.name === name && rule.stage === step.stage,
        onclick: () => go({ panel: "funnel", source: at("funnel-source").value, stage: step.stage, rule: name }) },
        name, node("span", { text: count(number) })));
    if (step.failed) box.append(node("p", { class: "soft", text: `${count(step.failed)} failed` }));
    return box;
  }));
}

async function drawDropped(start = 0) {
  const lang = start || at("rule-lang").dataset.rule === rule.name ? at("rule-lang").value : "";
  const told = await ask("dropped", "dropped", { stage: rule.stage, rule: rule.name, source: at("funnel-source").value, lang, start });
  if (!told) return;
  at("rule").textContent = `${rule.name} at ${rule.stage}: ${count(told.total)} dropped`;
  const every = Object.values(told.languages).reduce((sum, n) => sum + n, 0);
  options(at("rule-lang"), counted(told.languages, every), lang);
  at("rule-lang").dataset.rule = rule.name;
  at("rule-controls").hidden = false;
  at("move").hidden = !run.measures.some((one) => one.name === rule.name || (rule.stage === "score" && one.kind === "score"));
  drawPage("dropped", "more", told, start, documentCard, "The run keeps no row of each: not drawn is not refused.");
}

/* Bounds */

let bins = null;
const chosen = () => run.measures.find((one) => one.name === at("measure").value);
const groups = () => ({ source: at("bound-source").value, lang: at("bound-lang").value });

function position(x) {
  const [low, high] = [bins.edges[0], bins.edges.at(-1)];
  const share = bins.log ? Math.log(Math.max(x, low) / low) / Math.log(high / low) : (x - low) / (high - low);
  return Math.min(1, Math.max(0, share));
}

function valueAt(share) {
  const [low, high] = [bins.edges[0], bins.edges.at(-1)];
  const value = bins.log ? low * (high / low) ** share : low + (high - low) * share;
  return Number(value.toPrecision(4));
}

function limits(low, high) {
  return [low !== null ? `at least ${low}` : "", high !== null ? `at most ${high}` : ""].filter(Boolean).join(", ");
}

function ownBound() {
  const other = chosen().others[groups().lang.split("-")[0]];
  const own = other ? other[at("end").value === "low" ? 0 : 1] : chosen()[at("end").value];
  return own ?? (bins && bins.edges.length ? valueAt(at("end").value === "low" ? 0 : 1) : 0);
}

async function drawMeasure(value = null) {
  const own = chosen();
  const two = own.low !== null && own.high !== null;
  if (value === null && !two) at("end").value = own.high !== null ? "high" : "low";
  const alike = {};
  for (const [lang, [low, high]] of Object.entries(own.others)) (alike[limits(low, high)] ||= []).push(lang);
  at("about").textContent = [own.statistic, own.unit].filter(Boolean).join(" · ")
    + (own.low !== null || own.high !== null ? ` · the run's bound: ${limits(own.low, own.high)}` : " · the run has no bound on it")
    + Object.entries(alike).map(([told, langs]) => ` · in ${langs.join(", ")}: ${told}`).join("")
    + (Object.keys(own.others).length ? " · a bound that a recipe sets holds in every language" : "");
  bins = await ask("histogram", "histogram", { measure: own.name, ...groups() });
  if (!bins) return;
  at("value").value = value ?? ownBound();
  await drawBound();
}

function drawChart(bound) {
  const svg = at("chart");
  const make = (name, own, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(own)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  };
  const [width, height] = [900, 150];
  svg.setAttribute("viewBox", `0 0 ${width} ${height + 22}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.replaceChildren();
  if (!bins.edges.length) return;
  const most = Math.max(...bins.documents, 1);
  bins.documents.forEach((n, i) => {
    if (!n) return;
    const [left, right] = [position(bins.edges[i]) * width, position(bins.edges[i + 1]) * width];
    const tall = Math.max(2, (n / most) * (height - 6));
    const middle = (bins.edges[i] + bins.edges[i + 1]) / 2;
    const kept = at("end").value === "low" ? middle >= bound : middle <= bound;
    svg.append(make("rect", { x: left, y: height - tall, width: Math.max(1, right - left - 1), height: tall, class: kept ? "kept" : "gone" }));
  });
  const x = position(bound) * width;
  svg.append(make("line", { x1: x, x2: x, y1: 0, y2: height }));
  for (const share of [0, 0.25, 0.5, 0.75, 1])
    svg.append(make("text", { x: share * width, y: height + 16, "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle" }, String(valueAt(share))));
}

function recipeLine(bound) {
  const own = chosen();
  if (own.kind === "rule") {
    const [set, name] = own.name.split(":");
    return { line: `[filter.bounds."${set}"]\n${name}_${at("end").value} = ${bound}`, option: `--set 'filter.bounds."${set}".${name}_${at("end").value}=${bound}'` };
  }
  if (own.kind === "score" && at("end").value === "low")
    return { line: `[score.keep]\nrule = "threshold"\nthreshold = ${bound}`, option: `--set 'score.keep.rule="threshold"' --set score.keep.threshold=${bound}` };
  return null;
}

let pause = 0;

async function drawBound() {
  const bound = Number(at("value").value);
  if (!Number.isFinite(bound) || at("value").value.trim() === "") return problem("The bound is not a number.");
  problem("");
  const end = at("end").value;
  if (bins.edges.length) at("slider").value = position(bound) * 600;
  drawChart(bound);
  const line = recipeLine(bound);
  at("line").textContent = line ? line.line : "No rule of the recipe bounds this: a rule of your own may (docs/add-a-rule.md).";
  at("copy").disabled = at("option").disabled = !line;
  const other = end === "low" ? "high" : "low";
  const asked = { [end]: bound };
  if (chosen()[other] !== null) asked[other] = chosen()[other];
  window.clearTimeout(pause);
  pause = window.setTimeout(() => drawNear(bound, end), 250);
  const rows = await ask("counts", "counts", { measure: chosen().name, ...asked });
  if (!rows) return;
  const { source, lang } = groups();
  const shown = rows.filter((row) => (!source || row.source === source) && (!lang || row.lang === lang));
  at("counts").replaceChildren(...shown.map((row) => node("tr", {},
    ...[row.source, row.lang || "und", ...[row.documents, row.now, row.then, row.back, row.gone].map(count)].map((text) => node("td", { text })))));
  const sum = (key) => shown.reduce((total, row) => total + row[key], 0);
  at("total").textContent = `Kept by this bound: ${count(sum("then"))} of ${count(sum("documents"))} (the run kept ${count(sum("now"))}); ${count(sum("back"))} come back, ${count(sum("gone"))} go.`;
}

async function drawNear(bound, end) {
  const told = await ask("near", "near", { measure: chosen().name, bound, end, ...groups() });
  if (!told) return;
  for (const side of ["kept", "dropped"])
    at(`near-${side}`).replaceChildren(...(told[side].length ? told[side].map(documentCard) : [node("p", { class: "soft", text: "None with a text." })]));
}

/* Search */

async function drawSearch(words) {
  at("words").value = words;
  at("results").replaceChildren();
  at("found").textContent = words ? "Searching …" : "";
  if (!words) return;
  const rows = await ask("search", "search", { words });
  at("found").textContent = rows ? `${rows.length === 50 ? "The first 50" : rows.length} found` : "";
  if (rows) at("results").replaceChildren(...rows.map(documentCard));
}

panels.funnel = async (place) => {
  at("funnel-source").value = place.source || "";
  rule = place.rule ? { stage: place.stage, name: place.rule } : null;
  drawFunnel();
  if (rule) await drawDropped();
};

panels.bound = async (place) => {
  if (run.measures.some((one) => one.name === place.measure)) at("measure").value = place.measure;
  at("bound-source").value = place.source || "";
  at("bound-lang").value = place.lang || "";
  await drawMeasure();
};

panels.search = async (place) => {
  await drawSearch(place.words || "");
  at("words").focus();
};

begin(() => {
  const sources = [["", "all"], ...run.funnels.filter((one) => one.source).map((one) => [one.source, one.source])];
  for (const id of ["funnel-source", "bound-source", "copies-source"]) options(at(id), sources);
  options(at("measure"), run.measures.map((one) => [one.name, one.name]));
  options(at("bound-lang"), [["", "all"], ...run.languages.map((name) => [name, name])]);
  document.querySelector("[data-panel=beside]").hidden = !run.beside;
});

at("funnel-source").addEventListener("change", () => go({ panel: "funnel", source: at("funnel-source").value, ...(rule ? { stage: rule.stage, rule: rule.name } : {}) }));
at("rule-lang").addEventListener("change", () => drawDropped());
at("more").addEventListener("click", () => drawDropped(at("dropped").children.length));
at("move").addEventListener("click", () => go({ panel: "bound", measure: rule.stage === "score" ? "score" : rule.name, source: at("funnel-source").value, lang: at("rule-lang").value }));
for (const id of ["measure", "bound-source", "bound-lang"]) at(id).addEventListener("change", () => go({ panel: "bound", measure: at("measure").value, ...groups() }));
at("end").addEventListener("change", () => { at("value").value = ownBound(); drawBound(); });
at("slider").addEventListener("input", () => { at("value").value = valueAt(at("slider").value / 600); drawBound(); });
at("value").addEventListener("input", () => drawBound());
at("own").addEventListener("click", () => { at("value").value = ownBound(); drawBound(); });
for (const id of ["copy", "option"]) at(id).addEventListener("click", async () => {
  const text = recipeLine(Number(at("value").value))[id === "copy" ? "line" : "option"];
  await navigator.clipboard.writeText(text);
  at("line").textContent = `copied: ${text}`;
});
at("form").addEventListener("submit", (event) => { event.preventDefault(); go({ panel: "search", words: at("words").value }); });
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || document.querySelector("dialog[open]") || typing(event.target)) return;
  event.preventDefault();
  go({ panel: "search" });
  at("words").focus();
});
