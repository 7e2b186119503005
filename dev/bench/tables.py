#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What was measured, and the tables of docs/performance.md that tell of it."""
import datetime
import os
import pathlib
import platform
import re
import statistics

from servers import CORES, ROOT, output
from works import (BARE, DEPTH_16, EACH, GROWTH_IDLE, GROWTH_ROOMS, GROWTH_ROUTES, HANDSHAKES, HOP, HOP_BAR, IDLE, IDLE_BAR,
                   LATENCY, LATENCY_BAR, OURS, ROUNDS, SECS, WORKS)


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
    where = "server and load generator share the one core that there is"
    if len(CORES) > 1:
        where = "server on one core, load generator on another"
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
