#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Reload: saved files take effect in the live server, nobody is disconnected, and a broken script replaces nothing."""
import asyncio
import signal
import time

import pytest
import websockets
from websockets.sync.client import connect

from nightjar import PATIENCE, run

VERSION = """
local count = 0
return {
  message = function(conn, data)
    count = count + 1
    conn.state.n = (conn.state.n or 0) + 1
    conn:send(%r .. " " .. data .. " " .. conn.state.n .. " " .. count)
  end,
  save = function() return { count = count } end,
  load = function(saved) if saved then count = saved.count end end,
  close = function(conn, code) print("closed " .. code) end,
}
"""

BROKEN = [
    ("return { message = function(conn data) end }", "counter.lua:1:"),
    ("return { mesage = function() end }", 'did you mean "message"?'),
    ("return { load = function() error('no') end }", "counter.lua:1: no"),
    ("return { limits = { mesage = 1 } }", "limits.mesage"),
    ("error('top')", "counter.lua:1: top"),
]


def counter(name):
    return VERSION % name


def write(server, name, source):
    """Saves as editors do: another file takes the old one's place."""
    path = server.folder / "scripts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".tmp")
    aside.write_text(source)
    aside.replace(path)


def ask(client, text):
    client.send(text)
    return client.recv(timeout=PATIENCE)


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_saved_script_serves_and_what_it_saved_goes_on(start):
    server = start({"counter.lua": counter("one")})
    with connect(server.url("/counter")) as client:
        assert ask(client, "a") == "one a 1 1"
        write(server, "counter.lua", counter("two"))
        assert server.logged("reloaded", '"version":"2"')["route"] == "/counter"
        assert ask(client, "b") == "two b 2 2"
        write(server, "counter.lua", "return { message = function(conn data) end }")
        refused = server.logged("reload refused", "counter.lua:1:")
        assert refused["version"] == "2"
        assert ask(client, "c") == "two c 3 3"
        write(server, "counter.lua", counter("three"))
        server.logged("reloaded", '"version":"3"')
        assert ask(client, "d") == "three d 4 4"
    assert server.wait_for_metric('nightjar_script_reloads_total{result="committed"}', 2) == 2
    metrics = server.metrics()
    assert metrics['nightjar_script_reloads_total{result="refused"}'] == 1
    assert metrics['nightjar_script_version{route="counter"}'] == 3


def test_what_a_script_requires_is_watched(start):
    server = start({"page.lua": "local m = require 'lib.m' return { message = function(c) c:send(m) end }", "lib/m.lua": "return 'one'"})
    with connect(server.url("/page")) as client:
        assert ask(client, "x") == "one"
        write(server, "lib/m.lua", "return 'two'")
        server.logged("reloaded")
        assert ask(client, "x") == "two"
        (server.folder / "scripts/lib/m.lua").unlink()
        server.logged("reload refused", "lib.m")
        assert ask(client, "x") == "two"
        write(server, "lib/m.lua", "return 'three'")
        server.logged("reloaded", '"version":"3"')
        assert ask(client, "x") == "three"


def test_a_burst_of_saves_is_one_reload(start):
    server = start({"counter.lua": counter("one")})
    for number in range(20):
        write(server, "counter.lua", counter(f"burst{number}"))
    server.logged("reloaded")
    time.sleep(1)
    with connect(server.url("/counter")) as client:
        assert ask(client, "a") == "burst19 a 1 1"
    assert server.metrics()['nightjar_script_reloads_total{result="committed"}'] <= 2


def test_new_scripts_are_served_and_removed_ones_close(start):
    server = start({"counter.lua": counter("one")})
    write(server, "new.lua", "return { message = function(conn, data) conn:join('r'); conn:send(data .. ws.room('r').count) end }")
    server.logged("served", "/new")
    with connect(server.url("/new")) as client:
        assert ask(client, "x") == "x1"
        (server.folder / "scripts/new.lua").unlink()
        server.logged("removed")
        with pytest.raises(websockets.ConnectionClosed) as closed:
            client.recv(timeout=PATIENCE)
        assert closed.value.rcvd.code == 1001
    with pytest.raises(websockets.InvalidStatus) as refused:
        connect(server.url("/new"))
    assert refused.value.response.status_code == 404
    with connect(server.url("/counter")) as client:
        assert ask(client, "a") == "one a 1 1"


