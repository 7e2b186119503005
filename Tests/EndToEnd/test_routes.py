#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What a script's own table sets: paths, limits and who may connect; and who goes before whom."""
import asyncio
import json
import urllib.request

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from nightjar import run

ROOM = """
local room = { path = "/chat/:room", limits = { message = "1KiB", rate = 20 } }

function room.message(conn, data)
  conn:send(conn.params.room .. " " .. conn.path .. " " .. data)
end

return room
"""


async def answer(server, path, data="x", **options):
    async with connect(server.url(path), **options) as client:
        await client.send(data)
        return await client.recv()


async def status(server, path, **options):
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.url(path), **options)
    return refused.value.response.status_code


def said(text):
    return f"return {{ {text}, connect = function(conn) conn:send(conn.params.a or conn.params['*'] or '-') end }}"


async def test_path_has_names_and_limits(start):
    server = start({"room.lua": ROOM})
    assert "/chat/:room" in server.output.text
    assert await answer(server, "/chat/blue") == "blue /chat/blue x"
    assert await answer(server, "/chat/gr%C3%BCn%20%2B?x=1") == "grün + /chat/grün + x"
    for path in ("/chat", "/chat/", "/chat/a/b", "/room", "/chat/a%2Fb"):
        assert await status(server, path) in (400, 404), path


async def test_message_limit_of_the_script(start):
    server = start({"room.lua": ROOM})
    async with connect(server.url("/chat/blue")) as client:
        await client.send("x" * 1025)
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd.code == 1009
    assert closed.value.rcvd.reason == "message too big: the limit is 1024 bytes"


async def test_rate_limit_of_the_script(start):
    server = start({"room.lua": ROOM})
    async with connect(server.url("/chat/blue")) as client:
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(200):
                await client.send("x")
            while True:
                await client.recv()
    assert closed.value.rcvd.code == 1008
    assert closed.value.rcvd.reason == "rate limit: 20 messages/s"


async def test_protocols_and_origins_of_the_script(start, echo):
    script = """
return {
  protocols = { "v2", "v1" }, origins = { "https://app.example" },
  connect = function(conn) conn:send(tostring(conn.protocol)) end,
}
"""
    server = start({"own.lua": script} | echo)
    async with connect(server.url("/own"), subprotocols=["v1", "v2"], origin="https://app.example") as client:
        assert client.subprotocol == "v1"
        assert await client.recv() == "v1"
    assert await status(server, "/own", origin="https://other.example") == 403
    # The other route has neither.
    assert await status(server, "/echo", origin="https://app.example") == 403
    async with connect(server.url("/echo"), subprotocols=["v1"]) as client:
        assert client.subprotocol is None


async def test_the_nearest_pattern_wins(start):
    scripts = {
        "literal.lua": said("path = '/u/me'"),
        "named.lua": said("path = '/u/:a'"),
        "rest.lua": said("path = '/u/*'"),
        "deep/index.lua": said("_x = 1"),
        "deep/down.lua": said("_x = 1"),
    }
    server = start(scripts, "--dev")
    expected = {"/u/me": "-", "/u/you": "you", "/u/a/b": "a/b", "/u/": "", "/deep": "-", "/deep/down": "-"}
    for path, text in expected.items():
        async with connect(server.url(path)) as client:
            assert await client.recv() == text, path
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.url("/nowhere"))
    assert "/deep, /deep/down, /u/*, /u/:a, /u/me" in refused.value.response.body.decode()


async def test_configuration_of_the_route_goes_first(start, tmp_path):
    (tmp_path / "settings.yaml").write_text(
        "limits: {message: 16, fragments: 7}\nroutes:\n  room:\n    path: /r/:room\n    limits: {message: 8}\n"
    )
    own = said("limits = { message = 32 }")
    server = start({"room.lua": ROOM, "own.lua": own}, "--config", tmp_path / "settings.yaml")
    assert await answer(server, "/r/blue") == "blue /r/blue x"
    assert await status(server, "/chat/blue") == 404
    for path, limit in [("/r/blue", 8), ("/own", 32)]:
        async with connect(server.url(path)) as client:
            await client.send("x" * (limit + 1))
            await client.wait_closed()
            assert client.close_reason == f"message too big: the limit is {limit} bytes"


PER_CORE = """
local core = { instances = "per-core", limits = { memory = "4MiB" } }
local first, count = ws.instance, 0

function core.message(conn)
  count = count + 1
  conn:send(("%d %d %d %d"):format(first, ws.instance, ws.instances, count))
end

return core
"""


@pytest.mark.parametrize("threads", [{"threads.io": 2}, {"threads.io": 2, "threads.script": 1}], ids=["io", "script"])
async def test_a_vm_on_each_loop(start, threads):
    """Two loops: connections are dealt out, and each VM counts its own."""
    server = start({"core.lua": PER_CORE}, settings=threads)
    counts = {1: 0, 2: 0}
    clients = await asyncio.gather(*(connect(server.url("/core")) for _ in range(20)))
    for client in clients:
        for _ in range(2):
            await client.send("x")
            first, instance, instances, count = map(int, (await client.recv()).split())
            assert first == instance and instances == 2
            counts[instance] += 1
            assert count == counts[instance]
    assert min(counts.values()) > 0
    assert sum(counts.values()) == 40
    assert server.metrics()["nightjar_mail_total"] == 0, "nothing crosses from loop to loop"
    await asyncio.gather(*(client.close() for client in clients))


