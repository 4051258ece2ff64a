"use strict";
/* The page over instruct rows: rows and refused candidates, reading, agreement. */

function rowCard(row) {
  const meta = node("div", { class: "meta" });
  if (row.rule) meta.append(node("b", { text: `${row.step} · ${row.rule}` }), ...facts([row.value && `value ${row.value}`, row.bound && `bound ${row.bound}`]));
  meta.append(...facts([row.lang, ...row.facts]), node("button", { type: "button", class: "why", text: "How it came about", onclick: () => showTrace(row.id) }));
  return node("article", { class: "document", "data-id": row.id, tabindex: "-1" }, meta, talk(row.turns));
}

function named(title, pairs) {
  if (!pairs.length) return [];
  return [node("h3", { text: title }), node("ul", {}, ...pairs.map(([name, text]) => node("li", { dir: "auto" }, text || name, text ? node("span", { class: "soft", text: ` ${name}` }) : "")))];
}

function nearest(list) {
  if (!list.length) return [];
  return [node("h3", { text: "Nearest tasks (marked: words of both)" }), ...list.map((one) => node("div", { class: "near" },
    node("div", { class: "meta" }, ...facts([one.f1 === null ? "" : `ROUGE-L ${one.f1.toFixed(2)}`, one.id])),
    one.pieces ? content(one.pieces) : node("p", { class: "soft", text: "Its text is not in this output." })))];
}

function request(one) {
  const head = node("div", { class: "meta" }, ...facts([one.purpose, one.ended && `ended by ${one.ended}`, one.key]));
  if (!one.sent) return node("div", { class: "near" }, head, node("p", { class: "soft", text: "The journal is not here, or has no such line: give --journal FILE." }));
  const prompt = node("details", {}, node("summary", { text: "The prompt, as it was sent" }), talk(one.sent));
  return node("div", { class: "near" }, head, prompt, talk([...(one.thought ? [["thought", one.thought]] : []), ["reply", one.reply]]));
}

async function showTrace(id) {
  const told = await ask("trace", "trace", { id });
  if (!told) return;
  at("trace-told").replaceChildren(
    node("p", { class: "soft", text: told.id }), talk(told.turns),
    ...(told.rule ? [node("p", {}, node("b", { text: `Refused at ${told.step} by ${told.rule}` }), `: value ${told.value || "–"}, bound ${told.bound || "–"}`)] : []),
    node("h3", { text: "Requests" }), ...(told.requests.length ? told.requests.map(request) : [node("p", { class: "soft", text: "No model was asked." })]),
    ...nearest(told.nearest), ...named("Seeds of its prompt", told.seeds), ...named("Earlier tasks of its prompt", told.parents),
    ...(told.lineage.length ? [node("h3", { text: "Lineage" }), node("table", { class: "first-left lineage" }, ...told.lineage.map(cells))] : []));
  at("trace").showModal();
  at("trace").scrollTop = 0;
}

/* Rows */

const chosenRule = () => at("rows-rule").value.split("\u0000");

async function drawRows(start = 0) {
  const [step = "", rule = ""] = chosenRule();
  const told = await ask("rows", "rows", { step, rule, lang: at("rows-lang").value, kind: at("rows-kind").value, words: at("rows-words").value, start });
  if (!told) return;
  at("rows-told").textContent = `${count(told.total)} ${rule ? "candidates refused" : "rows"}`;
  drawPage("rows-list", "rows-more", told, start, rowCard, "None.");
}

panels.rows = async (place) => {
  at("rows-rule").value = place.rule ? `${place.step}\u0000${place.rule}` : "";
  at("rows-lang").value = place.lang || "";
  at("rows-kind").value = place.kind || "";
  at("rows-words").value = place.words || "";
  at("kinds").hidden = Boolean(place.rule);
  await drawRows();
};

function goRows() {
  const [step = "", rule = ""] = chosenRule();
  go({ panel: "rows", step, rule, lang: at("rows-lang").value, kind: rule ? "" : at("rows-kind").value, words: at("rows-words").value });
}

for (const id of ["rows-rule", "rows-lang", "rows-kind"]) at(id).addEventListener("change", goRows);
at("form").addEventListener("submit", (event) => { event.preventDefault(); goRows(); });
at("rows-more").addEventListener("click", () => drawRows(at("rows-list").children.length));

/* Reading */

let reading = null;
let place = 0;

