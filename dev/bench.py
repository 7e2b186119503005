#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Measures Nightjar against the bare loop (Benchmarks/rawecho.c) and other servers, and writes docs/performance.md.

Each server has one thread on the first core, the load generator has the second. In each round every work is done by all servers
one after the other, so that a ratio compares what ran within seconds. Any error of Nightjar fails the bench.

Environment: ROUNDS=5, SECS=2 (measured, for each work), PEERS=no leaves the other servers out.
What a quick run finds is printed; docs/performance.md is written by ROUNDS of 3 or more with peers.
"""
import datetime
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / ".build/dev/bench"
ROUNDS = int(os.environ.get("ROUNDS") or 5)
SECS = float(os.environ.get("SECS") or 2)
PEERS = os.environ.get("PEERS") != "no"
CORES = sorted(os.sched_getaffinity(0))
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

BARE, OURS, HOP = "bare loop", "Nightjar", "Nightjar, hop"
NGINX = "nginx (LuaJIT)"

# name, unit, field of wsload's line, path, options of wsload, bar of the ratio to the bare loop
ECHO = ["--mode", "echo", "--spin"]
BROADCAST = ["--mode", "broadcast", "--spin"]
CPU, EACH, DELIVERY = "srv_cpu_us_per_msg", "CPU µs a message", "CPU µs a delivery"
DEPTH_1, DEPTH_16 = "echo 64 × 32 B, depth 1", "echo 64 × 32 B, depth 16"
WORKS = [
    (DEPTH_1, EACH, CPU, "/echo", ECHO + ["--conns", "64", "--size", "32"], 1.25),
    (DEPTH_16, EACH, CPU, "/echo", ECHO + ["--conns", "64", "--size", "32", "--depth", "16"], 1.5),
    ("echo 256 × 1 KiB", EACH, CPU, "/echo", ECHO + ["--conns", "256", "--size", "1024"], 1.4),
    ("echo 8 × 64,000 B", EACH, CPU, "/echo", ECHO + ["--conns", "8", "--size", "64000"], 1.5),
    ("broadcast 1 → 500, 64 B", DELIVERY, CPU, "/bc/0", BROADCAST + ["--conns", "500", "--size", "64"], 1.1),
    ("broadcast 1 → 500, 1 KiB", DELIVERY, CPU, "/bc/0", BROADCAST + ["--conns", "500", "--size", "1024"], None),
    ("chat, 10 rooms of 50, all talking, 64 B", DELIVERY, CPU, "/bc",
     BROADCAST + ["--conns", "500", "--rooms", "10", "--depth", "500", "--size", "64"], None),
    ("handshake, one echo, close", "CPU µs each", CPU, "/echo", ["--mode", "churn", "--spin", "--conns", "32"], 1.5),
]
HANDSHAKES = "handshakes with an echo and a close"
IDLE, IDLE_CONNS, IDLE_BAR = "idle connection, at 10,000", 10_000, 5 * 1024
LATENCY = ["p50", "p99", "p99.9"]
LATENCY_FIELDS = dict(zip(LATENCY, ["p50_us", "p99_us", "p999_us"]))
LATENCY_BAR, HOP_BAR = 1.3, 1.6

# What a message may not cost more with: how much of it there is.
GROWTH_IDLE = [10, 1_000, 10_000] + ([15_000] if FILES * 9 // 10 > 15_200 else [])
# With the 64 that talk, each in a room of its own: nine others are in so many more each.
GROWTH_ROOMS = {64: None, 1_000: 103, 10_000: 1_103}
GROWTH_ROUTES = [1, 100, 1_000]


def fail(text):
    sys.exit(f"error: {text}")


def output(*command, **options):
    """What a command says, without the line's end; nothing when it is not there or fails."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def pinned(core, command):
    return ["taskset", "-c", str(CORES[min(core, len(CORES) - 1)]), *map(str, command)]


