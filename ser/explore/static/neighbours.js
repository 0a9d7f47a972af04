// The nearest training clips; they are read once, when they are first asked for.

import { get, post, tell } from "/static/api.js";
import { $, make } from "/static/dom.js";
import { playButton } from "/static/player.js";
import { number, onLanguage, say } from "/static/words.js";

const WAIT_MS = 1000;
let asked = null;
let state = null;
let found = [];
let waiting = 0;

export async function nearest(embedding, clip) {
  asked = { embedding, clip };
  found = [];
  try {
    await look(await get("training"));
  } catch (error) {
    tell(error);
  }
}

async function look(progress) {
  state = progress;
  if (state.state === "ready") {
    const now = asked;
    const clips = await post("nearest", now.embedding, now.clip ? { without: now.clip } : {});
    if (now === asked) found = clips;
  }
  draw();
  clearTimeout(waiting);
  if (state.state === "at work") waiting = setTimeout(() => get("training").then(look).catch(tell), WAIT_MS);
}

function draw() {
  if (!state) return;
  const { done, total, left_s: left } = state;
  const place = $("training");
  if (state.state === "at work") {
    const words = say(left === null ? "reading" : "reading-left", { done, total, left: number(left ?? 0) });
    place.replaceChildren(make("progress", { max: total, value: done, "aria-label": words }), make("p", { className: "hint small" }, words));
  } else if (state.state === "ready") {
    place.replaceChildren();
  } else {
    const words = { "no corpus": "no-corpus", failed: "failed" }[state.state] ?? "to-read";
    const button = make("button", { type: "button", className: "quiet", on: { click: start } }, say("read"));
    place.replaceChildren(make("p", {}, say(words, { total })), state.state === "no corpus" ? "" : button);
  }
  $("neighbours").replaceChildren(
    ...found.map(({ clip, speaker, gender, emotion, similarity }) =>
      make(
        "li",
        {},
        playButton(clip),
        make("span", { className: "what" }, make("b", {}, say(emotion)), make("small", {}, `${clip} · ${say("by", { speaker, gender: say(gender) })}`)),
        make("span", { className: "figure", title: say("similarity") }, number(similarity, 2)),
      ),
    ),
  );
}

async function start() {
  try {
    await look(await post("training"));
  } catch (error) {
    tell(error);
  }
}

onLanguage(draw);
