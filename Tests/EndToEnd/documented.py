#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The names that library/ws.lua and docs/scripting.md tell of, by what they are names of."""
import re
from collections import defaultdict

from nightjar import ROOT

LIBRARY = ROOT / "library/ws.lua"
MANUAL = ROOT / "docs/scripting.md"

# What the manual tells of in the rows of tables.
ROWS = {
    "req": "Request",
    "err": "nightjar.Error",
    "info": "nightjar.LoadInfo",
    "limits": "nightjar.Limits",
    "deflate": "nightjar.Deflate",
    "keep_alive": "nightjar.KeepAlive",
}


def names_of_library():
    """Fields and functions of each class, those of its parents too: {"Conn": {"id", "send", …}, …}."""
    names, parents = defaultdict(set), {}
    opened = None
    for line in LIBRARY.read_text().splitlines():
        if match := re.match(r"---@class ([\w.]+)(?:: ([\w.]+))?$", line):
            opened = match[1]
            names[opened] |= names[match[2]] if match[2] else set()
            parents[opened] = match[2]
        elif match := re.match(r"---@field (\w+)\?? ", line):
            names[opened].add(match[1])
        elif match := re.match(r"function ([\w.]+)[.:](\w+)\(", line):
            names[match[1]].add(match[2])
        elif match := re.match(r"(ws)\.(\w+) = \{\}$", line):
            names[match[1]].add(match[2])
    return dict(names)


def names_of_manual():
    """The names that have a heading or a row of their own, by the same classes."""
    names = defaultdict(set)
    section = None
    for line in MANUAL.read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
            if match := re.match(r"`(ws\.\w+)`$", section):
                names["ws"].add(match[1].removeprefix("ws."))
        elif match := re.match(r"### `([\w.:]+)", line):
            owner, _, name = re.sub(":", ".", match[1]).rpartition(".")
            if section in ("Handlers", "Settings"):
                names["nightjar.Route"].add(name)
            else:
                names[{"conn": "Conn", "room": "Room", "timer": "Timer"}.get(owner, owner)].add(name)
        elif (match := re.match(r"\| `(\w+)\.(\w+)` \|", line)) and match[1] in ROWS:
            names[ROWS[match[1]]].add(match[2])
    return dict(names)