function drawReading() {
  const row = reading.rows[place];
  const read = reading.rows.filter((one) => one.label).length;
  at("read-told").textContent = `${reading.reader}: row ${place + 1} of ${reading.rows.length}, ${read} read, kept in ${reading.file}`;
  at("read-share").value = read / reading.rows.length;
  at("read-row").replaceChildren(node("article", { class: "document now", tabindex: "-1" }, node("div", { class: "meta" }, ...facts([row.lang])), talk(row.turns)));
  for (const button of document.querySelectorAll("[data-label]")) if (button.dataset.label) button.setAttribute("aria-pressed", button.dataset.label === row.label);
  at("why").value = row.why;
  at("read-before").disabled = place === 0;
  at("read-after").disabled = place + 1 >= reading.rows.length;
}

function turnTo(number) {
  if (number < 0 || number >= reading.rows.length) return;
  at("why").blur();
  go({ panel: "reading", row: number + 1 });
}

/** Write a label, or the reason of one that stands. */
async function label(name, why) {
  const row = reading.rows[place];
  const told = await ask("label", "label", {}, { method: "POST", body: new URLSearchParams({ id: row.id, label: name, why }) });
  if (!told) return false;
  Object.assign(row, { label: name, why });
  drawReading();
  return true;
}

async function give(name) {
  if (!(await label(name, name ? at("why").value : ""))) return;
  if (name === "sound") turnTo(place + 1);
  else if (name) at("why").focus();
}

panels.reading = async (asked) => {
  reading ||= await ask("reading", "reading");
  if (!reading) return;
  const unread = reading.rows.findIndex((one) => !one.label);
  place = asked.row ? Math.min(Math.max(Number(asked.row) - 1 || 0, 0), reading.rows.length - 1) : Math.max(unread, 0);
  if (!reading.rows.length) at("read-told").textContent = "The output has no rows to read.";
  else drawReading();
};

for (const button of document.querySelectorAll("[data-label]")) button.addEventListener("click", () => give(button.dataset.label));
at("read-before").addEventListener("click", () => turnTo(place - 1));
at("read-after").addEventListener("click", () => turnTo(place + 1));
at("read-unread").addEventListener("click", () => {
  const next = reading.rows.findIndex((one, i) => i > place && !one.label);
  turnTo(next >= 0 ? next : reading.rows.findIndex((one) => !one.label));
});
at("why").addEventListener("change", () => { if (reading.rows[place].label) label(reading.rows[place].label, at("why").value); });
at("why").addEventListener("keydown", async (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  const row = reading.rows[place];
  if (row.label && (await label(row.label, at("why").value))) turnTo(place + 1);
});
document.addEventListener("keydown", (event) => {
  if (at("reading").hidden || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || typing(event.target)) return;
  const own = { s: "sound", w: "weak", x: "wrong", u: "" }[event.key];
  if (own !== undefined) { event.preventDefault(); give(own); }
  if (event.key === "ArrowLeft") turnTo(place - 1);
  if (event.key === "ArrowRight") turnTo(place + 1);
});

/* Agreement */

function apartCard(row) {
  const said = row.labels.map(([reader, name, why]) => node("li", { dir: "auto" }, node("b", { text: `${reader}: ${name}` }), why ? ` (${why})` : ""));
  return node("article", { class: "document", "data-id": row.id, tabindex: "-1" }, node("ul", { class: "said" }, ...said), talk(row.turns));
}

panels.agreement = async () => {
  const told = await ask("agreement", "agreement");
  if (!told) return;
  at("readers").replaceChildren(...told.readers.map((one) => {
    const read = one.sound + one.weak + one.wrong;
    return cells([one.reader, one.sound, one.weak, one.wrong, read, read ? share(one.sound / read) : "–"].map(String));
  }));
  at("alpha").textContent = told.readers.length > 1 ? `Krippendorff's α (ordinal) of all readers: ${figure(told.alpha)}` : "One reader so far. Another one reads the same rows by the same command with another --reader.";
  at("kappas").replaceChildren(...told.pairs.map((one) => cells([one.readers.join(", "), String(one.both), one.both ? `${one.same} (${share(one.same / one.both)})` : "–", figure(one.kappa)])));
  at("apart-told").textContent = told.readers.length > 1 ? `Labelled differently, of what you have read: ${told.apart.length}` : "";
  at("apart").replaceChildren(...told.apart.map(apartCard));
};

openCard = showTrace;
begin(() => {
  options(at("rows-rule"), [["", `finished rows (${count(run.kept)})`], ...run.refused.map((one) => [`${one.step}\u0000${one.rule}`, `refused: ${one.step} · ${one.rule} (${count(one.n)})`])]);
  options(at("rows-lang"), [["", "all"], ...Object.keys(run.languages).sort().map((name) => [name, name])]);
  options(at("rows-kind"), counted(run.kinds, run.kept));
  for (const name of ["reading", "agreement"]) document.querySelector(`[data-panel=${name}]`).hidden = !run.reader;
});
