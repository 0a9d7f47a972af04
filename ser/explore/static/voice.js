// A clip of one's own: how it comes in, and what is said of it.

import { get, post, Refused, tell, untell } from "/static/api.js";
import { $, chips, make } from "/static/dom.js";
import { nearest } from "/static/neighbours.js";
import { decoded, record } from "/static/recorder.js";
import { mark, showTimeline } from "/static/timeline.js";
import { number, onLanguage, percent, say } from "/static/words.js";

let model = null;
let sight = null;
let chosen = 0;
let recording = null;
let busy = false;

export function setModel(given) {
  model = given;
}

async function show(asked) {
  if (busy) return;
  busy = true;
  untell();
  $("busy").textContent = say("listening");
  $("drop").setAttribute("aria-busy", "true");
  try {
    sight = await asked();
    chosen = longest(sight.said);
    $("sight").hidden = false;
    await showTimeline(sight);
    choose(chosen);
    $("emotion").focus({ preventScroll: true });
    $("sight").scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  } catch (error) {
    tell(error);
  } finally {
    busy = false;
    $("busy").textContent = "";
    $("drop").removeAttribute("aria-busy");
  }
}

export const showClip = (clip) => show(() => get("clip", { clip }));

function send(file) {
  return show(async () => {
    if (file.size > model.largest) throw new Refused("large", "");
    try {
      return await post("look", file);
    } catch (error) {
      if (error.code !== "unreadable") throw error;
      // the browser may know a format that the server does not
      const again = await decoded(file).catch(() => null);
      if (!again) throw error;
      return post("look", again);
    }
  });
}

const longest = (said) => said.reduce((most, { answer }, n) => (length(answer) > length(said[most].answer) ? n : most), 0);
const length = ({ begin, end }) => end - begin;

function choose(number_) {
  chosen = number_;
  const { answer } = sight.said[chosen];
  mark(answer.begin, answer.end);
  draw();
  nearest(sight.said[chosen].embedding, sight.clip);
}

function draw() {
  drawRecord();
  if (!sight) return;
  const { answer } = sight.said[chosen];
  const isSpeech = !answer.warnings.includes("no speech");
  const span = `${number(answer.begin, 1)}\u2013${number(answer.end, 1)} s`;
  $("which").textContent = sight.clip ? `${sight.clip} · ${span}` : span;
  $("emotion").textContent = isSpeech ? say(answer.emotion) : say("nobody");
  $("sure").hidden = !isSpeech;
  // what was learned by heart says nothing of how often such answers are right
  $("meaning").hidden = !isSpeech || answer.warnings.includes("trained on this clip");
  $("confidence").textContent = percent(answer.calibrated);
  $("meaning").textContent = say("meaning", { share: number(100 * answer.calibrated), model: answer.model });
  $("warnings").replaceChildren(
    ...answer.warnings.map((warning) => make("li", {}, make("b", {}, say(warning)), ` ${say(`about ${warning}`)}`)),
  );
  $("bars").replaceChildren(
    ...Object.entries(answer.probabilities).map(([name, share]) =>
      make(
        "tr",
        name === answer.emotion ? { className: "best" } : {},
        make("th", { scope: "row" }, say(name)),
        make("td", { className: "bar", "aria-hidden": "true" }, make("i", { style: { width: `${100 * share}%` } })),
        make("td", { className: "figure" }, percent(share)),
      ),
    ),
  );
  const several = sight.said.length > 1;
  $("stretches").hidden = !several;
  const items = sight.said.map(({ answer: one }, n) => [
    n,
    make("b", {}, say(one.emotion)),
    ` ${percent(one.calibrated)} · ${number(one.begin, 1)}\u2013${number(one.end, 1)} s`,
    one.warnings.length ? make("span", { className: "flag", title: one.warnings.map((name) => say(name)).join(", ") }, " ⚠") : null,
  ]);
  chips($("stretches"), items, chosen, choose);
}

function drawRecord() {
  $("record-words").textContent = say(recording ? "stop-recording" : "record");
  $("record").classList.toggle("on", Boolean(recording));
  $("recording").hidden = !recording;
}

async function toggleRecording() {
  if (recording) {
    const ended = recording;
    recording = null;
    drawRecord();
    return send(await ended.stop());
  }
  untell();
  try {
    recording = await record((seconds, peak, isLongest) => {
      $("clock").textContent = `${number(seconds, 1)} s`;
      $("level").style.width = `${Math.min(100, 100 * Math.sqrt(peak))}%`;
      if (isLongest && recording) toggleRecording();
    });
  } catch {
    tell(new Refused("microphone", ""));
  }
  return drawRecord();
}

$("record").addEventListener("click", toggleRecording);
$("file").addEventListener("change", ({ target }) => {
  if (target.files.length) send(target.files[0]);
  target.value = "";
});
for (const event of ["dragenter", "dragover"]) {
  addEventListener(event, (dragged) => {
    dragged.preventDefault();
    $("drop").classList.add("over");
  });
}
addEventListener("dragleave", (dragged) => {
  if (!dragged.relatedTarget) $("drop").classList.remove("over");
});
addEventListener("drop", (dragged) => {
  dragged.preventDefault();
  $("drop").classList.remove("over");
  const [file] = dragged.dataTransfer.files;
  if (file) document.dispatchEvent(new CustomEvent("tab", { detail: "voice" })), send(file);
});
onLanguage(draw);
export { draw as drawVoice };
