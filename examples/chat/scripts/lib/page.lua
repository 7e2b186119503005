-- The page of the chat, which chat.lua serves to browsers: one file, nothing from elsewhere.
return [==[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Chat</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 3q0-2 2-2h10q2 0 2 2v7q0 2-2 2H7l-4 3v-3q-2 0-2-2z' fill='%23c2610c'/%3E%3C/svg%3E">
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
  --on-accent: light-dark(#ffffff, #1b1206);
  --good: light-dark(#0b6b45, #6fd3a0);
  --wrong: light-dark(#b01f16, #ff938a);
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0; height: 100dvh; display: grid; grid-template: auto minmax(0, 1fr) auto / minmax(0, 1fr) 14rem; background: var(--panel); color: var(--ink);
  font: 1rem/1.45 system-ui, sans-serif;
}
button, input, textarea { font: inherit; color: inherit; }
input, textarea { padding: 0.4rem 0.6rem; border: 1px solid var(--edge); border-radius: 0.4rem; background: var(--panel); }
::placeholder { color: var(--soft); opacity: 1; }
button { padding: 0.4rem 0.9rem; border: 1px solid var(--edge); border-radius: 0.4rem; background: var(--panel); cursor: pointer; }
button.main { border-color: var(--accent); background: var(--accent); color: var(--on-accent); font-weight: 600; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
h2 { margin: 0 0 0.4rem; font-size: 0.875rem; color: var(--soft); font-weight: 600; }

header {
  grid-column: 1 / -1; display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 1rem; padding: 0.6rem 1rem; border-bottom: 1px solid var(--line);
  background: var(--back);
}
h1 { margin: 0; font-size: 1.125rem; overflow-wrap: anywhere; }
#state { flex: 1 1 8rem; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 0.875rem; color: var(--soft); }
#state::before { content: "○ "; }
#state.open { color: var(--good); }
#state.open::before { content: "● "; }
#rooms { display: flex; gap: 0.4rem; }
#rooms input { width: 9rem; }

.talk { position: relative; min-height: 0; }
#messages { height: 100%; margin: 0; padding: 0.75rem 1rem; overflow-y: auto; list-style: none; overflow-wrap: anywhere; }
.said { display: grid; grid-template-columns: 2.25rem minmax(0, 1fr); gap: 0 0.7rem; padding-top: 0.6rem; }
.said.more { padding-top: 0.1rem; }
.said.more :is(.face, .who) { display: none; }
.said p { grid-column: 2; margin: 0; white-space: pre-wrap; }
.face {
  grid-row: 1 / span 2; width: 2.25rem; height: 2.25rem; border-radius: 50%; display: grid; place-items: center; font-weight: 700;
  background: light-dark(oklch(0.9 0.06 var(--hue)), oklch(0.35 0.07 var(--hue)));
}
.face, .name { color: light-dark(oklch(0.42 0.12 var(--hue)), oklch(0.85 0.09 var(--hue))); }
.name { font-weight: 650; }
.who time { margin-left: 0.4rem; font-size: 0.8125rem; color: var(--soft); }
.news { padding: 0.35rem 0 0 2.95rem; font-size: 0.875rem; color: var(--soft); }
.news.wrong { color: var(--wrong); }
#newer { position: absolute; left: 50%; bottom: 0.75rem; transform: translateX(-50%); font-size: 0.875rem; }

aside { padding: 0.75rem 1rem; border-left: 1px solid var(--line); background: var(--back); overflow-y: auto; }
#people { margin: 0; padding: 0; list-style: none; overflow-wrap: anywhere; }
#people li { padding: 0.1rem 0; }
#people .typing::after { content: " …"; font-weight: 700; }

footer { grid-column: 1 / -1; padding: 0 1rem 0.75rem; border-top: 1px solid var(--line); background: var(--back); }
#typing { min-height: 1.6rem; padding-top: 0.2rem; font-size: 0.875rem; color: var(--soft); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
footer form { display: flex; align-items: end; gap: 0.5rem; }
footer :is(input, textarea) { flex: 1; min-width: 0; }
textarea { resize: none; field-sizing: content; max-height: 9rem; min-height: 2.35rem; }
@media (max-width: 40rem) {
  body { grid-template: auto auto minmax(0, 1fr) auto / 100%; }
  header { padding: 0.5rem 0.75rem; }
  #rooms { flex-basis: 100%; }
  #rooms label { flex: 1; }
  #rooms input { width: 100%; }
  aside { grid-row: 2; padding: 0.35rem 0.75rem; border: 0; border-bottom: 1px solid var(--line); white-space: nowrap; overflow-x: auto; scrollbar-width: none; }
  aside h2 { display: inline; margin-right: 0.5rem; }
  #people, #people li { display: inline; }
  #people li:not(:last-child)::after { content: ", "; color: var(--soft); white-space: pre; }
  .talk { grid-row: 3; }
}
</style>
</head>
<body>
<header>
  <h1 id="room"></h1>
  <span id="state" role="status">Not connected</span>
  <form id="rooms">
    <label><span class="unseen">Another room</span> <input id="other" placeholder="Another room" maxlength="64" autocomplete="off" required></label>
    <button>Go</button>
  </form>
</header>
<main class="talk">
  <ol id="messages" role="log" aria-label="What was said" tabindex="0"></ol>
  <button id="newer" type="button" hidden>Newer messages ↓</button>
</main>
<aside aria-labelledby="here">
  <h2 id="here">Nobody here</h2>
  <ul id="people"></ul>
</aside>
<footer>
  <div id="typing"></div>
  <form id="enter">
    <label class="unseen" for="name">Your name</label>
    <input id="name" placeholder="Your name" maxlength="32" autocomplete="nickname" required>
    <button class="main">Enter</button>
  </form>
  <form id="say" hidden>
    <label class="unseen" for="text">Message</label>
    <textarea id="text" rows="1" maxlength="1000" placeholder="Message" aria-describedby="keys" title="Enter sends, Shift and Enter begin a line"></textarea>
    <span class="unseen" id="keys">Enter sends, Shift and Enter begin a line.</span>
    <button class="main">Send</button>
  </form>
</footer>
<script>
"use strict";
const $ = (id) => document.getElementById(id);
const room = decodeURIComponent(location.pathname.split("/").at(-1));
const MAX_LINES = 500;

let name = "";
let socket = null;
let me = "";                 // this connection's id, as the server calls it
let people = new Map();      // by id: { name, typing }
let known = new Set();       // messages that are on the page: what a new connection tells again
let attempt = 0;
let retry = 0;
let unread = 0;
let typingTimer = 0;         // runs while the server believes that we type

// Storage may be forbidden; then the name is asked for again.
const kept = (storage, value) => {
  try { return value === undefined ? window[storage].getItem("chat.name") : window[storage].setItem("chat.name", value); } catch { return null; }
};
function el(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
// Everything that people wrote becomes text, never markup.
function tinted(element, id) {
  const hue = Array.from(id).reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  element.style.setProperty("--hue", hue);
  return element;
}
const nameOf = (id, name) => tinted(el("span", { className: "name", textContent: name }), id);

// Connection

function connect() {
  clearTimeout(retry);
  const url = new URL(location.pathname, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams({ name });
  state("Connecting…");
  socket = new WebSocket(url);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    handlers[message.type]?.(message);
  };
  socket.onclose = ({ code, reason }) => {
    people = new Map();
    showPeople();
    stopTyping(false);
    // Longer each time, and never all pages at once.
    const pause = Math.min(500 * 2 ** attempt, 10000) * (0.8 + 0.4 * Math.random());
    attempt += 1;
    state(`Connection lost${reason ? `: ${reason}` : ""}`);
    retry = setTimeout(connect, pause);
  };
}
function state(text, open = false) {
  $("state").textContent = text;
  $("state").classList.toggle("open", open);
}
function send(message) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(message));
  return true;
}

const handlers = {
  welcome(message) {
    me = message.id;
    attempt = 0;
    people = new Map(message.here.map((person) => [person.id, person]));
    state("Connected", true);
    showPeople();
    for (const said of message.recent) showSaid(said);
  },
  joined({ id, name }) {
    people.set(id, { name, typing: false });
    showPeople();
    addLine(el("li", { className: "news" }, nameOf(id, name), " joined"));
  },
  left({ id, name }) {
    people.delete(id);
    showPeople();
    addLine(el("li", { className: "news" }, nameOf(id, name), " left"));
  },
  said(message) {
    if (people.has(message.id)) people.get(message.id).typing = false;
    showPeople();
    showSaid(message);
    if (document.hidden) unread += 1;
    showTitle();
  },
  typing({ id, on }) {
    if (people.has(id)) people.get(id).typing = on;
    showPeople();
  },
  error({ why }) {
    addLine(el("li", { className: "news wrong", textContent: why }));
  },
};

// What is seen

function showSaid({ id, name, text, at }) {
  const key = `${id} ${at}`;
  if (known.has(key)) return;
  known.add(key);
  const time = new Date(at * 1000);
  const short = time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const last = $("messages").lastElementChild;
  const line = el("li", { className: "said" },
    tinted(el("span", { className: "face", ariaHidden: "true", textContent: [...name][0].toUpperCase() }), id),
    el("div", { className: "who" }, nameOf(id, name), id === me ? " (you)" : "",
      el("time", { dateTime: time.toISOString(), title: time.toLocaleString(), textContent: short })),
    el("p", { textContent: text }));
  Object.assign(line, { by: id, at });
  // What somebody says within two minutes stands under one name.
  if (last?.by === id && at - last.at < 120) line.classList.add("more");
  addLine(line);
}
function addLine(line) {
  const list = $("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(line);
  while (list.childElementCount > MAX_LINES) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
  else $("newer").hidden = false;
}
function showPeople() {
  const all = [...people].sort(([, a], [, b]) => a.name.localeCompare(b.name));
  $("people").replaceChildren(...all.map(([id, person]) => {
    const line = el("li", {}, nameOf(id, person.name), id === me ? " (you)" : "");
    line.classList.toggle("typing", person.typing);
    return line;
  }));
  $("here").textContent = all.length ? `${all.length} here` : "Nobody here";
  const names = all.filter(([id, person]) => person.typing && id !== me).map(([, person]) => person.name);
  $("typing").textContent = names.length === 0 ? "" : names.length === 1 ? `${names[0]} is typing…`
    : names.length < 4 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)} are typing…` : `${names.length} people are typing…`;
}
function showTitle() {
  document.title = `${unread ? `(${unread}) ` : ""}${room} · Chat`;
}

// What the person does

function enter() {
  $("enter").hidden = true;
  $("say").hidden = false;
  $("text").focus();
  connect();
}
function say() {
  const text = $("text").value.trim();
  if (!text || !send({ type: "say", text })) return;
  $("text").value = "";
  stopTyping(false);   // the server knows: who has spoken has stopped typing
}
function stopTyping(tell) {
  if (typingTimer && tell) send({ type: "typing", on: false });
  clearTimeout(typingTimer);
  typingTimer = 0;
}
$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  name = $("name").value.trim();
  if (!name) return;
  kept("localStorage", name);
  kept("sessionStorage", name);
  enter();
});
$("say").addEventListener("submit", (event) => { event.preventDefault(); say(); });
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  say();
});
$("text").addEventListener("input", () => {
  if (!$("text").value.trim()) return stopTyping(true);
  if (!typingTimer) send({ type: "typing", on: true });
  clearTimeout(typingTimer);
  typingTimer = setTimeout(stopTyping, 3000, true);
});
$("rooms").addEventListener("submit", (event) => {
  event.preventDefault();
  const other = $("other").value.trim();
  if (other && !other.includes("/")) location.href = new URL(encodeURIComponent(other), location.href);
});
$("newer").addEventListener("click", () => { $("messages").scrollTop = $("messages").scrollHeight; });
$("messages").addEventListener("scroll", () => {
  const list = $("messages");
  if (list.scrollHeight - list.scrollTop - list.clientHeight < 40) $("newer").hidden = true;
});
// A browser may keep a page that was left, and its connection with it, for the way back.
window.addEventListener("pagehide", () => {
  clearTimeout(retry);
  if (!socket) return;
  socket.onclose = null;
  socket.close();
});
window.addEventListener("pageshow", (event) => { if (event.persisted && socket) connect(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) { unread = 0; showTitle(); } });

$("room").textContent = room;
showTitle();
// Each tab is somebody: the name of this one holds over a reload, a new one proposes the last.
name = kept("sessionStorage") || "";
if (name) {
  enter();
} else {
  $("name").value = kept("localStorage") || "";
  $("name").focus();
}
</script>
</body>
</html>
]==]