@pytest.mark.parametrize("threads", [{"threads.io": 2}, {"threads.io": 2, "threads.script": 1}], ids=["io", "script"])
def test_the_top_level_runs_once_for_each_vm(start, threads):
    """Only what the script returns says that it wants one VM for each loop."""
    script = 'print("top", ws.instance)\nreturn { instances = "per-core", load = function() print("load", ws.instance) end }'
    server = start({"core.lua": script, "one.lua": "print('the only one')\nreturn {}"}, settings=threads)
    for text in ["top\\t1", "top\\t2", "load\\t1", "load\\t2", "the only one"]:
        server.logged(text)
    server.stop()
    for text in ["top\\t1", "top\\t2", "load\\t1", "load\\t2", "the only one"]:
        assert server.log.text.count(text) == 1, text


async def test_a_handler_wakes_those_of_all_vms(start):
    script = """
return {
  instances = "per-core",
  request = function(req) return 200, { woken = ws.wake("news", "hello") } end,
  message = function(conn)
    conn:send("waiting")
    conn:send(ws.instance .. " " .. ws.wait("news"))
  end,
}
"""
    server = start({"core.lua": script}, settings={"threads.io": 2})
    clients = await asyncio.gather(*(connect(server.url("/core")) for _ in range(20)))
    for client in clients:
        await client.send("x")
    for client in clients:
        assert await client.recv() == "waiting"
    answer = await asyncio.to_thread(lambda: urllib.request.urlopen(f"http://127.0.0.1:{server.port}/core").read())
    assert json.loads(answer) == {"woken": 20}
    assert {await client.recv() for client in clients} == {"1 hello", "2 hello"}
    await asyncio.gather(*(client.close() for client in clients))


async def test_configuration_gives_a_script_more_vms(start, tmp_path):
    """Each VM sees the ends of its own connections, also of those that the server closes at shutdown."""
    (tmp_path / "settings.yaml").write_text("routes: {ends: {instances: per-core}}\n")
    script = """
return {
  connect = function(conn) conn:send(ws.instance .. " of " .. ws.instances) end,
  close = function(conn, code) print("ended", ws.instance, code) end,
}
"""
    server = start({"ends.lua": script}, "--config", tmp_path / "settings.yaml", settings={"threads.io": 2})
    clients = await asyncio.gather(*(connect(server.url("/ends")) for _ in range(8)))
    instances = [int((await client.recv()).split(" of 2")[0]) for client in clients]
    assert set(instances) == {1, 2}
    await clients[0].close()
    server.logged(f"ended\\t{instances[0]}\\t1000")
    server.terminate()
    await asyncio.gather(*(client.wait_closed() for client in clients))
    assert server.wait() == 0
    server.log.thread.join()
    for instance in (1, 2):
        own = instances[1:].count(instance)
        assert server.log.text.count(f"ended\\t{instance}\\t1001") == own


async def test_load_knows_the_instance_and_the_settings(start):
    """`load` runs in each VM, when its number and its limits are known."""
    script = """
return {
  instances = "per-core", limits = { timers = 2 },
  load = function()
    local timers, why = 0
    while timers < 5 do
      local ok, err = pcall(ws.every, "1h", print)
      if not ok then why = err break end
      timers = timers + 1
    end
    print(("VM %d of %d has %d timers"):format(ws.instance, ws.instances, timers))
  end,
}
"""
    server = start({"core.lua": script}, settings={"threads.io": 2})
    for instance in (1, 2):
        server.logged(f"VM {instance} of 2 has 2 timers")


async def test_scripts_see_the_listed_variables(start, monkeypatch):
    monkeypatch.setenv("API_KEY", "sesame")
    monkeypatch.setenv("OTHER", "x")
    script = """
return { connect = function(conn)
  local ok, why = pcall(ws.env, "OTHER")
  conn:send(tostring(ws.env("API_KEY")) .. " " .. tostring(ws.env("NOT_THERE")) .. " " .. why)
end }
"""
    server = start({"env.lua": script}, settings={"env": "API_KEY, NOT_THERE"})
    async with connect(server.url("/env")) as client:
        text = await client.recv()
    assert text.startswith("sesame nil ") and '"OTHER" is none of the names' in text


async def test_one_vm_is_one_instance(start):
    server = start({"one.lua": "return { connect = function(c) c:send(ws.instance .. '/' .. ws.instances) end }"})
    async with connect(server.url("/one")) as client:
        assert await client.recv() == "1/1"


CONFLICT = {"a.lua": "/x/:a", "b.lua": "/x/:b", "x/c.lua": "/x/*"}


