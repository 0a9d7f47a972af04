// Begins: words, tabs, what the server has.

import { get, tell, untell } from "/static/api.js";
import { openCompare } from "/static/compare.js";
import { $ } from "/static/dom.js";
import { openMistakes } from "/static/mistakes.js";
import { drawVoice, setModel } from "/static/voice.js";
import { loadWords, onLanguage, say, switchLanguage } from "/static/words.js";

const tabs = [...document.querySelectorAll("[role=tab]")];
let model = null;

function openTab(tab) {
  for (const one of tabs) {
    const isOpen = one === tab;
    one.setAttribute("aria-selected", String(isOpen));
    one.tabIndex = isOpen ? 0 : -1;
    $(one.getAttribute("aria-controls")).hidden = !isOpen;
  }
  untell();
}

for (const [n, tab] of tabs.entries()) {
  tab.addEventListener("click", () => openTab(tab));
  tab.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: n + 1, ArrowLeft: n - 1, Home: 0, End: tabs.length - 1 }[key];
    if (step === undefined) return;
    const next = tabs.at(step % tabs.length);
    openTab(next);
    next.focus();
  });
}
document.addEventListener("tab", ({ detail }) => openTab($(`tab-${detail}`)));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the # is the token's
  $("main").focus();
});
$("language").addEventListener("click", switchLanguage);

function drawModel() {
  if (model) $("model").textContent = say("model", { model: model.id });
}

await loadWords();
onLanguage(drawModel);
drawVoice();
try {
  model = await get("model");
  setModel(model);
  drawModel();
  const systems = await get("systems");
  await Promise.all([openMistakes(systems), openCompare(systems)]);
} catch (error) {
  tell(error);
}
document.documentElement.dataset.ready = "yes";
