// Wave, spectrogram and emotions on one axis of time.

import WaveSurfer from "/static/wavesurfer.esm.js";
import { $, bytes, drawn, make } from "/static/dom.js";
import { number, onLanguage, percent, say } from "/static/words.js";

// viridis (van der Walt & Smith, 2015): even to the eye, whatever colours it sees
const VIRIDIS = ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"];
const ROW = 34;
const dark = matchMedia("(prefers-color-scheme: dark)");

let wave = null;
let sight = null;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colours = () => ({ waveColor: colour("--wave"), progressColor: colour("--accent"), cursorWidth: 0 });

export function showTimeline(given) {
  sight = given;
  wave?.destroy();
  wave = WaveSurfer.create({
    container: $("wave"),
    height: 72,
    barWidth: 2,
    barGap: 1,
    barRadius: 2,
    normalize: true,
    hideScrollbar: true,
    cspNonce: document.querySelector("script[nonce]").nonce,
    ...colours(),
  });
  const heard = new Blob([bytes(sight.sound)], { type: "audio/wav" });
  const loaded = wave.loadBlob(heard, [sight.peaks], sight.seconds);
  wave.on("timeupdate", moveTo);
  for (const event of ["play", "pause", "finish"]) wave.on(event, showPlay);
  $("position").max = sight.seconds;
  moveTo(0);
  drawMel();
  draw();
  return loaded;
}

function draw() {
  if (!sight) return;
  const { emotions, windows, seconds, spectrogram } = sight;
  $("names").replaceChildren(...emotions.map((name) => make("span", {}, say(name))));
  drawRidges(emotions, windows);
  drawAxis(seconds);
  showPlay();
  $("wave").setAttribute("role", "img");
  $("wave").setAttribute("aria-label", say("wave-label", { seconds: number(seconds, 1) }));
  $("mel").setAttribute("aria-label", say("mel-label"));
  $("ridges").setAttribute("aria-label", ridgesInWords(emotions, windows));
  $("scale-words").textContent = say("scale", { range: number(spectrogram.range_db) });
  $("about-windows").textContent = say("about-windows", { width: number(windows.width, 1) });
  moveTo(wave.getCurrentTime());
}

function drawMel() {
  const { image, columns, bands, ticks } = sight.spectrogram;
  const values = bytes(image);
  const canvas = $("mel");
  [canvas.width, canvas.height] = [columns, bands];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, bands);
  for (let x = 0; x < columns; x += 1) {
    for (let y = 0; y < bands; y += 1) {
      pixels.data.set(MAP[values[x * bands + y]], 4 * ((bands - 1 - y) * columns + x));
    }
  }
  context.putImageData(pixels, 0, 0);
  $("ticks").replaceChildren(
    ...ticks.map(([hz, place]) =>
      make("span", { style: { bottom: `${100 * place}%` } }, hz < 1000 ? `${hz}` : `${hz / 1000}k`),
    ),
  );
}

const MAP = Array.from({ length: 256 }, (_, value) => {
  const place = (value / 255) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(place), VIRIDIS.length - 2);
  const [from, to] = [VIRIDIS[low], VIRIDIS[low + 1]].map((hex) => [0, 2, 4].map((n) => parseInt(hex.slice(n, n + 2), 16)));
  return [...from.map((one, n) => one + (to[n] - one) * (place - low)), 255];
});

// a row for each emotion: pale is what it gets, strong is where it gets the most
function drawRidges(emotions, { probabilities }) {
  const svg = $("ridges");
  const count = probabilities.length;
  svg.setAttribute("viewBox", `0 0 ${count} ${ROW * emotions.length}`);
  const box = (x, share, floor) => `M${x} ${floor}V${(floor - share * (ROW - 4)).toFixed(2)}h1V${floor}z`;
  const parts = emotions.flatMap((_, row) => {
    const floor = ROW * (row + 1);
    const all = probabilities.map((shares, x) => (shares ? box(x, shares[row], floor) : ""));
    const most = all.map((path, x) => (probabilities[x] && row === best(probabilities[x]) ? path : ""));
    return [
      drawn("line", { class: "floor", x1: 0, x2: count, y1: floor, y2: floor }),
      drawn("path", { class: "some", d: all.join("") }),
      drawn("path", { class: "most", d: most.join("") }),
    ];
  });
  const silent = probabilities.map((shares, x) => (shares ? "" : `M${x} 0h1v${ROW * emotions.length}h-1z`));
  svg.replaceChildren(drawn("path", { class: "silent", d: silent.join("") }), ...parts);
}

const best = (shares) => shares.indexOf(Math.max(...shares));

function ridgesInWords(emotions, { probabilities }) {
  const counts = emotions.map((_, row) => probabilities.filter((shares) => shares && best(shares) === row).length);
  const spoken = counts.reduce((sum, one) => sum + one, 0);
  const parts = emotions.map((name, row) => [name, counts[row]]).filter(([, n]) => n);
  const listed = parts.map(([name, n]) => `${say(name)} ${percent(n / spoken)}`).join(", ");
  return say("ridges-label", { listed: listed || say("nothing") });
}

function drawAxis(seconds) {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60];
  const step = steps.find((one) => seconds / one <= 8) ?? 60;
  const marks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, n) => n * step);
  $("axis").replaceChildren(
    ...marks.map((mark) =>
      make("span", { style: { left: `${(100 * mark) / seconds}%` } }, number(mark, step < 1 ? 1 : 0)),
    ),
  );
}

function moveTo(time) {
  const share = Math.min(1, time / sight.seconds);
  $("cursor").style.left = `${100 * share}%`;
  $("position").value = time;
  $("position").setAttribute("aria-valuetext", `${number(time, 1)} s`);
  const { probabilities } = sight.windows;
  const shares = probabilities[Math.min(probabilities.length - 1, Math.floor(share * probabilities.length))];
  const ranked = sight.emotions.map((name, row) => [name, shares?.[row] ?? 0]).sort((a, b) => b[1] - a[1]);
  const listed = ranked.slice(0, 3).map(([name, part]) => `${say(name)} ${percent(part)}`).join(" · ");
  $("moment").textContent = `${number(time, 1)} s: ${shares ? listed : say("pause")}`;
}

function showPlay() {
  if (wave) $("play").textContent = say(wave.isPlaying() ? "stop" : "play");
}

export function mark(begin, end) {
  $("chosen").style.left = `${(100 * begin) / sight.seconds}%`;
  $("chosen").style.width = `${(100 * (end - begin)) / sight.seconds}%`;
  wave.setTime(begin);
}

$("play").addEventListener("click", () => wave.playPause());
$("position").addEventListener("input", (event) => wave.setTime(Number(event.target.value)));
for (const id of ["mel", "ridges"]) {
  $(id).addEventListener("click", (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    wave.setTime((sight.seconds * (event.clientX - box.left)) / box.width);
  });
}
dark.addEventListener("change", () => wave?.setOptions(colours()));
onLanguage(draw);