@pytest.mark.parametrize(
    ("scripts", "file", "code", "problems"),
    [
        (
            {"chat.lua": "return { limits = { mesage = '1KiB' } }"},
            "",
            1,
            ["chat.lua:1:21: limits.mesage: unknown setting: did you mean limits.message?"],
        ),
        (
            {"chat.lua": "return { slow = 'no', history = 1 }"},
            "",
            1,
            [
                'chat.lua:1:23: key of the returned table: "history" is reserved for a later version',
                'chat.lua:1:10: slow: cannot be `"no"`: it takes one of `"close"`, `"drop"`',
            ],
        ),
        (
            {"a.lua": "return { slow = 1, limits = { rate = -1 } }", "sub/b.lua": "return { path = 'b' }"},
            "",
            1,
            [
                "a.lua:1:31: limits.rate: cannot be `-1`: it takes a whole number from 0 to 1000000, such as `0`",
                'a.lua:1:10: slow: cannot be `1`: it takes one of `"close"`, `"drop"`',
                "sub/b.lua:1:10: path: cannot be `b`: a path begins with a slash, such as `/chat/:room`",
            ],
        ),
        (
            {name: f"return {{ path = '{path}' }}" for name, path in CONFLICT.items()},
            "",
            1,
            ["b.lua:1:10: path: `/x/:b` is served by a.lua too as `/x/:a`: give one of them another `path`"],
        ),
        (
            {"a.lua": "return {}", "a/index.lua": "return {}", "b c.lua": "return {}"},
            "",
            1,
            [
                "b c.lua: its name makes no path (letters, digits and any of ._- do): rename it, or give it a `path`",
                "a/index.lua: path: `/a` is served by a.lua too: give one of them another `path`",
            ],
        ),
        (
            {"a.lua": "return {}"},
            "routes:\n  a:\n    path: /a//b\n",
            78,
            ["nightjar.yaml:3: path: cannot be `/a//b`: two slashes stand side by side: remove one of them"],
        ),
        (
            {"a.lua": "return { limits = { buffered = '1MiB' } }"},
            "limits:\n  total: 900KiB\n  buffered: 800KiB\n",
            1,
            [
                "a.lua:1:21: `limits.buffered` is 1MiB (a.lua), more than `limits.total`, which is 900KiB (nightjar.yaml:2): "
                "one connection must not hold more than all of them together"
            ],
        ),
        (
            {"a.lua": "return { limits = { buffered_soft = '1KiB' } }"},
            "routes:\n  a:\n    limits:\n      buffered: 1\n",
            78,
            [
                "nightjar.yaml:4: `limits.buffered_soft` is 1KiB (a.lua), more than `limits.buffered`, which is 1 "
                "(nightjar.yaml:4): reading pauses at the first and the connection is closed at the second"
            ],
        ),
        (
            {"a.lua": "if ws.instance == 2 then error('no second') end\nreturn { instances = 'per-core' }"},
            "",
            1,
            ["a.lua:1: no second"],
        ),
    ],
    ids=["unknown", "reserved", "all", "conflict", "files", "path", "total", "order", "instance"],
)
def test_mistakes_are_named_at_start(tmp_path, scripts, file, code, problems):
    for name, source in scripts.items():
        (tmp_path / "scripts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "scripts" / name).write_text(source)
    (tmp_path / "nightjar.yaml").write_text(file)
    ended = run(
        "serve", "scripts", "--port", "0", "--config", "nightjar.yaml",
        cwd=tmp_path, environment={"NIGHTJAR_THREADS_IO": "2"},
    )
    assert ended.returncode == code, ended.stderr
    told = [line.removeprefix("nightjar: ") for line in ended.stderr.splitlines() if line.startswith("nightjar: ")]
    assert told == problems
    assert ended.stdout == ""


async def test_a_path_of_its_own_makes_up_for_the_name(start, tmp_path):
    """Two files of one path are none when one has another, by its own table or by the configuration."""
    (tmp_path / "settings.yaml").write_text("routes:\n  b:\n    path: /else\n  c d:\n    path: /c\n")
    scripts = {
        "a.lua": said("path = '/other'"),
        "a/index.lua": said("_x = 1"),
        "b.lua": said("_x = 1"),
        "b/index.lua": said("_x = 1"),
        "c d.lua": said("_x = 1"),
        "-/e.lua": said("path = '/e'"),
    }
    server = start(scripts, "--config", tmp_path / "settings.yaml")
    for path in ("/a", "/other", "/b", "/else", "/c", "/e"):
        async with connect(server.url(path)) as client:
            assert await client.recv() == "-", path


async def test_what_is_no_route(start):
    """`lib/`, names that begin with `_`, tests of scripts; `index.lua` is its folder, and folders are segments."""
    plain = said("_x = 1")
    routes = ["index.lua", "a/b/c.lua", "a/b/index.lua"]
    others = ["lib/a.lua", "_draft.lua", "_old/a.lua", "chat_test.lua", "a/lib/d.lua"]
    server = start({name: plain for name in routes + others})
    for path in ("/", "/a/b/c", "/a/b"):
        async with connect(server.url(path)) as client:
            assert await client.recv() == "-"
    for path in ("/lib/a", "/_draft", "/_old/a", "/chat_test", "/index", "/a/b/index", "/a/b/", "/a/lib/d"):
        assert await status(server, path) == 404, path