def test_a_script_that_comes_back_in_time_closes_nobody(start):
    server = start({"counter.lua": counter("one")})
    with connect(server.url("/counter")) as client:
        path = server.folder / "scripts/counter.lua"
        path.unlink()
        time.sleep(1.5)
        path.write_text(counter("two"))
        server.logged("reloaded")
        assert ask(client, "a") == "two a 1 1"


def test_a_new_script_that_is_broken_is_told_of_and_served_once_mended(start):
    server = start({"counter.lua": counter("one")})
    write(server, "new.lua", "return {")
    server.logged("not served", "new.lua:1:")
    write(server, "new.lua", "return { message = function(conn, data) conn:send(data) end }")
    server.logged("served", "/new")
    with connect(server.url("/new")) as client:
        assert ask(client, "x") == "x"


def test_a_signal_reloads_what_has_changed(start):
    server = start({"counter.lua": counter("one"), "other.lua": counter("other")})
    write(server, "counter.lua", counter("two"))
    server.process.send_signal(signal.SIGHUP)
    server.logged("reloaded", "/counter")
    # A certificate that is not there hinders no script.
    server.logged("nothing to load again")
    server.process.send_signal(signal.SIGHUP)
    server.logged("scripts looked at", "nothing has changed")
    assert server.metrics()['nightjar_script_reloads_total{result="committed"}'] == 1


def command(server, *arguments):
    return run(*arguments, "--port", server.port, cwd=server.folder)


def test_commands_reload_and_roll_back(start):
    server = start({"counter.lua": counter("one")})
    with connect(server.url("/counter")) as client:
        assert ask(client, "a") == "one a 1 1"
        assert command(server, "reload").stdout == "nothing has changed\n"
        result = command(server, "reload", "counter")
        assert (result.returncode, result.stdout, result.stderr) == (0, "counter: version 2 serves\n", "")
        result = command(server, "rollback", "counter")
        assert (result.returncode, result.stdout) == (0, "counter: version 1 serves\n")
        assert ask(client, "b") == "one b 2 2"
        result = command(server, "rollback", "counter")
        assert result.returncode == 1 and "no version before" in result.stderr
        write(server, "counter.lua", counter("two"))
        result = command(server, "reload", "counter")
        assert result.returncode == 0
        assert ask(client, "c") == "two c 3 3"
        for source, sentence in BROKEN:
            write(server, "counter.lua", source)
            result = command(server, "reload", "counter")
            assert result.returncode == 1 and sentence in result.stderr, result.stderr
            assert ask(client, "d").startswith("two d")
        assert command(server, "rollback", "counter").returncode == 0
        assert ask(client, "e").startswith("one e")
    result = command(server, "reload", "nothing")
    assert result.returncode == 1 and "there are: counter" in result.stderr


def test_commands_say_when_nobody_answers(tmp_path):
    result = run("reload", "--admin", f"unix:{tmp_path}/none.sock", cwd=tmp_path)
    assert result.returncode == 69 and "no server answers" in result.stderr
    result = run("reload", "--admin", "off", cwd=tmp_path)
    assert result.returncode == 69
    assert run("rollback", cwd=tmp_path).returncode == 64


HUNGRY = """
return {
  message = function(conn, data)
    if data == "loop" then while true do end end
    conn:send(data)
  end,
  close = function(conn, code) print("closed " .. code) end,
}
"""


def test_a_script_that_takes_too_much_is_out_of_service_until_it_is_loaded_again(start):
    echo = "return { message = function(conn, data) conn:send(data) end }"
    server = start({"hungry.lua": HUNGRY, "echo.lua": echo}, settings={"threads.io": 1, "limits.cpu": "20ms"})
    client, other = connect(server.url("/hungry")), connect(server.url("/hungry"))
    with connect(server.url("/echo")) as innocent:
        for _ in range(3):
            client.send("loop")
        for peer in (client, other):
            with pytest.raises(websockets.ConnectionClosed) as closed:
                peer.recv(timeout=PATIENCE)
            ending = closed.value.rcvd
            assert (ending.code, ending.reason) == (1013, "the script used too much CPU time or memory")
        assert ask(innocent, "still here") == "still here"
        with pytest.raises(websockets.InvalidStatus) as refused:
            connect(server.url("/hungry"))
        assert refused.value.response.status_code == 503
        assert b"it is out of service" in refused.value.response.body
        entry = server.logged("quarantined: the script passed its limits 3 times in a minute")
        assert entry["level"] == "error" and "nightjar reload hungry" in entry["message"]
        server.logged("closed 1013")
        metrics = server.metrics()
        assert metrics['nightjar_limit_exceeded_total{limit="quarantine"}'] == 1
        assert metrics['nightjar_limit_exceeded_total{limit="quarantine_refused"}'] == 1
        # Unchanged, but asked for.
        assert command(server, "reload", "hungry").stdout == "hungry: version 2 serves\n"
        with connect(server.url("/hungry")) as again:
            assert ask(again, "hello") == "hello"
        assert ask(innocent, "still here") == "still here"


