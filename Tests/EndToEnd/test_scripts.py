#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What scripts do with their connections, and what their mistakes do not do to the server."""
import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from nightjar import run


async def test_broadcast_reaches_all_the_others(server):
    async with connect(server.url("/everybody")) as one, connect(server.url("/everybody")) as two, connect(
        server.url("/everybody")
    ) as three:
        # Who is connected misses nothing, whichever loops the clients are on.
        await one.send("hello")
        assert await two.recv() == "hello"
        assert await three.recv() == "hello"
        await two.send(b"\x01\x02")
        # The sender does not hear itself: the first thing it gets is what another said.
        assert await one.recv() == b"\x01\x02"
        assert await three.recv() == b"\x01\x02"


async def test_broadcast_reaches_hundred_others_in_order(server):
    listeners = await asyncio.gather(*(connect(server.url("/everybody")) for _ in range(100)))
    async with connect(server.url("/everybody")) as speaker:
        for number in range(50):
            await speaker.send(str(number))
        for listener in listeners:
            assert [await listener.recv() for _ in range(50)] == [str(number) for number in range(50)]
    await asyncio.gather(*(listener.close() for listener in listeners))


async def test_script_sees_the_request(server):
    headers = {"X-Test": "header"}
    async with connect(server.url("/request?name=a%20b"), additional_headers=headers) as client:
        assert await client.recv() == "GET /request a b header 127.0.0.1"


async def test_error_is_logged_and_the_connection_lives(server):
    async with connect(server.url("/failing")) as client:
        await client.send("fail")
        await client.send("after")
        assert await client.recv() == "still here: after"
    entry = server.logged("failing.lua:5: out of patience")
    everything = str(entry)
    assert "failing.lua:10" in everything, "the traceback names the caller's line"
    assert "traceback" in everything
    assert entry["level"] == "error"


async def test_error_in_connect_closes(server):
    async with connect(server.url("/refusing")) as client:
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd.code == 1011
    server.logged("refusing.lua:5: nobody may come in")


async def test_endless_loop_ends_and_the_others_go_on(start, echo):
    """A handler has 100 ms of CPU time; the route then goes on, and so do the other routes."""
    loop = "return { message = function(conn, data)\n  while data == 'loop' do end\n  conn:send(data)\nend }\n"
    server = start({"loop.lua": loop} | echo, settings={"threads.io": 1})
    async with connect(server.url("/loop")) as looping, connect(server.url("/echo")) as other:
        await looping.send("loop")
        await other.send("hello")
        assert await other.recv() == "hello"
        await looping.send("done")
        assert await looping.recv() == "done"
    server.logged("loop.lua:2:", "100 ms")


async def test_out_of_memory_ends_one_event(start):
    script = """
local hoard = {}

local function fill()
  local all = {}
  while true do
    all[#all + 1] = ("x"):rep(100000) .. #all
  end
end

function hoard.message(conn, data)
  if data == "fill" then
    fill()
  end
  conn:send(data)
end

return hoard
"""
    server = start({"hoard.lua": script}, settings={"limits.memory": "8MiB", "limits.cpu": "10s", "limits.breaches": 0})
    async with connect(server.url("/hoard")) as client:
        for _ in range(3):
            await client.send("fill")
            await client.send("alive")
            assert await client.recv() == "alive"
    server.logged("memory", "hoard.lua")


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("local x = 1\nlocal y = = 2\n", ["broken.lua:2:"]),
        ("local x = 1\n\nerror('no way')\n", ["broken.lua:3:", "no way"]),
        ("return { mesage = function() end }\n", ["mesage", "message"]),
        ("return 7\n", ["broken.lua", "table"]),
        ("local util = require 'nowhere'\nreturn {}\n", ["broken.lua:1:", "nowhere"]),
    ],
    ids=["syntax", "raises", "unknown-handler", "no-table", "no-module"],
)
def test_broken_script_is_named_at_start(tmp_path, source, texts):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/broken.lua").write_text(source)
    ended = run("serve", "scripts", "--port", "0", cwd=tmp_path)
    assert ended.returncode == 1
    for text in texts:
        assert text in ended.stdout + ended.stderr


async def test_script_requires_a_module(start):
    scripts = {
        "greet.lua": "local text = require 'lib.text'\n"
        "return { message = function(conn, data) conn:send(text.greeting(data)) end }\n",
        "lib/text.lua": "return { greeting = function(name) return 'hello ' .. name end }\n",
    }
    server = start(scripts)
    async with connect(server.url("/greet")) as client:
        await client.send("moon")
        assert await client.recv() == "hello moon"
    assert "/lib/text" not in server.output.text, "a module is no route"
