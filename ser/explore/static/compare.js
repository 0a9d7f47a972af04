// Two results on the same clips: which is better, and what became right or wrong.

import { get, tell, untell } from "/static/api.js";
import { $, chips, drawn, make } from "/static/dom.js";
import { playButton } from "/static/player.js";
import { number, onLanguage, percent, say, signed } from "/static/words.js";

const PAGE = 30;
let systems = [];
let found = null;
let kind = "won";
let shown = PAGE;

export async function openCompare(given) {
  systems = given;
  for (const id of ["a", "b"]) $(id).replaceChildren(...systems.map(({ name }) => make("option", { value: name }, name)));
  const has = (name) => systems.some((one) => one.name === name);
  if (has("ravdess")) $("a").value = "ravdess";
  if (has("studies/ravdess_six_fold")) $("b").value = "studies/ravdess_six_fold";
  if (!systems.length) $("comparing").textContent = say("no-results");
  const revisions = await get("revisions");
  $("revisions").replaceChildren(...revisions.map(([name, what]) => make("option", { value: name, label: `${name} · ${what}` })));
}

async function compare(event) {
  event.preventDefault();
  untell();
  $("comparing").textContent = say("comparing");
  try {
    const sides = { a: $("a").value, b: $("b").value, at_a: $("at-a").value.trim(), at_b: $("at-b").value.trim() };
    found = await get("compare", sides);
    kind = "won";
    $("compared").hidden = false;
    draw();
    $("verdict").focus();
  } catch (error) {
    $("compared").hidden = true;
    tell(error);
  } finally {
    $("comparing").textContent = "";
  }
}

const called = ({ name, revision }) => (revision ? `${name}@${revision}` : name);

function draw() {
  if (!found) return;
  const { a, b, difference, flagged, low, won, lost } = found;
  const key = low === null ? "verdict.one" : !flagged ? "verdict.chance" : difference > 0 ? "verdict.b" : "verdict.a";
  $("verdict").textContent = say(key);
  const rows = [a, b].map((side, n) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, make("span", { className: "side" }, "AB"[n]), ` ${called(side)}`, side.mark ? make("em", {}, ` ${side.mark}`) : null),
      make("td", { className: "figure" }, `${number(side.uar, 1)} %`),
      make("td", { className: "figure" }, number(side.seeds)),
    ),
  );
  const heads = ["", say("uar"), say("seeds")].map((name) => (name ? make("th", { scope: "col", className: "figure" }, name) : make("td")));
  $("scores").replaceChildren(make("table", { className: "scores" }, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)));
  drawWhisker();
  $("caveats").textContent = caveats().join(" ");
  drawEmotions();
  $("flips-found").textContent = say("flips-found", { won: number(won), lost: number(lost) });
  shown = PAGE;
  drawFlips();
}

function caveats() {
  const { a, b, shared, of_trainings: ofTrainings, low } = found;
  const said = [];
  if (low === null) said.push(say("one-speaker"));
  if (shared < Math.max(a.clips, b.clips)) said.push(say("shared", { shared: number(shared), a: number(a.clips), b: number(b.clips) }));
  if (a.protocol && b.protocol && a.protocol !== b.protocol) said.push(say("protocols", { a: a.protocol, b: b.protocol }));
  if (ofTrainings) said.push(say("trainings"));
  return said;
}

function drawWhisker() {
  const { difference, low, high, p } = found;
  const [from, to] = [low ?? difference, high ?? difference];
  const reach = Math.max(2, ...[from, to].map(Math.abs)) * 1.15;
  const x = (points) => 300 + (270 * points) / reach;
  const step = [0.5, 1, 2, 5, 10, 20, 50].find((one) => reach / one <= 4) ?? 50;
  const marks = [];
  for (let mark = -Math.floor(reach / step) * step; mark <= reach; mark += step) marks.push(mark);
  const words =
    low === null
      ? say("difference-alone", { difference: signed(difference) })
      : say("difference", { difference: signed(difference), low: signed(from), high: signed(to), p: p < 0.001 ? `< ${number(0.001, 3)}` : `= ${number(p, 3)}` });
  $("whisker").setAttribute("aria-label", words);
  $("whisker").replaceChildren(
    drawn("line", { class: "floor", x1: 20, x2: 580, y1: 46, y2: 46 }),
    drawn("line", { class: "zero", x1: 300, x2: 300, y1: 6, y2: 52 }),
    ...marks.flatMap((mark) => [
      drawn("line", { class: "floor", x1: x(mark), x2: x(mark), y1: 43, y2: 49 }),
      drawn("text", { x: x(mark), y: 68, "text-anchor": "middle" }, signed(mark, step < 1 ? 1 : 0)),
    ]),
    drawn("line", { class: "interval", x1: x(from), x2: x(to), y1: 24, y2: 24 }),
    drawn("line", { class: "interval", x1: x(from), x2: x(from), y1: 17, y2: 31 }),
    drawn("line", { class: "interval", x1: x(to), x2: x(to), y1: 17, y2: 31 }),
    drawn("circle", { class: "point", cx: x(difference), cy: 24, r: 7 }),
  );
  $("whisker").after($("in-words") ?? make("p", { id: "in-words" }));
  $("in-words").textContent = words;
}

function drawEmotions() {
  const entries = Object.entries(found.by_emotion);
  const most = Math.max(1, ...entries.flatMap(([, both]) => both));
  const bar = (count, side) => make("td", { className: `half ${side}` }, make("i", { "aria-hidden": "true", style: { width: `${(80 * count) / most}%` } }), make("span", {}, number(count)));
  const rows = entries.map(([name, [won, lost]]) => make("tr", {}, make("th", { scope: "row" }, say(name)), bar(lost, "lost"), bar(won, "won")));
  const heads = ["lost", "won"].map((name) => make("th", { scope: "col" }, say(`flips.${name}`)));
  $("by-emotion").replaceChildren(make("table", { className: "halves" }, make("thead", {}, make("tr", {}, make("td"), ...heads)), make("tbody", {}, ...rows)));
}

function drawFlips() {
  const counts = { won: found.won, lost: found.lost, all: found.flips.length };
  chips($("which-flips"), Object.entries(counts).map(([name, count]) => [name, `${say(`flips.${name}`)} (${number(count)})`]), kind, (name) => {
    kind = name;
    shown = PAGE;
    drawFlips();
  });
  const flips = found.flips.filter(({ flip }) => kind === "all" || flip === kind);
  $("flips").replaceChildren(...flips.slice(0, shown).map(item));
  $("more-flips").hidden = flips.length <= shown;
}

function item({ clip, corpus, speaker, emotion, answer_a: first, answer_b: second, right_a: before, right_b: now }) {
  const isHere = systems.some(({ heard }) => heard.includes(corpus));
  const word = (answer) => make("b", { className: answer === emotion ? "good" : "wrong" }, `${answer === emotion ? "✓" : "✗"} ${say(answer)}`);
  return make(
    "li",
    {},
    isHere ? playButton(clip) : make("span", { className: "round none", "aria-hidden": "true" }, "·"),
    make("span", { className: "what" }, make("span", {}, "A ", word(first), "  B ", word(second)), make("small", {}, `${clip} · ${say(emotion)} · ${say("speaker")} ${speaker}`)),
    make("span", { className: "figure", title: say("right-shares") }, `${percent(before)} → ${percent(now)}`),
  );
}

$("sides").addEventListener("submit", compare);
$("more-flips").addEventListener("click", () => {
  shown += PAGE;
  drawFlips();
});
onLanguage(draw);