def compile_c(source, target, *options):
    """True when the target is there and newer than its source, or could be made so."""
    source, target = ROOT / "Benchmarks" / source, WORK / target
    if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
        return True
    compiler = shutil.which("cc") or shutil.which("clang") or shutil.which("gcc") or "cc"
    run = subprocess.run([compiler, *"-Wall -Wextra -o".split(), target, source, *options], capture_output=True, text=True)
    return run.returncode == 0


class Server:
    """One server process on the first core."""

    def __init__(self, name, command, environment=None):
        self.name, self.lost = name, False
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [str(part).replace("PORT", str(self.port)) for part in command]
        log = open(WORK / f"{re.sub('[^a-z]+', '-', name.lower())}.log", "w")
        self.process = subprocess.Popen(
            pinned(0, command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **(environment or {})}
        )
        log.close()
        self.wait(log.name)
        # What has looked whether it is there is gone by then.
        time.sleep(0.3)
        self.at_rest = self.descriptors()

    def wait(self, log):
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        raise OSError(f"{self.name} did not start; see {log}")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def rest(self):
        """Waits until the server has closed what the clients that are gone have left; then its count of descriptors."""
        for _ in range(200):
            if self.descriptors() <= self.at_rest:
                break
            time.sleep(0.05)
        return self.descriptors()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def nightjar(name, scripts, **settings):
    binary = os.environ.get("NIGHTJAR_BIN") or ROOT / ".build/release/nightjar"
    own = {"NIGHTJAR_THREADS_IO": "1", "NIGHTJAR_DRAIN_WINDOW": "0", **settings}
    # The server refuses names of the environment that it does not know, and this one is ours.
    command = ["env", "-u", "NIGHTJAR_BIN", binary, "serve", scripts, "--host", "127.0.0.1", "--port", "PORT"]
    return Server(name, command, own)


