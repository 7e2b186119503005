-- The page of the cursors, which cursors.lua serves to browsers: one file, nothing from elsewhere.
return [==[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Cursors</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M3 1l10 7-5 1-3 5z' fill='%23c2610c'/%3E%3C/svg%3E">
<style>
:root {
  color-scheme: light dark;
  --back: light-dark(#eceff3, #11151a);
  --panel: light-dark(#ffffff, #181e25);
  --line: light-dark(#d5dae1, #2b3540);
  --ink: light-dark(#171c22, #e3e8ee);
  --soft: light-dark(#525c69, #9aa7b5);
  --accent: light-dark(#a34a00, #ffb454);
  --good: light-dark(#0b6b45, #6fd3a0);
}
* { box-sizing: border-box; }
body {
  margin: 0; height: 100dvh; display: grid; grid-template: auto minmax(0, 1fr) / 100%; background: var(--back); color: var(--ink);
  font: 1rem/1.45 system-ui, sans-serif;
}
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1.25rem; padding: 0.6rem 1rem; }
h1 { margin: 0; font-size: 1.125rem; }
#state { min-width: 9.5rem; }
#state::before { content: "○ "; }
#state.open { color: var(--good); }
#state.open::before { content: "● "; }
#count { min-width: 6rem; font-variant-numeric: tabular-nums; }
header p { margin: 0; color: var(--soft); font-size: 0.875rem; }
/* The board is 16:9 on every screen, so that a place means the same to all. */
main { min-height: 0; display: grid; place-content: center; container-type: size; padding: 0 0.75rem 0.75rem; }
canvas {
  display: block; width: min(100cqw, 100cqh * 16 / 9); aspect-ratio: 16 / 9; border: 1px solid var(--line); border-radius: 0.5rem; cursor: none; touch-action: none;
  background: radial-gradient(var(--line) 1px, transparent 1.5px) 0 0 / 2rem 2rem, var(--panel);
}
canvas:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
</style>
</head>
<body>
<header>
  <h1>Cursors</h1>
  <p id="state" role="status">Connecting…</p>
  <p id="count"></p>
  <p>Move over the board, or focus it and use the arrow keys.</p>
</header>
<main>
  <canvas id="board" tabindex="0" role="img" aria-label="The board with everybody's cursors"></canvas>
</main>
<script>
"use strict";
// The first byte of a message says what it is; numbers are little-endian.
const MOVE = 1, WELCOME = 1, FRAME = 2, GONE = 3;
const TICK = 1000 / 60;   // ms
const MOST = 65535;       // the right and the lower edge
// Others are shown as they were a little while ago: that long a packet may be late without a jump.
const DELAY = 100;
const TRAIL = 250;

const state = document.getElementById("state");
const count = document.getElementById("count");
const board = document.getElementById("board");
const pen = board.getContext("2d");
const dark = matchMedia("(prefers-color-scheme: dark)");

let socket = null;
let attempt = 0;
let retry = 0;
let me = 0;
let mine = null;            // my place: { x, y }
let sent = null;            // my place as the server knows it
let lastSent = 0;
let lag = null;             // this machine's clock minus the server's ticks, in ms
const cursors = new Map();  // the others by number: their last places, each { at, x, y }, in ms of this clock

// Connection

function connect() {
  clearTimeout(retry);
  const url = new URL(location.pathname, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => receive(new DataView(data));
  socket.onclose = ({ reason }) => {
    forget();
    show(`Connection lost${reason ? `: ${reason}` : ""}`);
    retry = setTimeout(connect, Math.min(500 * 2 ** attempt, 10000) * (0.8 + 0.4 * Math.random()));
    attempt += 1;
  };
}
function forget() {
  cursors.clear();
  me = 0;
  sent = lag = null;
}
function receive(data) {
  switch (data.getUint8(0)) {
  case WELCOME:
    attempt = 0;
    me = data.getUint16(1, true);
    show("Connected", true);
    break;
  case FRAME: {
    const at = timeOf(data.getUint32(1, true));
    for (let index = 0; index < data.getUint16(5, true); index += 1) {
      const [number, x, y] = [7, 9, 11].map((offset) => data.getUint16(offset + 6 * index, true));
      if (number !== me) place(number, at, x, y);
    }
    break;
  }
  case GONE:
    cursors.delete(data.getUint16(1, true));
    break;
  }
  count.textContent = cursors.size ? `${cursors.size + 1} cursors` : "Only you";
}
// When a tick was, by this machine's clock: as the quickest packets have it, so that a late one does not count as a pause.
function timeOf(tick) {
  const measured = performance.now() - tick * TICK;
  lag = lag === null || measured < lag || measured - lag > 1000 ? measured : lag + (measured - lag) * 0.02;
  return tick * TICK + lag;
}
function place(number, at, x, y) {
  const places = cursors.get(number);
  if (!places) return cursors.set(number, [{ at, x, y }]);
  const last = places.at(-1);
  // Nothing is sent of who stands still. The way to the new place began one tick ago, not when the last was told.
  if (at - last.at > 2 * TICK) places.push({ at: at - TICK, x: last.x, y: last.y });
  places.push({ at, x, y });
}
function show(text, open = false) {
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle("open", open);
}
function tell(now) {
  if (!me || !mine || now - lastSent < TICK - 1) return;
  const [x, y] = [mine.x, mine.y].map((part) => Math.round(part));
  if (sent && sent.x === x && sent.y === y) return;
  const message = new DataView(new ArrayBuffer(5));
  message.setUint8(0, MOVE);
  message.setUint16(1, x, true);
  message.setUint16(3, y, true);
  socket.send(message);
  sent = { x, y };
  lastSent = now;
}

// What is seen

function whereAt(places, time) {
  let next = places.findIndex((one) => one.at > time);
  if (next < 0) return places.at(-1);
  if (next === 0) return places[0];
  const [before, after] = [places[next - 1], places[next]];
  const part = (time - before.at) / (after.at - before.at);
  return { x: before.x + (after.x - before.x) * part, y: before.y + (after.y - before.y) * part };
}
// A place as pixels of the canvas.
const spot = ({ x, y }) => [x / MOST * board.width, y / MOST * board.height];

function drawCursor(number, place, label) {
  const size = 1.3 * devicePixelRatio;
  const [left, top] = spot(place);
  pen.save();
  pen.translate(left, top);
  pen.scale(size, size);
  pen.fillStyle = colour(number);
  pen.strokeStyle = dark.matches ? "#181e25" : "#ffffff";
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const [right, down] of [[0, 0], [0, 17], [4.2, 13.2], [7, 19.5], [10, 18.2], [7.2, 12], [13, 11.6]]) pen.lineTo(right, down);
  pen.closePath();
  pen.fill();
  pen.stroke();
  pen.font = "600 12px system-ui, sans-serif";
  pen.lineWidth = 3;
  // At the right and the lower edge the label goes to the other side, so that it can be read.
  const width = pen.measureText(label).width;
  const right = left / size + width + 18 > board.width / size ? -width - 6 : 14;
  const down = top / size + 32 > board.height / size ? -6 : 26;
  pen.strokeText(label, right, down);
  pen.fillText(label, right, down);
  pen.restore();
}
// Neighbouring numbers get colours that lie far from each other.
const colour = (number) => `oklch(${dark.matches ? 0.8 : 0.52} 0.14 ${(number * 137.5) % 360})`;

function drawTrail(number, places, time) {
  pen.strokeStyle = colour(number);
  pen.lineCap = "round";
  for (let age = TRAIL; age > 0; age -= TICK) {
    const from = whereAt(places, time - age);
    const to = whereAt(places, time - age + TICK);
    if (from.x === to.x && from.y === to.y) continue;
    pen.globalAlpha = 0.35 * (1 - age / TRAIL);
    pen.lineWidth = 4 * devicePixelRatio * (1 - age / TRAIL);
    pen.beginPath();
    pen.moveTo(...spot(from));
    pen.lineTo(...spot(to));
    pen.stroke();
  }
  pen.globalAlpha = 1;
}
function draw(now) {
  walk(now);
  tell(now);
  pen.clearRect(0, 0, board.width, board.height);
  const time = performance.now() - DELAY;
  for (const [number, places] of cursors) {
    while (places.length > 2 && places[1].at < time - TRAIL) places.shift();
    drawTrail(number, places, time);
    drawCursor(number, whereAt(places, time), String(number));
  }
  if (mine) drawCursor(me, mine, me ? `${me}, you` : "you");
  requestAnimationFrame(draw);
}
new ResizeObserver(() => {
  board.width = board.clientWidth * devicePixelRatio;
  board.height = board.clientHeight * devicePixelRatio;
}).observe(board);

// What the person does

const inside = (value) => Math.max(0, Math.min(MOST, value));

board.addEventListener("pointermove", ({ clientX, clientY }) => {
  const box = board.getBoundingClientRect();
  mine = { x: inside((clientX - box.x - board.clientLeft) / board.clientWidth * MOST), y: inside((clientY - box.y - board.clientTop) / board.clientHeight * MOST) };
});
const held = new Set();
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
let walked = 0;

board.addEventListener("keydown", (event) => {
  if (!STEPS[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  held.add(event.key);
});
board.addEventListener("keyup", ({ key }) => held.delete(key));
board.addEventListener("blur", () => held.clear());
// The board's width takes three seconds.
function walk(now) {
  const step = Math.min(now - walked, 50) / 3000 * MOST;
  walked = now;
  if (!held.size) return;
  mine ??= { x: MOST / 2, y: MOST / 2 };
  for (const key of held) mine = { x: inside(mine.x + STEPS[key][0] * step), y: inside(mine.y + STEPS[key][1] * step * 16 / 9) };
}

// A browser may keep a page that was left, and its connection with it, for the way back.
window.addEventListener("pagehide", () => {
  clearTimeout(retry);
  socket.onclose = null;
  socket.close();
  forget();
});
window.addEventListener("pageshow", ({ persisted }) => { if (persisted) connect(); });
connect();
requestAnimationFrame(draw);
</script>
</body>
</html>
]==]
