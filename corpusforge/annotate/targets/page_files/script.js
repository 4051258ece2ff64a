"use strict";
/* Ranks, rates and writes without a server. Texts of prompts and answers only ever become text nodes. */
const data = JSON.parse(document.getElementById("data").textContent);
const key = `corpusforge:${data.job}:${data.checksum}:${data.batch}`;
const ranked = data.kind === "ranking" || data.kind === "pairwise";
const written = !ranked && data.kind !== "rating";
const get = (id) => document.getElementById(id);
const letter = (place) => String.fromCharCode(65 + place);
const WORST = "x";

let kept = true;
let progress = { answers: {}, current: 0, language: data.language, read: false, unsaved: 0 };
let shownSince = performance.now();
let drawn = null; // the parts of the task on screen that change

function word(name, values = {}) {
  const table = data.words[progress.language] || data.words.en;
  return table[name].replace(/\{(\w+)\}/g, (_, part) => String(values[part]));
}
const say = (text) => (text && (text[progress.language] || text.en)) || "";

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/* ---- what is kept ---- */

function restore() {
  try {
    const text = localStorage.getItem(key);
    localStorage.setItem(key + ":probe", "1");
    localStorage.removeItem(key + ":probe");
    if (text) progress = { ...progress, ...JSON.parse(text) };
  } catch (error) {
    kept = false;
  }
  if (!(progress.current >= 0 && progress.current < data.tasks.length)) progress.current = 0;
}

function keep() {
  try {
    localStorage.setItem(key, JSON.stringify(progress));
  } catch (error) {
    kept = false;
  }
  get("storage").hidden = kept;
}

function answerOf(task) {
  if (!progress.answers[task.id]) {
    progress.answers[task.id] = {
      places: {}, ratings: {}, text: "", cannot: false, confirmed: false, seconds: 0, created: "",
    };
  }
  return progress.answers[task.id];
}

function countTime() {
  const now = performance.now();
  if (data.tasks.length && !gated()) {
    answerOf(data.tasks[progress.current]).seconds += (now - shownSince) / 1000;
  }
  shownSince = now;
}

function changed() {
  const answer = answerOf(data.tasks[progress.current]);
  answer.confirmed = false;
  keep();
  drawState();
}

/* ---- Markdown of the guidelines, as far as they use it ---- */

