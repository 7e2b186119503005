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
import os
import platform
import resource
import shutil
import subprocess
import sys
import time

from peers import gorilla, lws, nginx, node, python
from servers import CORES, ROOT, WORK, Server, compile_c, load, nightjar, pinned
from tables import Figures, growth_table, main_table, write
from works import (BARE, CPU, DEPTH_1, DEPTH_16, ECHO, FILES, GROWTH_IDLE, GROWTH_ROOMS, GROWTH_ROUTES, HANDSHAKES, HOP, IDLE,
                   IDLE_CONNS, LATENCY_FIELDS, NGINX, OURS, ROUNDS, WORKS)

PEERS = os.environ.get("PEERS") != "no"


def fail(text):
    sys.exit(f"error: {text}")


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


def main():
    if platform.system() != "Linux" or not shutil.which("taskset"):
        fail("the bench needs Linux and taskset")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    if len(CORES) == 1:
        print("==> one core: server and load generator share it, which makes every server slower")
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