def test_a_version_that_many_connections_fail_in_is_taken_back(start):
    server = start({"counter.lua": counter("one")})
    clients = [connect(server.url("/counter")) for _ in range(5)]
    write(server, "counter.lua", "return { message = function(conn, data) local x = nil; return x.y end }")
    server.logged("reloaded")
    for _ in range(10):
        clients[0].send("hostile")
    for client in clients[:2]:
        client.send("x")
    time.sleep(0.5)
    assert "rolled back" not in server.log.text
    clients[2].send("x")
    assert server.logged("rolled back")["version"] == "1"
    for client in clients:
        client.send("on")
        assert client.recv(timeout=PATIENCE).startswith("one on")
        client.close()
    assert server.metrics()['nightjar_script_reloads_total{result="rolled_back"}'] == 1


@pytest.mark.parametrize("instances", ["1", '"per-core"'])
def test_every_message_is_answered_once_and_in_order_over_many_reloads(start, instances):
    connections, saves = 60, 60

    def version(number):
        return f"""
        return {{
          message = function(conn, data)
            conn.state.n = (conn.state.n or 0) + 1
            conn:send("{number} " .. data .. " " .. conn.state.n)
          end,
        }}
        """

    first = version(1).replace("return {", f"return {{ instances = {instances},", 1)
    server = start({"counter.lua": first}, settings={"threads.io": 2})
    is_over = asyncio.Event()

    async def talk(results):
        async with websockets.connect(server.url("/counter")) as client:
            number = latest = 0
            while not is_over.is_set():
                burst = range(number + 1, number + 6)
                for each in burst:
                    await client.send(str(each))
                for each in burst:
                    by, text, count = (await asyncio.wait_for(client.recv(), PATIENCE)).split()
                    assert (int(text), int(count)) == (each, each)
                    assert int(by) >= latest
                    latest = int(by)
                number = burst[-1]
            results.append((number, latest))

    async def save():
        good = 1
        await asyncio.sleep(0.3)
        for number in range(2, saves + 2):
            is_broken = number % 5 == 0
            source, sentence = BROKEN[number // 5 % len(BROKEN)] if is_broken else (version(number), "")
            write(server, "counter.lua", source.replace("return {", f"return {{ instances = {instances},", 1))
            status, _, text = await asyncio.to_thread(server.ask, "/reload?route=counter", "POST")
            assert status == (409 if is_broken else 200) and sentence in text, text
            good = good if is_broken else number
        await asyncio.sleep(0.3)
        return good

    async def save_all():
        try:
            return await save()
        finally:
            is_over.set()

    async def main():
        results = []
        async with asyncio.TaskGroup() as group:
            saving = group.create_task(save_all())
            for _ in range(connections):
                group.create_task(talk(results))
        return saving.result(), results

    good, results = asyncio.run(main())
    assert len(results) == connections
    assert all(latest == good and number > 0 for number, latest in results)
    assert "closed for a violation" not in server.log.text


def test_all_instances_change_or_none(start):
    script = """
    return {
      instances = "per-core",
      message = function(conn, data) conn:send(%r .. " " .. ws.instance) end,
      save = function() return {} end,
      load = function(saved, info) %s end,
    }
    """
    server = start({"counter.lua": script % ("one", "")}, settings={"threads.io": 2})
    clients = [connect(server.url("/counter")) for _ in range(8)]

    def answers():
        return {ask(client, "x") for client in clients}

    assert answers() == {"one 1", "one 2"}
    for failing in (1, 2):
        write(server, "counter.lua", script % ("broken", f"if saved and ws.instance == {failing} then error('no') end"))
        status, _, text = server.ask("/reload?route=counter", "POST")
        assert status == 409 and "counter.lua:6: no" in text, text
        assert answers() == {"one 1", "one 2"}
    write(server, "counter.lua", script % ("two", ""))
    assert server.ask("/reload?route=counter", "POST")[0] == 200
    assert answers() == {"two 1", "two 2"}
    for client in clients:
        client.close()