def load(server, path, *options, secs=SECS):
    """One run of the load generator, as a dictionary."""
    command = [WORK / "wsload", "--url", f"127.0.0.1:{server.port}{path}", "--server-pid", server.process.pid, "--json"]
    command += ["--secs", secs, "--warmup", 0.5, *options]
    try:
        run = subprocess.run(pinned(1, command), capture_output=True, text=True, timeout=secs + 90)
        return json.loads(run.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return {"errors": 1}


class Holders:
    """Connections that are open and say nothing, while others talk."""

    def __init__(self, server, path, count):
        self.server, self.count, self.before = server, count, server.rest()
        command = [WORK / "wsload", "--url", f"127.0.0.1:{server.port}{path}", "--mode", "idle", "--conns", count]
        self.process = subprocess.Popen(pinned(1, [*command, "--secs", 600]), stdout=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(600):
            if self.server.descriptors() - self.before >= self.count:
                # Their rooms are joined, and what the kernel does for new connections is done.
                time.sleep(0.5)
                return self
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        held = self.server.descriptors() - self.before
        self.process.kill()
        self.process.wait()
        self.server.rest()
        if held < self.count:
            Figures.errors.append(f"{self.server.name}: {self.count} idle connections: only {held} were there")


class Figures:
    """What was measured: by name of work and of server one value a round, None where there was none."""

    values, errors = {}, []

    @classmethod
    def add(cls, work, server, run, field):
        errors = run.get("errors") or (0 if run["msgs"] or run["mode"] == "idle" else 1)
        if errors:
            text = f"{server.name}: {work}: {errors} errors {run.get('err', 'and no result')}"
            print(f"    {text}", flush=True)
            if server.name.startswith(OURS):
                cls.errors.append(text)
            cls.put(work, server.name, None)
        else:
            cls.put(work, server.name, run[field])

    @classmethod
    def put(cls, work, name, value):
        cls.values.setdefault((work, name), []).append(value)

    @classmethod
    def median(cls, work, name):
        values = [value for value in cls.values.get((work, name), []) if value is not None]
        return statistics.median(values) if values else None

    @classmethod
    def ratio(cls, work, name, base_work, base_name):
        """The median of the ratios within a round."""
        pairs = zip(cls.values.get((work, name), []), cls.values.get((base_work, base_name), []))
        ratios = [value / base for value, base in pairs if value is not None and base]
        return statistics.median(ratios) if ratios else None


def prepare():
    """Compiles what is ours, and gives the start command and the version of each server that is here."""
    WORK.mkdir(parents=True, exist_ok=True)
    for source, target, options in [("wsload.c", "wsload", ["-O2"]), ("rawecho.c", "rawecho", ["-O3", "-march=native"])]:
        compile_c(source, target, *options) or fail(f"Benchmarks/{source} does not compile")
    scripts = WORK / "scripts"
    shutil.rmtree(scripts, ignore_errors=True)
    shutil.copytree(ROOT / "Benchmarks/scripts", scripts)
    shutil.copy(ROOT / "scripts/echo.lua", scripts)
    for count in GROWTH_ROUTES:
        folder = WORK / f"routes-{count}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for number in range(count):
            shutil.copy(ROOT / "scripts/echo.lua", folder / f"r{number}.lua")
    peers = {}
    for name, prepared in [("libwebsockets", lws), ("ws (node)", node), ("gorilla (Go)", gorilla),
                           ("websockets, uvloop (Python)", python), (NGINX, nginx)]:
        found = prepared() if PEERS else None
        if found:
            peers[name] = found
        elif PEERS:
            print(f"==> left out: {name}, which is not installed here", flush=True)
    return peers


def lws():
    if compile_c("peers/lws.c", "lws", "-O2", "-lwebsockets"):
        return [WORK / "lws", "PORT"], "libwebsockets " + output("pkg-config", "--modversion", "libwebsockets")


def node():
    modules = {"NODE_PATH": "/usr/share/nodejs"}
    version = output("node", "-p", "'ws ' + require('ws/package.json').version + ', node ' + process.versions.node",
                     env={**os.environ, **modules})
    return (["env", "NODE_PATH=/usr/share/nodejs", "node", ROOT / "Benchmarks/peers/node.js", "PORT"], version) if version else None


def gorilla():
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(WORK / "go"), "GOFLAGS": ""}
    output("go", "build", "-o", WORK / "gorilla", ROOT / "Benchmarks/peers/gorilla.go", env=environment)
    if (WORK / "gorilla").exists():
        version = output("dpkg-query", "-W", "-f", "${Version}", "golang-github-gorilla-websocket-dev")
        return [WORK / "gorilla", "PORT"], f"gorilla/websocket {version}, {output('go', 'env', 'GOVERSION')}"


def python():
    question = "import websockets.version as w, uvloop, platform as p; print(f'websockets {w.version}, uvloop {uvloop.__version__}, Python {p.python_version()}')"
    # Debian's packages are those of Debian's Python, whichever comes first in PATH.
    for interpreter in ["/usr/bin/python3", sys.executable]:
        version = output(interpreter, "-c", question)
        if version:
            return [interpreter, ROOT / "Benchmarks/peers/python.py", "PORT"], version


def nginx():
    """Debian has nginx's Lua module (libnginx-mod-http-lua) and no lua-resty-websocket: it is for who has put that into place."""
    library = pathlib.Path("/usr/share/lua/5.1/resty/websocket/server.lua")
    module = pathlib.Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")
    if not (library.exists() and module.exists() and shutil.which("nginx")):
        return None
    (WORK / "nginx").mkdir(exist_ok=True)
    version = re.search(r"_VERSION = '(.*)'", library.read_text())
    version = f"{output('sh', '-c', 'nginx -v 2>&1').split(': ')[-1]}, lua-resty-websocket {version.group(1) if version else '?'}"
    return [ROOT / "Benchmarks/peers/nginx.sh", WORK / "nginx", "PORT"], version


def round_of(servers, hop):
    """Every work, by all servers in turn; what it needs from the other works of the round comes before it."""
    for server in servers:
        # First, because memory that other work has taken serves connections too.
        run = load(server, "/echo", "--mode", "idle", "--conns", IDLE_CONNS, "--touch", secs=1)
        Figures.add(IDLE, server, run, "rss_per_conn_b")
    capacity = {}
    for work, _, field, path, options, _ in WORKS:
        for server in servers:
            # Requests of nginx cannot wake each other, so it has no broadcast.
            if server.process.poll() is not None or (server.name == NGINX and path != "/echo"):
                Figures.put(work, server.name, None)
                continue
            run = load(server, path, *options)
            Figures.add(work, server, run, field)
            if work == DEPTH_1:
                capacity[server.name] = run.get("msgs_per_s", 0)
            if options[1] == "churn":
                Figures.add(HANDSHAKES, server, run, "msgs_per_s")
        if work == DEPTH_16:
            Figures.add(HOP, hop, load(hop, path, *options), field)
    for server in servers:
        run = {"errors": 1}
        if capacity.get(server.name):
            run = load(server, "/echo", *ECHO, "--conns", "64", "--size", "32", "--rate", capacity[server.name] / 2)
        for name, field in LATENCY_FIELDS.items():
            Figures.add(name, server, run, field)


def growth(bare, ours):
    """What a message costs beside many idle connections, rooms and routes."""
    echo = next(options for work, _, _, _, options, _ in WORKS if work == DEPTH_1)
    for count in GROWTH_IDLE:
        for server in [bare, ours]:
            with Holders(server, "/echo", count):
                Figures.add(("connections", count), server, load(server, "/echo", *echo), CPU)
    for count, more in GROWTH_ROOMS.items():
        if more is None:
            Figures.add(("rooms", count), ours, load(ours, "/rooms/0", *echo), CPU)
            continue
        with Holders(ours, f"/rooms/{more}", 9):
            Figures.add(("rooms", count), ours, load(ours, "/rooms/0", *echo), CPU)
    for count in GROWTH_ROUTES:
        server = nightjar(OURS, WORK / f"routes-{count}")
        try:
            Figures.add(("routes", count), server, load(server, f"/r{count // 2}", *echo), CPU)
        finally:
            server.stop()


def number(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def row(work, unit, bar, peers, label=None, higher=False):
    ratio = Figures.ratio(work, OURS, work, BARE)
    if bar is None:
        judged = "–"
    else:
        judged = f"≤ {bar}: " + ("?" if ratio is None else "met" if ratio <= bar else "**missed**")
    cells = [label or work, unit, number(Figures.median(work, BARE)), number(Figures.median(work, OURS)), number(ratio), judged]
    for peer in peers:
        value, times = Figures.median(work, peer), Figures.ratio(work, peer, work, BARE)
        cells.append("–" if value is None else f"{number(value)} · {number(times)}")
    return cells


def table(rows):
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [rows[0], ["---"] * len(rows[0]), *rows[1:]])


def main_table(peers):
    rows = [["work", "unit", BARE, OURS, "×", "bar", *peers]]
    rows += [row(work, unit, bar, peers) for work, unit, _, _, _, bar in WORKS]
    rows.append(row(HANDSHAKES, "a second", None, peers))
    idle = row(IDLE, "B of memory", None, peers)
    ours = Figures.median(IDLE, OURS)
    idle[5] = f"≤ {IDLE_BAR:,} B: " + ("?" if ours is None else "met" if ours <= IDLE_BAR else "**missed**")
    rows.append(idle)
    for name in LATENCY:
        bar = LATENCY_BAR if name == "p99" else None
        rows.append(row(name, "µs", bar, peers, label=f"latency {name}, 64 × 32 B at half the capacity"))
    ratio = Figures.ratio(HOP, HOP, DEPTH_16, OURS)
    judged = "?" if ratio is None else "met" if ratio <= HOP_BAR else "**missed**"
    rows.append([f"{DEPTH_16}, script on another loop", EACH, "–", number(Figures.median(HOP, HOP)),
                 f"{number(ratio)} × one loop", f"≤ {HOP_BAR} × one loop: {judged}", *["–"] * len(peers)])
    return table(rows)


def growth_table():
    rows = [["beside", "how many", OURS, "× the first", BARE, "× the first"]]
    for kind, counts in [("connections", GROWTH_IDLE), ("rooms", GROWTH_ROOMS), ("routes", GROWTH_ROUTES)]:
        first = next(iter(counts))
        for count in counts:
            cells = [{"connections": "idle connections", "rooms": "rooms", "routes": "routes"}[kind], f"{count:,}"]
            for name in [OURS, BARE]:
                value = Figures.median((kind, count), name)
                ratio = Figures.ratio((kind, count), name, (kind, first), name)
                cells += [number(value), number(ratio)]
            rows.append(cells)
    return table(rows)


def versions(peers):
    processor = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    system = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    swift = re.search(r"Swift version (\S+)", output("swift", "--version"))
    lua = output("pkg-config", "--modversion", "lua5.4")
    commit = output("git", "rev-parse", "--short", "HEAD", cwd=ROOT)
    where = "server on one core, load generator on another" if len(CORES) > 1 else "server and load generator on the one core that there is"
    return [
        ["date", f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC"],
        ["machine", f"{processor.group(1) if processor else platform.machine()}, {os.cpu_count()} cores; {where}"],
        ["system", f"{system.group(1) if system else '?'}, Linux {platform.release()}"],
        ["Nightjar", f"{commit}, Swift {swift.group(1) if swift else '?'}, Lua {lua}, release build"],
        *[[name, version] for name, (_, version) in peers.items()],
        ["run", f"{ROUNDS} rounds, {SECS:g} s for each figure"],
    ]


def write(peers):
    """Puts the tables between the marks of docs/performance.md."""
    page = ROOT / "docs/performance.md"
    text = page.read_text()
    for mark, content in [("machine", table([["what", "which"], *versions(peers)])),
                          ("works", main_table(list(peers))), ("growth", growth_table())]:
        begin, end = f"<!-- bench: {mark} -->\n", f"\n<!-- bench: end of {mark} -->"
        head, _, rest = text.partition(begin)
        _, _, tail = rest.partition(end)
        text = head + begin + "\n" + content + "\n" + end + tail
    page.write_text(text)


def main():
    if platform.system() != "Linux" or not shutil.which("taskset"):
        fail("the bench needs Linux and taskset")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    if len(CORES) == 1:
        print("==> one core: server and load generator share it, so that a server's figures have its cache misses in them")
    peers = prepare()
    for number_of_round in range(1, ROUNDS + 1):
        print(f"==> round {number_of_round} of {ROUNDS}: {', '.join([BARE, OURS, *peers])}", flush=True)
        servers = []
        try:
            servers.append(Server(BARE, [WORK / "rawecho", "PORT"]))
            servers.append(nightjar(OURS, WORK / "scripts"))
            servers += [Server(name, command) for name, (command, _) in peers.items()]
            hop = nightjar(HOP, WORK / "scripts", NIGHTJAR_THREADS_SCRIPT="1")
            servers.append(hop)
            round_of(servers[:-1], hop)
            growth(*servers[:2])
        finally:
            for server in servers:
                server.stop()
    for rows in [main_table(list(peers)), growth_table()]:
        print(f"\n{rows}")
    if Figures.errors:
        fail("Nightjar had errors:\n" + "\n".join(Figures.errors))
    if ROUNDS >= 3 and peers:
        write(peers)
        print("\n==> docs/performance.md is written")


main()
