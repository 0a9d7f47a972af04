// The page's words, in the language of the browser until somebody chooses another.

const KEY = "ser-language";
const listeners = [];
let table = {};
let language = localStorage.getItem(KEY) ?? (navigator.language.startsWith("es") ? "es" : "en");

export async function loadWords() {
  table = await (await fetch("/words")).json();
  translate();
}

export function say(key, values = {}) {
  const text = table[language]?.[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function known(key) {
  return key in (table[language] ?? {});
}

export function number(value, decimals = 0) {
  const shape = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return new Intl.NumberFormat(language, shape).format(value).replace("-", "\u2212");
}

export function signed(value, decimals = 1) {
  const text = number(value, decimals);
  return value > 0 ? `+${text}` : text;
}

export function percent(share, decimals = 0) {
  return `${number(100 * share, decimals)}\u00a0%`;
}

export function onLanguage(draw) {
  listeners.push(draw);
}

export function switchLanguage() {
  language = language === "en" ? "es" : "en";
  localStorage.setItem(KEY, language);
  translate();
  for (const draw of listeners) draw();
}

function translate() {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-say]")) one.textContent = say(one.dataset.say);
  for (const one of document.querySelectorAll("[data-label]")) {
    one.setAttribute("aria-label", say(one.dataset.label));
  }
  for (const one of document.querySelectorAll("[data-holder]")) one.placeholder = say(one.dataset.holder);
  const other = document.getElementById("language");
  [other.textContent, other.lang] = language === "en" ? ["Español", "es"] : ["English", "en"];
}
