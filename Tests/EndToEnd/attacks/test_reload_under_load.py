#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Saves while clients talk: every message is answered once, in order, by one version, and nobody is disconnected."""
import json
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from watch import MIB, sized, under_attack

VERSIONED = "local count = 0 return { message = function(conn, data) count = count + 1 conn:send('%d ' .. data) end }"

# Each save of them is told by its number.
BROKEN = [
    ("local bad%d = = 1", "unexpected symbol near '='"),
    ("return { bad%d = function() end }", "unknown key of the returned table"),
    ("return { load = function() error('bad%d') end }", "counter.lua:1: bad"),
]

RATE = 20_000


@pytest.fixture(scope="session")
def numbered(tmp_path_factory):
    """The client of clients/numbered.c, compiled."""
    compiler = shutil.which("cc") or shutil.which("clang") or shutil.which("gcc")
    program = tmp_path_factory.mktemp("clients") / "numbered"
    source = Path(__file__).parent.parent / "clients" / "numbered.c"
    subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", program, source], check=True, timeout=60)
    return program


@contextmanager
def talking(program, server, connections, rate, seconds):
    """Has the client talk meanwhile; what it found follows, as `found`."""
    command = [program, str(server.port), "/counter", str(connections), str(rate), str(seconds)]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = {}
    try:
        assert client.stdout.readline() == "connected\n", client.stderr.read()
        yield found
        # The end of its input ends the sending.
        output, errors = client.communicate(timeout=60)
        found.update(json.loads(output))
        assert client.returncode == 0, errors + output
    finally:
        client.kill()
        client.wait()


def save(server, source):
    """As editors do: another file takes the old one's place."""
    path = server.folder / "scripts" / "counter.lua"
    aside = path.with_suffix(".tmp")
    aside.write_text(source)
    aside.replace(path)


def test_nothing_is_lost_over_saves_under_load(start, numbered):
    saves, connections = sized(10, 200), sized(200, 500)
    server = start({"counter.lua": VERSIONED % 1}, settings={"threads.io": 2})
    good = 1
    with talking(numbered, server, connections, RATE, 5 * saves + 60) as found:
        for number in range(1, saves + 1):
            if number % 5 == 0:
                source, sentence = BROKEN[number // 5 % len(BROKEN)]
                save(server, source % number)
                reason = server.logged("reload refused", f"bad{number}")["reason"]
                assert sentence in reason and "counter.lua" in reason, reason
            else:
                good += 1
                save(server, VERSIONED % good)
                server.logged('"reloaded"', f'"version":"{good}"')
        time.sleep(0.2)
    assert (found["wrong"], found["closed"], found["answered"]) == (0, 0, found["sent"])
    assert found["version"] == good
    assert found["sent"] > 0
    print(f"{saves} saves: {found}")


def test_a_swap_does_not_hold_up_others(start, numbered):
    """The script of ten thousand connections, each with a state, is exchanged beside an innocent client's echoes."""
    connections, swaps = sized(1000, 10_000), sized(5, 20)
    script = """
    return {
      connect = function(conn) conn.state.list = { 1, 2, 3 } end,
      message = function(conn, data) conn:send('%d ' .. data) end,
    }
    """
    echo = "return { message = function(conn, data) conn:send(data) end }"
    server = start({"counter.lua": script % 1, "echo.lua": echo}, settings={"threads.io": 1})
    with talking(numbered, server, connections, 500, 60) as found:
        with under_attack(server, p99=20):
            for version in range(2, swaps + 2):
                save(server, script % version)
                server.logged('"reloaded"', f'"version":"{version}"')
    assert (found["wrong"], found["version"]) == (0, swaps + 1)


def test_many_reloads_leave_no_memory_behind(start):
    server = start({"counter.lua": VERSIONED % 1})

    def reload(times):
        for _ in range(times):
            assert server.ask("/reload?route=counter", "POST")[0] == 200
        return server.metrics()["process_resident_memory_bytes"]

    first = reload(50)
    last = reload(sized(250, 950))
    assert last < first * 1.05, (first, last)
    print(f"resident after 50 reloads {first / MIB:.2f} MiB, after {50 + sized(250, 950)} {last / MIB:.2f} MiB")
