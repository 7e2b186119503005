#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Shutdown under many connections, and resources that run out: R1, R2, R16 and R17 of docs/security-tests.md."""
import re
import shutil
import signal
import subprocess
import time

import pytest

from attack import upgraded
from rawclient import CLOSE, TEXT, RawClient, close_payload
from test_slow_peers import drop
from watch import sized, under_attack, wait_until

COUNTING = """
local opened, closed = 0, 0
return {
  connect = function() opened = opened + 1 end,
  message = function(conn) conn:send(("x"):rep(30000)) end,
  close = function() closed = closed + 1 ws.log.info("opened %d closed %d", opened, closed) end,
}
"""


def test_r1_shutdown_tells_everybody(start):
    """Each gets 1001 at the end of whole frames, and the script sees each of them leave once."""
    count = sized(1000, 5000)
    server = start({"counting.lua": COUNTING}, settings={"threads.io": 2, "drain.window": sized("1s", "10s")})
    clients = upgraded(server, "/counting", count)
    # A tenth has an answer on its way.
    for client in clients[::10]:
        client.send_frame(TEXT, b"more")
    began = time.monotonic()
    server.terminate()
    for client in clients:
        # A frame that was cut off would fail here.
        found = client.read_frame()
        while found.opcode == TEXT:
            assert len(found.payload) == 30_000
            found = client.read_frame()
        assert (found.opcode, found.payload[:2]) == (CLOSE, close_payload(1001))
        client.send_frame(CLOSE, close_payload(1001))
    for client in clients:
        assert client.ends()
    assert server.wait() == 0
    assert time.monotonic() - began < 20
    server.logged(f"opened {count} closed {count}")
    assert f"closed {count + 1}" not in server.log.text
    drop(clients)


def test_r2_shutdown_with_peers_that_never_answer(start):
    count = sized(500, 5000)
    server = start({"counting.lua": COUNTING}, settings={"threads.io": 2, "drain.window": sized("1s", "10s")})
    clients = upgraded(server, "/counting", count)
    began = time.monotonic()
    server.terminate()
    for number, client in enumerate(clients):
        assert client.read_frame().payload[:2] == close_payload(1001)
        if number % 10:
            client.send_frame(CLOSE, close_payload(1001))
    assert server.wait() == 0
    assert time.monotonic() - began < sized(10, 30)
    server.logged(f"opened {count} closed {count}")
    drop(clients)


@pytest.mark.skipif(not shutil.which("strace"), reason="counts accept's failures with strace")
def test_r16_no_descriptors_left(start, echo):
    """The listener rests for a second at a time; who is in is served, and who waits comes in when there is room."""
    seconds = sized(3, 10)
    server = start(echo, settings={"threads.io": 1}, file_limit=128)
    with under_attack(server, p99=20) as watch:
        used = server.cpu_seconds()
        trace = server.folder / "strace"
        tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-e", "trace=accept4,accept", "-o", trace, "-p", str(watch.pid)],
            stderr=subprocess.DEVNULL,
        )
        crowd = [RawClient(server.port) for _ in range(300)]
        time.sleep(seconds)
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        refused = len(re.findall("EMFILE", trace.read_text()))
        assert 0 < refused < 30
        assert server.cpu_seconds() - used < 0.2 * seconds
        drop(crowd)
        released = time.monotonic()
        with RawClient(server.port).upgrade("/echo") as late:
            late.send_frame(TEXT, b"room")
            assert late.read_frame().payload == b"room"
        assert time.monotonic() - released < 2


def test_r17_descriptors_come_back(target):
    with under_attack(target) as watch:
        before = watch.descriptors()
        for number in range(sized(6_000, 100_000)):
            client = RawClient(target.port)
            if number % 4:
                client.send(b"GET /echo HTTP/1.1\r\n")
            if number % 4 == 2:
                client.socket.shutdown(1)
            if number % 2:
                client.abort()
            else:
                client.socket.close()
        wait_until(lambda: watch.descriptors() <= before, 12, "every descriptor is closed again")
