// A system's mistakes: which pairs it confuses, and every clip of them.

import { get, tell } from "/static/api.js";
import { $, make } from "/static/dom.js";
import { playButton } from "/static/player.js";
import { showClip } from "/static/voice.js";
import { number, onLanguage, percent, say } from "/static/words.js";

const PAGE = 40;
let systems = [];
let answers = [];
let shown = PAGE;

export async function openMistakes(given) {
  systems = given;
  $("of-system").replaceChildren(...systems.map(({ name }) => make("option", { value: name }, name)));
  $("of-system").value = systems.find(({ name }) => name === "ravdess")?.name ?? systems[0]?.name;
  if (systems.length) await load();
  else $("of-what").textContent = say("no-results");
}

const system = () => systems.find(({ name }) => name === $("of-system").value);

async function load() {
  try {
    answers = await get("answers", { system: $("of-system").value });
    clear();
  } catch (error) {
    tell(error);
  }
}

function clear() {
  for (const id of ["of-truth", "of-answer", "of-speaker"]) $(id).value = "";
  $("least").value = 0;
  draw();
}

function draw() {
  if (!system()) return;
  options("of-truth", system().emotions, say);
  options("of-answer", system().emotions, say);
  const speakers = [...new Set(answers.map(({ corpus, speaker }) => `${corpus}/${speaker}`))].sort();
  options("of-speaker", speakers, (name) => name);
  const { protocol, mark, clips, seeds, heard, corpora } = system();
  const silent = heard.length < corpora.length ? say("not-here") : "";
  $("of-what").textContent = [say("of-what", { protocol, clips: number(clips), seeds }), mark, silent].filter(Boolean).join(" ");
  $("least-shown").textContent = percent(Number($("least").value) / 100);
  drawMatrix();
  shown = PAGE;
  drawList();
}

function options(id, names, word) {
  const before = $(id).value;
  $(id).replaceChildren(make("option", { value: "" }, say("all")), ...names.map((name) => make("option", { value: name }, word(name))));
  $(id).value = names.includes(before) ? before : "";
}

// clips of the chosen speaker and confidence; the matrix shows all pairs of them
function kept() {
  const [speaker, least] = [$("of-speaker").value, Number($("least").value) / 100];
  return answers.filter((one) => (!speaker || `${one.corpus}/${one.speaker}` === speaker) && one.confidence >= least);
}

function drawMatrix() {
  const { emotions } = system();
  const clips = kept();
  const [truth, answer] = [$("of-truth").value, $("of-answer").value];
  const count = (row, column) => clips.filter((one) => one.emotion === row && one.answer === column).length;
  const head = make("tr", {}, make("td"), ...emotions.map((name) => make("th", { scope: "col" }, make("span", {}, say(name)))));
  const rows = emotions.map((row) => {
    const counts = emotions.map((column) => count(row, column));
    const all = counts.reduce((sum, one) => sum + one, 0) || 1;
    const cells = emotions.map((column, n) => cell(row, column, counts[n], counts[n] / all, row === truth && column === answer));
    return make("tr", {}, make("th", { scope: "row" }, say(row)), ...cells);
  });
  const focused = document.activeElement?.dataset?.cell;
  $("matrix").replaceChildren(make("table", { className: "matrix" }, make("caption", { className: "unseen" }, say("about-matrix")), make("thead", {}, head), make("tbody", {}, ...rows)));
  if (focused) $("matrix").querySelector(`[data-cell="${focused}"]`)?.focus();
}

function cell(row, column, count, share, isPressed) {
  const label = say("cell", { truth: say(row), answer: say(column), count });
  const press = () => {
    [$("of-truth").value, $("of-answer").value] = isPressed ? ["", ""] : [row, column];
    draw();
  };
  const content =
    row === column
      ? make("span", { title: label }, number(count))
      : make("button", { type: "button", "aria-pressed": String(isPressed), "aria-label": label, title: label, "data-cell": `${row}-${column}`, on: { click: press } }, count ? number(count) : "·");
  return make("td", { className: row === column ? "right" : "", style: { "--share": share } }, content);
}

function drawList() {
  const [truth, answer] = [$("of-truth").value, $("of-answer").value];
  const wrong = kept().filter((one) => one.answer !== one.emotion);
  const found = wrong.filter((one) => (!truth || one.emotion === truth) && (!answer || one.answer === answer));
  $("found").textContent = say("found", { count: number(found.length) });
  $("list").replaceChildren(...found.slice(0, shown).map(item));
  $("more").hidden = found.length <= shown;
}

function item({ clip, corpus, speaker, gender, emotion, answer, confidence, of_truth: ofTruth, right }) {
  const isHere = system().heard.includes(corpus);
  const seeds = say("seeds-right", { share: number(right * system().seeds), seeds: system().seeds });
  const open = () => {
    document.dispatchEvent(new CustomEvent("tab", { detail: "voice" }));
    showClip(clip);
  };
  return make(
    "li",
    {},
    isHere ? playButton(clip) : make("span", { className: "round none", "aria-hidden": "true" }, "·"),
    make(
      "span",
      { className: "what" },
      make("span", {}, make("b", {}, say(emotion)), " → ", make("b", { className: "wrong" }, say(answer))),
      make("small", {}, `${clip} · ${say("by", { speaker, gender: say(gender) })} · ${seeds}`),
      make("span", { className: "versus", "aria-hidden": "true" }, make("i", { style: { width: `${100 * confidence}%` } }), make("u", { style: { width: `${100 * ofTruth}%` } })),
    ),
    make("span", { className: "figure", title: say("confidence") }, percent(confidence)),
    isHere ? make("button", { type: "button", className: "quiet small", "aria-label": say("look-at", { clip }), on: { click: open } }, say("look")) : null,
  );
}

$("of-system").addEventListener("change", load);
for (const id of ["of-truth", "of-answer", "of-speaker"]) $(id).addEventListener("change", draw);
$("least").addEventListener("input", draw);
$("clear").addEventListener("click", clear);
$("more").addEventListener("click", () => {
  shown += PAGE;
  drawList();
});
onLanguage(draw);
