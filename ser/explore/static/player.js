// One clip at a time, played where its corpus is on this disk.

import { sound, tell } from "/static/api.js";
import { make } from "/static/dom.js";
import { onLanguage, say } from "/static/words.js";

const audio = new Audio();
let playing = null;

function show(button, is) {
  button.textContent = is ? "❚❚" : "▶";
  button.setAttribute("aria-label", say(is ? "stop-clip" : "play-clip", { clip: button.dataset.clip }));
}

function stop() {
  audio.pause();
  if (playing) show(playing, false);
  playing = null;
}

audio.addEventListener("ended", stop);
onLanguage(stop);

async function toggle(button) {
  const was = playing;
  stop();
  if (was === button) return;
  try {
    const blob = await sound(button.dataset.clip);
    if (audio.src) URL.revokeObjectURL(audio.src);
    audio.src = URL.createObjectURL(blob);
    await audio.play();
    playing = button;
    show(button, true);
  } catch (error) {
    tell(error);
  }
}

export function playButton(clip) {
  const button = make("button", { type: "button", className: "round", "data-clip": clip });
  button.addEventListener("click", () => toggle(button));
  show(button, false);
  return button;
}