function inline(node, text) {
  text.split(/(\*\*[^*]+\*\*|\*[^*\s][^*]*\*|`[^`]+`)/).forEach((part, place) => {
    if (place % 2 === 0) node.append(part);
    else if (part.startsWith("**")) node.append(make("strong", {}, part.slice(2, -2)));
    else if (part.startsWith("*")) node.append(make("em", {}, part.slice(1, -1)));
    else node.append(make("code", {}, part.slice(1, -1)));
  });
  return node;
}

const HAN = /[\u3000-\u9fff\uff00-\uffef]/;
function joined(lines) {
  return lines.map((line) => line.trim()).reduce((text, line) =>
    text && !(HAN.test(text.slice(-1)) && HAN.test(line.slice(0, 1))) ? `${text} ${line}` : text + line, "");
}

function prose(node, text) {
  node.replaceChildren();
  for (const block of text.split(/\n\s*\n/)) {
    let list = null;
    let lines = [];
    const flush = (target) => { if (lines.length) inline(target, joined(lines)); lines = []; };
    let target = null;
    for (const line of block.split("\n")) {
      const heading = /^#{1,4}\s+(.*)/.exec(line);
      const item = /^\s*(?:([-*])|\d+\.)\s+(.*)/.exec(line);
      if (heading) {
        if (target) flush(target);
        target = null;
        node.append(inline(make("h2"), heading[1]));
      } else if (item) {
        if (target) flush(target);
        if (!list) node.append((list = make(item[1] ? "ul" : "ol")));
        list.append((target = make("li")));
        lines.push(item[2]);
      } else if (line.trim()) {
        if (!target) node.append((target = make("p")));
        lines.push(line);
      }
    }
    if (target) flush(target);
  }
}

/* ---- one task on the screen ---- */

const gated = () => Boolean(say(data.warning) || say(data.guidelines)) && !progress.read;

function drawAll() {
  document.documentElement.lang = progress.language === "zh" ? "zh-Hans" : "en";
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  const other = progress.language === "zh" ? "en" : "zh";
  get("language").textContent = data.words[other].name;
  get("language").lang = other;
  get("batch").textContent = data.batch;
  get("storage").textContent = word("storage");
  get("storage").hidden = kept;
  get("guide").hidden = gated() || !say(data.guidelines);
  prose(get("guidelines"), say(data.guidelines));
  prose(get("warning"), say(data.warning));
  prose(get("first"), say(data.guidelines));
  get("warning").hidden = !say(data.warning);
  get("gate").hidden = !gated();
  get("task").hidden = gated();
  drawTask();
}

function content(text, label) {
  const body = make("div", { className: "content", dir: "auto", tabIndex: 0, role: "region", "aria-label": label });
  body.textContent = text;
  const more = make("button", { type: "button", hidden: true, "aria-expanded": "false" }, word("full"));
  more.addEventListener("click", () => {
    const full = body.classList.toggle("full");
    more.textContent = word(full ? "less" : "full");
    more.setAttribute("aria-expanded", String(full));
  });
  requestAnimationFrame(() => { more.hidden = body.scrollHeight <= body.clientHeight + 2; });
  return [body, more];
}

function drawPrompt(task) {
  const node = make("section", { className: "prompt" }, make("h2", {}, word("prompt")));
  for (const turn of task.messages) {
    const part = make("div", { className: "turn" });
    if (task.messages.length > 1) part.append(make("div", { className: "role" }, word(turn.role)));
    part.append(...content(turn.content, word(turn.role)));
    node.append(part);
  }
  return node;
}

function drawRatings(task, candidate, answer) {
  const rating = (answer.ratings[candidate.id] ||= { scores: {}, flags: [], comment: "" });
  const parts = [];
  for (const scale of data.scales) {
    const group = make("fieldset", {}, make("legend", {}, say(scale.title) || scale.name));
    if (say(scale.help)) group.append(make("span", { className: "help" }, say(scale.help)));
    for (let value = scale.low; value <= scale.high; value += 1) {
      const input = make("input", {
        type: "radio", name: `${candidate.id} ${scale.name}`, value: String(value),
        checked: rating.scores[scale.name] === value,
        onchange: () => { rating.scores[scale.name] = value; changed(); },
      });
      group.append(make("label", {}, input, String(value)));
    }
    parts.push(group);
  }
  if (data.flags.length) {
    const group = make("fieldset", {}, make("legend", {}, word("flags")));
    for (const flag of data.flags) {
      const input = make("input", {
        type: "checkbox", value: flag.name, checked: rating.flags.includes(flag.name),
        onchange: () => {
          rating.flags = rating.flags.filter((name) => name !== flag.name);
          if (input.checked) rating.flags.push(flag.name);
          changed();
        },
      });
      group.append(make("label", { title: say(flag.help) }, input, say(flag.title) || flag.name));
    }
    parts.push(group);
  }
  if (parts.length) {
    const note = make("textarea", {
      rows: 1, value: rating.comment, "aria-label": word("comment"), placeholder: word("comment"), dir: "auto",
      oninput: () => { rating.comment = note.value; changed(); },
    });
    parts.push(make("fieldset", {}, note));
  }
  return parts;
}

const placeName = (place) =>
  place === undefined ? word("unplaced") : place === WORST ? word("cannot_place")
    : place === 1 ? word("best") : word("place", { n: place });

function drawAnswer(task, candidate, index, answer) {
  const name = word("answer", { letter: letter(index) });
  const card = make("article", { className: "answer", tabIndex: -1, "aria-label": name });
  card.dataset.id = candidate.id;
  const top = make("header", {}, make("span", { className: "badge", "aria-hidden": "true" }, letter(index)),
    make("strong", {}, name));
  if (ranked) {
    draggable(top.firstChild, candidate.id);
    const buttons = make("span", { className: "places", role: "group", "aria-label": word("board") });
    for (const place of [...task.answers.map((_, n) => n + 1), WORST]) {
      const button = make("button", {
        type: "button", "aria-label": `${name}: ${placeName(place)}`,
        onclick: () => setPlace(candidate.id, answer.places[candidate.id] === place ? undefined : place),
      }, place === WORST ? word("cannot_place") : String(place));
      button.dataset.place = String(place);
      buttons.append(button);
    }
    top.append(buttons);
  }
  card.append(top, ...content(candidate.text, name), ...drawRatings(task, candidate, answer));
  return card;
}

function drawBoard(task) {
  const board = make("section", { className: "board", "aria-label": word("board") }, make("h2", {}, word("board")));
  const zones = new Map();
  for (const place of [...task.answers.map((_, n) => n + 1), WORST, undefined]) {
    const zone = make("div", { className: "zone", role: "group", "aria-label": placeName(place) },
      make("span", { className: "label" }, placeName(place)));
    zone.dataset.place = String(place);
    zones.set(String(place), zone);
    board.append(zone);
  }
  const chips = new Map();
  task.answers.forEach((candidate, index) => {
    const chip = make("button", { type: "button", className: "chip" }, letter(index));
    chip.dataset.id = candidate.id;
    draggable(chip, candidate.id);
    chips.set(candidate.id, chip);
  });
  const help = make("p", { className: "keys" });
  const named = { digits: `1–${task.answers.length}`, zero: "0", back: "⌫", arrows: "↑ ↓", enter: "Ctrl + Enter" };
  const table = data.words[progress.language] || data.words.en;
  table.keys.split(/\{(\w+)\}/).forEach((part, n) => help.append(n % 2 ? make("kbd", {}, named[part]) : part));
  board.append(help);
  return { board, zones, chips };
}

function drawTask() {
  const task = data.tasks[progress.current];
  const main = get("task");
  if (!task) { main.replaceChildren(); drawn = null; drawState(); return; }
  const answer = answerOf(task);
  const layout = make("div", { className: "layout" }, drawPrompt(task));
  drawn = { zones: new Map(), chips: new Map(), cards: new Map() };
  if (written) {
    const text = make("textarea", {
      className: "long", value: answer.text, "aria-label": word("write"), placeholder: word("write"), dir: "auto",
      oninput: () => { answer.text = text.value; changed(); },
    });
    layout.append(make("section", { className: "answers" }, text));
  } else {
    const list = make("section", { className: "answers" });
    task.answers.forEach((candidate, index) => {
      const card = drawAnswer(task, candidate, index, answer);
      drawn.cards.set(candidate.id, card);
      list.append(card);
    });
    layout.append(list);
    if (ranked) {
      const made = drawBoard(task);
      drawn.zones = made.zones;
      drawn.chips = made.chips;
      layout.append(made.board);
    }
  }
  main.replaceChildren(
    make("h2", { className: "soft", id: "number" }, word("task", { n: progress.current + 1, all: data.tasks.length })),
    layout, drawFinish(answer));
  drawPlaces();
  drawState();
}

function drawFinish(answer) {
  const problem = make("p", { className: "problem", id: "problem", role: "alert", hidden: true });
  const cannot = make("input", {
    type: "checkbox", id: "cannot", checked: answer.cannot,
    onchange: () => { answer.cannot = cannot.checked; changed(); },
  });
  return make("div", { className: "finish" }, problem,
    make("button", { type: "button", id: "previous", onclick: () => go(progress.current - 1) }, word("previous")),
    make("button", { type: "button", id: "next", onclick: () => go(progress.current + 1) }, word("next")),
    written ? null : make("label", {}, cannot, " ", word("cannot")),
    make("span", { className: "state", id: "state" }), make("span", { className: "spring" }),
    make("button", { type: "button", id: "confirm", className: "strong", onclick: confirmTask }, word("confirm")));
}

function drawPlaces() {
  const task = data.tasks[progress.current];
  if (!task || !ranked) return;
  const { places } = answerOf(task);
  const focused = document.activeElement;
  task.answers.forEach((candidate, index) => {
    const place = places[candidate.id];
    const chip = drawn.chips.get(candidate.id);
    drawn.zones.get(String(place)).append(chip);
    chip.setAttribute("aria-label", word("placed", { letter: letter(index), place: placeName(place) }));
    for (const button of drawn.cards.get(candidate.id).querySelectorAll(".places button")) {
      button.setAttribute("aria-pressed", String(button.dataset.place === String(place)));
    }
  });
  if (focused && focused.classList.contains("chip")) focused.focus(); // moving a node takes its focus
}

function drawState() {
  const done = data.tasks.filter((task) => progress.answers[task.id] && progress.answers[task.id].confirmed).length;
  get("progress").max = Math.max(1, data.tasks.length);
  get("progress").value = done;
  const unsaved = progress.unsaved ? ` · ${word("unsaved", { n: progress.unsaved })}` : "";
  get("count").textContent = word("done_of", { done, all: data.tasks.length }) + unsaved;
  const task = data.tasks[progress.current];
  if (!task || !get("state")) return;
  const { confirmed } = answerOf(task);
  get("state").textContent = word(confirmed ? "state_done" : "state_open");
  get("state").classList.toggle("done", confirmed);
  get("previous").disabled = progress.current === 0;
  get("next").disabled = progress.current === data.tasks.length - 1;
}

/* ---- what a rater does ---- */

function setPlace(id, place) {
  const task = data.tasks[progress.current];
  const answer = answerOf(task);
  const index = task.answers.findIndex((candidate) => candidate.id === id);
  if (place === undefined) delete answer.places[id];
  else answer.places[id] = place;
  get("live").textContent = place === undefined ? word("taken", { letter: letter(index) })
    : word("placed", { letter: letter(index), place: placeName(place) });
  changed();
  drawPlaces();
}

function problemOf(task, answer) {
  if (written) return answer.text.trim() ? "" : word("missing_text");
  if (answer.cannot) return "";
  const named = (ids) => task.answers.map((c, n) => [c, n]).filter(([c]) => ids(c)).map(([, n]) => letter(n)).join(", ");
  if (ranked) {
    const open = named((c) => answer.places[c.id] === undefined);
    if (open) return word("missing", { list: open });
    const shared = named((c) => answer.places[c.id] !== WORST &&
      task.answers.some((d) => d !== c && answer.places[d.id] === answer.places[c.id]));
    return shared && !data.ties ? word("no_ties", { list: shared }) : "";
  }
  const open = named((c) => data.scales.some((scale) => answer.ratings[c.id].scores[scale.name] === undefined));
  return open ? word("missing_scale", { list: open }) : "";
}

function confirmTask() {
  countTime();
  const task = data.tasks[progress.current];
  const answer = answerOf(task);
  const problem = problemOf(task, answer);
  get("problem").textContent = problem;
  get("problem").hidden = !problem;
  if (problem) return;
  answer.confirmed = true;
  answer.created = new Date().toISOString();
  progress.unsaved += 1;
  keep();
  const after = [...data.tasks.keys()].map((n) => (progress.current + 1 + n) % data.tasks.length);
  const open = after.find((n) => !(progress.answers[data.tasks[n].id] || {}).confirmed);
  if (open !== undefined) go(open);
  else {
    drawState();
    get("problem").textContent = word("all_done");
    get("problem").hidden = false;
    get("save").focus();
  }
}

function go(place) {
  if (place < 0 || place >= data.tasks.length) return;
  countTime();
  progress.current = place;
  keep();
  drawTask();
  get("task").focus({ preventScroll: true });
  scrollTo(0, 0);
}

function onKey(event) {
  if (gated() || !drawn) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    confirmTask();
    return;
  }
  const target = event.target;
  if (!ranked || event.ctrlKey || event.metaKey || event.altKey || /^(TEXTAREA|INPUT)$/.test(target.tagName)) return;
  const holder = target.closest(".chip, .answer");
  if (!holder) return;
  const id = holder.dataset.id;
  const size = data.tasks[progress.current].answers.length;
  const place = answerOf(data.tasks[progress.current]).places[id];
  const chip = holder.classList.contains("chip");
  if (/^[1-9]$/.test(event.key) && Number(event.key) <= size) setPlace(id, Number(event.key));
  else if (event.key === "0") setPlace(id, WORST);
  else if (event.key === "Backspace" || event.key === "Delete") setPlace(id, undefined);
  else if (chip && event.key === "ArrowUp") setPlace(id, place === undefined ? WORST : place === WORST ? size : Math.max(1, place - 1));
  else if (chip && event.key === "ArrowDown") setPlace(id, place === undefined ? undefined : place === WORST ? undefined : place === size ? WORST : place + 1);
  else return;
  event.preventDefault();
}

function draggable(handle, id) {
  let start = null;
  let ghost = null;
  const zoneAt = (event) => {
    const under = document.elementFromPoint(event.clientX, event.clientY);
    return under ? under.closest(".zone") : null;
  };
  const stop = () => {
    if (ghost) ghost.remove();
    ghost = start = null;
    for (const zone of drawn.zones.values()) zone.classList.remove("over");
    handle.classList.remove("moving");
  };
  handle.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = { x: event.clientX, y: event.clientY };
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    if (!start) return;
    if (!ghost) {
      if (Math.hypot(event.clientX - start.x, event.clientY - start.y) < 4) return;
      ghost = make("span", { className: "badge ghost" }, handle.textContent);
      handle.classList.add("moving");
      document.body.append(ghost);
    }
    ghost.style.left = `${event.clientX + 6}px`;
    ghost.style.top = `${event.clientY + 6}px`;
    const zone = zoneAt(event);
    for (const other of drawn.zones.values()) other.classList.toggle("over", other === zone);
  });
  handle.addEventListener("pointerup", (event) => {
    const zone = ghost ? zoneAt(event) : null;
    stop();
    if (!zone) return;
    const place = zone.dataset.place;
    setPlace(id, place === "undefined" ? undefined : place === WORST ? WORST : Number(place));
  });
  handle.addEventListener("pointercancel", stop);
}

/* ---- out and in by file ---- */

function rowOf(task) {
  const answer = answerOf(task);
  const tiers = task.answers.map((_, n) => task.answers.filter((c) => answer.places[c.id] === n + 1).map((c) => c.id));
  const ratings = Object.entries(answer.ratings)
    .filter(([, one]) => Object.keys(one.scores).length || one.flags.length || one.comment)
    .map(([candidate, one]) => ({ candidate, scores: one.scores, flags: one.flags, comment: one.comment }));
  return {
    task: task.id,
    tiers: tiers.filter((tier) => tier.length),
    unrankable: task.answers.filter((c) => answer.places[c.id] === WORST).map((c) => c.id),
    unplaced: task.answers.filter((c) => ranked && answer.places[c.id] === undefined).map((c) => c.id),
    cannot_rank: answer.cannot,
    ratings,
    text: answer.text,
    confirmed: answer.confirmed,
    lead_time: Math.round(answer.seconds * 1000) / 1000,
    created: answer.created,
  };
}

const begun = (answer) => answer && (answer.confirmed || answer.cannot || answer.text ||
  Object.keys(answer.places).length > 0 || Object.values(answer.ratings).some((one) =>
  Object.keys(one.scores).length || one.flags.length || one.comment));

function saveFile() {
  countTime();
  const rows = data.tasks.filter((task) => begun(progress.answers[task.id])).map(rowOf);
  const file = {
    schema: data.schema, job: data.job, checksum: data.checksum, batch: data.batch,
    saved: new Date().toISOString(),
    answers: rows.filter((row) => row.confirmed), drafts: rows.filter((row) => !row.confirmed),
  };
  const url = URL.createObjectURL(new Blob([JSON.stringify(file) + "\n"], { type: "application/json" }));
  const link = make("a", { href: url, download: `${data.batch.replace(/[^\w.-]+/g, "_")}.answers.json` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  progress.unsaved = 0;
  keep();
  drawState();
  get("live").textContent = word("saved", { n: file.answers.length });
}

function takeRow(row) {
  const task = data.tasks.find((one) => one.id === row.task);
  if (!task) return false;
  const mine = progress.answers[task.id];
  if (mine && mine.confirmed && !(row.confirmed && row.created > mine.created)) return false;
  const known = new Set(task.answers.map((candidate) => candidate.id));
  const answer = { places: {}, ratings: {}, text: String(row.text || ""), cannot: row.cannot_rank === true,
    confirmed: row.confirmed === true, seconds: Number(row.lead_time) || 0, created: String(row.created || "") };
  (row.tiers || []).forEach((tier, n) => tier.forEach((id) => { if (known.has(id)) answer.places[id] = n + 1; }));
  (row.unrankable || []).forEach((id) => { if (known.has(id)) answer.places[id] = WORST; });
  for (const one of row.ratings || []) {
    if (known.has(one.candidate)) answer.ratings[one.candidate] = {
      scores: { ...one.scores }, flags: [...(one.flags || [])], comment: String(one.comment || "") };
  }
  progress.answers[task.id] = answer;
  return true;
}

async function loadFile() {
  const chosen = get("file").files[0];
  get("file").value = "";
  if (!chosen) return;
  let count = 0;
  try {
    const file = JSON.parse(await chosen.text());
    if (file.schema !== data.schema || file.job !== data.job || file.checksum !== data.checksum || file.batch !== data.batch) throw new Error();
    for (const row of [...file.answers, ...file.drafts]) count += takeRow(row) ? 1 : 0;
  } catch (error) {
    alert(word("wrong_file"));
    return;
  }
  keep();
  drawTask();
  get("live").textContent = word("loaded", { n: count });
}

/* ---- start ---- */

get("language").addEventListener("click", () => {
  progress.language = progress.language === "zh" ? "en" : "zh";
  keep();
  drawAll();
});
get("guide").addEventListener("click", () => {
  const hidden = (get("guidelines").hidden = !get("guidelines").hidden);
  get("guide").setAttribute("aria-expanded", String(!hidden));
});
get("enter").addEventListener("click", () => {
  shownSince = performance.now();
  progress.read = true;
  keep();
  drawAll();
  get("task").focus({ preventScroll: true });
  scrollTo(0, 0);
});
get("save").addEventListener("click", saveFile);
get("load").addEventListener("click", () => get("file").click());
get("file").addEventListener("change", loadFile);
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") { countTime(); keep(); } else shownSince = performance.now();
});
restore();
drawAll();
