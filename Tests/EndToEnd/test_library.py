#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""library/ws.lua and docs/scripting.md tell of every name that scripts may use, and of no other.

Which names there are is asked of the server: objects are asked for every word that stands between quotes in its sources.
"""
import json
import re
import urllib.request

import pytest
from websockets.asyncio.client import connect

import luacats
from documented import MANUAL, names_of_library, names_of_manual
from nightjar import PATIENCE, ROOT, run

# Answers with the words that each object takes. Objects refuse what they do not know; tables are read key by key.
ASK = """
local words = require "lib.words"
local told = {}

local function take(owner, names)
  table.sort(names)
  told[owner] = ws.json.array(names)
end

local function taken_by(object)
  local names = {}
  for _, word in ipairs(words) do
    if pcall(function() return object[word] end) then names[#names + 1] = word end
  end
  return names
end

local function keys_of(object)
  local names = {}
  for name in pairs(object) do names[#names + 1] = name end
  return names
end

-- The words that a function takes as keys of its options: it tells others from wrong values.
local function options_of(call)
  local names = {}
  for _, word in ipairs(words) do
    local ok, why = pcall(call, { [word] = {} })
    if ok or not (tostring(why):find("unknown", 1, true) or tostring(why):find("reserved", 1, true)) then
      names[#names + 1] = word
    end
  end
  return names
end

local ask = { on = {} }

function ask.load(saved, info)
  take("nightjar.LoadInfo", keys_of(info))
end

function ask.error(conn, err)
  take("nightjar.Error", keys_of(err))
  conn:send(told)
end

function ask.request(req)
  take("Request", keys_of(req))
  return 200
end

function ask.message(conn, data)
  take("Conn", taken_by(conn))
  take("Room", taken_by(ws.room("x")))
  local timer = ws.after(60, print)
  take("Timer", taken_by(timer))
  timer:cancel()
  take("ws", taken_by(ws))
  for _, part in ipairs { "json", "crypto", "shared", "log" } do
    take("ws." .. part, keys_of(ws[part]))
  end
  take("nightjar.SendOptions", options_of(function(options) conn:send("", options) end))
  take("nightjar.BroadcastOptions", options_of(function(options) ws.room("x"):broadcast("", options) end))
  take("nightjar.RouteBroadcastOptions", options_of(function(options) ws.broadcast("", options) end))
  take("nightjar.StoreOptions", options_of(function(options) ws.shared.set("x", 1, options) end))
  take("nightjar.IncrOptions", options_of(function(options) ws.shared.incr("y", 1, options) end))
  error("to be told of it")
end

return ask
"""

SOURCES = ["CLuaRuntime/*.c", "LuaRuntime/*.swift", "NightjarServer/**/*.swift", "nightjar/**/*.swift"]


def words_of_sources():
    """Every word that the sources have between quotes, alone or next to a dot, and those of the library."""
    words = set().union(*names_of_library().values())
    for path in (path for pattern in SOURCES for path in (ROOT / "Sources").glob(pattern)):
        for text in re.findall(r'"([a-z_][a-z0-9_.]*)"', path.read_text()):
            words |= set(text.split(".")) - {""}
    return sorted(words)


def assert_same(told, written, where):
    """Two sets of names by owner, held against each other in both directions."""
    for owner, names in told.items():
        missing, invented = names - written.get(owner, set()), written.get(owner, set()) - names
        assert not missing, f"{where} does not tell of these names of {owner}: {sorted(missing)}"
        assert not invented, f"{where} tells of names that {owner} does not have: {sorted(invented)}"


async def names_of_objects(start):
    words = ", ".join(f'"{word}"' for word in words_of_sources())
    server = start({"ask.lua": ASK, "lib/words.lua": f"return {{ {words} }}"}, settings={"limits.cpu": "5s"})
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/ask", data=b"body")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert answer.status == 200
    async with connect(server.url("/ask")) as client:
        await client.send("tell")
        while not (text := await client.recv()):
            pass
    return {owner: set(names) for owner, names in json.loads(text).items()}


def keys_of_table(tmp_path, before="", after=""):
    """The words that a script's table takes: a script for each, and what the server says of all of them."""
    words = words_of_sources()
    for number, word in enumerate(words):
        (tmp_path / f"script{number}.lua").write_text(f'return {{ {before}["{word}"] = false{after} }}')
    ended = run("serve", tmp_path, "--port", 0, cwd=tmp_path)
    assert ended.returncode != 0
    refused = {
        int(match[1])
        for line in ended.stderr.splitlines()
        if (match := re.search(r"\bscript(\d+)\.lua(?::\d+)*: ", line)) and re.search("unknown|reserved|cannot be set by a script", line)
    }
    # Keys that begin with _ are the script's own.
    return {word for number, word in enumerate(words) if number not in refused and not word.startswith("_")}


async def test_library_and_manual_have_the_names_of_the_objects(start):
    names = await names_of_objects(start)
    assert_same(names, names_of_library(), "library/ws.lua")
    told = {owner: names[owner] for owner in names if not owner.endswith("Options")}
    assert_same(told, names_of_manual(), "docs/scripting.md")
    options = set().union(*(names[owner] for owner in names if owner.endswith("Options")))
    text = MANUAL.read_text()
    assert not [option for option in options if f"`{option}`" not in text and f"{option} =" not in text]


@pytest.mark.parametrize(
    "owner, before, after",
    [
        ("nightjar.Route", "", ""),
        ("nightjar.Limits", "limits = { ", " }"),
        ("nightjar.Deflate", "deflate = { ", " }"),
        ("nightjar.KeepAlive", "keep_alive = { ", " }"),
    ],
)
def test_library_and_manual_have_the_keys_of_the_table(tmp_path, owner, before, after):
    names = keys_of_table(tmp_path, before, after)
    assert_same({owner: names}, names_of_library(), "library/ws.lua")
    assert_same({owner: names}, names_of_manual(), "docs/scripting.md")


def test_all_classes_of_the_library_are_asked_for(start):
    """A class that is added to the library is held against the server, or it is named here."""
    asked = set(re.findall(r'take\("([\w.]+)"', ASK)) | {f"ws.{part}" for part in ("json", "crypto", "shared", "log")}
    asked |= {"nightjar.Route", "nightjar.Limits", "nightjar.Deflate", "nightjar.KeepAlive"}
    assert names_of_library().keys() - asked == {"nightjar.Acceptance"}


def test_annotations_are_what_the_language_server_reads():
    """Each is one by its grammar, and speaks of types that there are."""
    used, made = {}, set(luacats.BUILT_IN)
    for number, line in enumerate((ROOT / "library" / "ws.lua").read_text().splitlines(), 1):
        if line.strip().startswith("---@"):
            names, name = luacats.read(line)
            used |= {name: number for name in names}
            made |= {name}
    assert len(used) > 20
    assert {name: number for name, number in used.items() if name not in made} == {}


@pytest.mark.parametrize(
    "line",
    ["---@parm a string", "---@param string", "---@param a", "---@return fun(a string)", "---@field a {b: }", "---@class", "---@return a[", "---@alias A |"],
)
def test_annotations_that_are_none_are_found(line):
    with pytest.raises(AssertionError):
        luacats.read(line)
