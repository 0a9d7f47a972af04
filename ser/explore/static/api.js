// The way to the server. The token is behind the #, where no other site and no log sees it.

import { known, say } from "/static/words.js";

const token = location.hash.slice(1);

export class Refused extends Error {
  constructor(code, sentence) {
    super(sentence);
    this.code = code;
  }

  // what the page says of it: its own words, and the server's where they say more
  get words() {
    const own = `refused.${this.code}`;
    if (!known(own)) return this.message;
    return this.code === "unreadable" ? `${say(own)} ${this.message}` : say(own);
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { "X-Ser-Token": token } });
  } catch {
    throw new Refused("gone", "The page's server does not answer.");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Refused(said.code ?? "fault", said.sentence ?? `${answer.status}`);
}

function address(path, values = {}) {
  return `/api/${path}?${new URLSearchParams(values)}`;
}

export async function get(path, values) {
  return (await ask(address(path, values))).json();
}

export async function post(path, body, values) {
  return (await ask(address(path, values), { method: "POST", body })).json();
}

export async function sound(clip) {
  return (await ask(address("sound", { clip }))).blob();
}

const alarm = document.getElementById("alarm");

export function tell(error) {
  alarm.textContent = error instanceof Refused ? error.words : say("refused.fault");
  alarm.hidden = false;
  alarm.scrollIntoView({ block: "nearest" });
  if (!(error instanceof Refused)) console.error(error);
}

export function untell() {
  alarm.hidden = true;
}
