-- The page of the dashboard, which dashboard.lua serves to browsers: one file, nothing from elsewhere.
return [==[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Dashboard</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 12l4-5 3 3 6-8' fill='none' stroke='%23c2610c' stroke-width='2.5'/%3E%3C/svg%3E">
<style>
:root {
  color-scheme: light dark;
  --back: light-dark(#eceff3, #11151a);
  --panel: light-dark(#ffffff, #181e25);
  --line: light-dark(#d5dae1, #2b3540);
  --edge: light-dark(#858e9b, #6b7886);
  --ink: light-dark(#171c22, #e3e8ee);
  --soft: light-dark(#525c69, #9aa7b5);
  --accent: light-dark(#a34a00, #ffb454);
  --good: light-dark(#0b6b45, #6fd3a0);
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { scrollbar-gutter: stable; }
body { margin: 0; background: var(--back); color: var(--ink); font: 1rem/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
header { display: flex; align-items: center; gap: 0.75rem; padding: 0.6rem 1rem; }
h1 { margin: 0; font-size: 1.125rem; }
#state { flex: 1; margin: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 0.875rem; color: var(--soft); }
#state::before { content: "○ "; }
#state.open { color: var(--good); }
#state.open::before { content: "● "; }
button { padding: 0.4rem 0.9rem; border: 1px solid var(--edge); border-radius: 0.4rem; background: var(--panel); color: inherit; font: inherit; cursor: pointer; }
button[aria-pressed="true"] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
#cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); gap: 0.75rem; margin: 0; padding: 0 0.75rem 0.75rem; list-style: none; }
.card { padding: 0.75rem 1rem 0.6rem; border: 1px solid var(--line); border-radius: 0.5rem; background: var(--panel); }
.card h2 { margin: 0; font-size: 0.9375rem; font-weight: 600; overflow-wrap: anywhere; }
.now { min-height: 1.25em; font-size: 2rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.02em; }
.range { font-size: 0.8125rem; color: var(--soft); min-height: 1.2rem; }
.chart { position: relative; height: 9rem; margin: 0.5rem 3.25rem 0 0; }
.chart svg { display: block; width: 100%; height: 100%; overflow: hidden; touch-action: pan-y; }
.chart path { fill: none; vector-effect: non-scaling-stroke; }
.chart .grid { stroke: var(--line); }
.chart .curve { stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; }
.chart .area { fill: var(--accent); opacity: 0.12; }
.chart .cross { stroke: var(--edge); stroke-dasharray: 3 3; }
.chart span { position: absolute; left: calc(100% + 0.4rem); width: 3.25rem; font-size: 0.75rem; line-height: 1; color: var(--soft); white-space: nowrap; }
.top { top: 0; }
.middle { top: 50%; translate: 0 -50%; }
.bottom { bottom: 0; }
.times { display: flex; justify-content: space-between; margin-right: 3.25rem; padding-top: 0.3rem; font-size: 0.75rem; color: var(--soft); }
#empty { margin: 0; padding: 1rem; max-width: 50rem; color: var(--soft); }
#empty code { color: var(--ink); overflow-wrap: anywhere; }
</style>
</head>
<body>
<header>
  <h1>Dashboard</h1>
  <p id="state" role="status">Connecting…</p>
  <button id="pause" type="button" aria-pressed="false">Pause</button>
</header>
<main>
  <p id="empty" hidden>No values yet. Post some: <code id="how"></code></p>
  <ul id="cards"></ul>
</main>
<script>
"use strict";
const $ = (id) => document.getElementById(id);
const WINDOW = 60;          // seconds that a chart shows
const [WIDTH, HEIGHT] = [600, 100];
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const written = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

let socket = null;
let attempt = 0;
let retry = 0;
let ahead = 0;              // the server's clock minus this page's, in seconds
let paused = 0;             // the moment that the charts show, while they stand still
const series = new Map();   // by name: { points: [{ at, value }], card }

// Connection

function connect() {
  clearTimeout(retry);
  const url = new URL(location.pathname, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(url);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    handlers[message.type]?.(message);
  };
  socket.onclose = ({ reason }) => {
    show(`Connection lost${reason ? `: ${reason}` : ""}`);
    retry = setTimeout(connect, Math.min(500 * 2 ** attempt, 10000) * (0.8 + 0.4 * Math.random()));
    attempt += 1;
  };
}
function show(text, open = false) {
  if ($("state").textContent !== text) $("state").textContent = text;
  $("state").classList.toggle("open", open);
}
const seconds = () => performance.now() / 1000;
const now = () => seconds() + ahead;

const handlers = {
  // All that the server has kept. What this page saw before comes again, so it starts anew.
  all({ at, values, history }) {
    attempt = 0;
    ahead = at - seconds();
    for (const one of series.values()) one.points = [];
    for (const delta of history) take(delta);
    for (const [name, value] of Object.entries(values)) if (!series.get(name)?.points.length) add(name, at, value);
    for (const [name, one] of series) {
      if (one.points.length) continue;
      one.card.remove();
      series.delete(name);
    }
    $("empty").hidden = series.size > 0;
    show("Live", true);
  },
  delta: take,
};
function take({ at, values }) {
  for (const [name, value] of Object.entries(values)) add(name, at, value);
}
function add(name, at, value) {
  if (!series.has(name)) series.set(name, { points: [], card: cardOf(name), cross: null });
  const { points } = series.get(name);
  points.push({ at, value });
  // The one before the window is where its first line comes from.
  while (points.length > 1 && points[1].at < (paused || now()) - WINDOW) points.shift();
  $("empty").hidden = true;
}

// What is seen

function cardOf(name) {
  const card = document.createElement("li");
  card.className = "card";
  card.innerHTML = `
    <h2></h2>
    <div class="now"></div>
    <div class="range"></div>
    <div class="chart">
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" tabindex="0">
        <path class="grid" d="M0 1H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 1}H${WIDTH}"/>
        <path class="area"/><path class="curve"/><path class="cross"/>
      </svg>
      <span class="top"></span><span class="middle"></span><span class="bottom"></span>
    </div>
    <div class="times"><span>1 min ago</span><span>now</span></div>`;
  card.querySelector("h2").textContent = name;
  const chart = card.querySelector("svg");
  const cross = (part) => { series.get(name).cross = part === null ? null : Math.max(0, Math.min(1, part)); };
  chart.addEventListener("pointermove", ({ clientX }) => {
    const box = chart.getBoundingClientRect();
    cross((clientX - box.x) / box.width);
  });
  chart.addEventListener("pointerleave", () => cross(null));
  chart.addEventListener("blur", () => cross(null));
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    cross((series.get(name).cross ?? 1) + step / WINDOW);
  });
  const after = [...$("cards").children].find((one) => one.querySelector("h2").textContent.localeCompare(name) > 0);
  $("cards").insertBefore(card, after ?? null);
  return card;
}
// The smallest range with round ends that holds both values, so that the scale does not tremble.
function rangeOf(low, high) {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span));
  const step = [1, 2, 5, 10].map((digit) => digit * power / 5).find((step) => span / step <= 8);
  return [Math.floor(low / step - 0.25) * step, Math.ceil(high / step + 0.25) * step];
}
function text(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
function draw({ points, card, cross }, name, time) {
  const start = time - WINDOW;
  // A value holds until the next one: the line goes on level and then jumps.
  const shown = points.filter((point, index) => point.at <= time && (points[index + 1]?.at ?? Infinity) > start);
  if (!shown.length) return;
  const values = shown.map((point) => point.value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const [low, high] = rangeOf(least, most);
  const x = (at) => Math.max(0, (at - start) / WINDOW * WIDTH).toFixed(2);
  const y = (value) => (HEIGHT - (value - low) / (high - low) * HEIGHT).toFixed(2);
  const curve = shown.map((point, index) => `${index ? "H" : "M"}${x(point.at)}${index ? "V" : " "}${y(point.value)}`).join("") + `H${WIDTH}`;
  const part = (selector) => card.querySelector(selector);
  part(".curve").setAttribute("d", curve);
  part(".area").setAttribute("d", `${curve}V${HEIGHT}H${x(shown[0].at)}Z`);
  text(part(".top"), written.format(high));
  text(part(".middle"), written.format((low + high) / 2));
  text(part(".bottom"), written.format(low));
  text(part(".now"), written.format(values.at(-1)));
  part(".cross").setAttribute("d", cross === null ? "" : `M${(cross * WIDTH).toFixed(2)} 0V${HEIGHT}`);
  let range = `${written.format(least)} to ${written.format(most)} in this minute`;
  if (cross !== null) {
    const at = start + cross * WINDOW;
    const point = shown.findLast((point) => point.at <= at);
    range = `${point ? written.format(point.value) : "nothing"} at ${clock.format(at * 1000)}`;
  }
  text(part(".range"), range);
  const label = `${name}, the last minute: ${range}`;
  if (part("svg").getAttribute("aria-label") !== label) part("svg").setAttribute("aria-label", label);
}
let drawn = 0;
function drawAll(frame) {
  requestAnimationFrame(drawAll);
  // Without a connection nothing is known, so nothing moves.
  const live = socket?.readyState === WebSocket.OPEN;
  if (calm.matches && frame - drawn < 1000) return;
  drawn = frame;
  if (live && !paused) stood = now();
  if (stood) for (const [name, one] of series) draw(one, name, paused || stood);
}
let stood = 0;

// What the person does

$("pause").addEventListener("click", () => {
  paused = paused ? 0 : stood;
  $("pause").setAttribute("aria-pressed", paused > 0);
});
$("how").textContent = `curl -H 'authorization: Bearer KEY' -d '{"temperature": 21.5}' ${location.origin}${location.pathname}`;

// A browser may keep a page that was left, and its connection with it, for the way back.
window.addEventListener("pagehide", () => {
  clearTimeout(retry);
  socket.onclose = null;
  socket.close();
});
window.addEventListener("pageshow", ({ persisted }) => { if (persisted) connect(); });
connect();
requestAnimationFrame(drawAll);
</script>
</body>
</html>
]==]
