#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Shutdown under many connections, and resources that run out: W26, R1, R2 and R16 to R18 of docs/security-tests.md."""
import re
import resource
import shutil
import signal
import subprocess
import time

import pytest

from attack import connect_from, flood, upgraded, zero_masked
from rawclient import BINARY, CLOSE, CONTINUATION, TEXT, RawClient, close_payload, frame, request
from test_compression_attacks import bomb, compressing, with_rsv1
from test_slow_peers import close_code, drop
from watch import MIB, sized, under_attack, wait_until

COUNTING = """
local opened, closed = 0, 0
return {
  connect = function() opened = opened + 1 end,
  message = function(conn) conn:send(("x"):rep(30000)) end,
  close = function() closed = closed + 1 ws.log.info("opened %d closed %d", opened, closed) end,
}
"""


def test_w26_connections_from_one_address(start, echo):
    """The cap holds, nothing of the flood reaches a script, and other addresses come in as before."""
    cap, count = 20, sized(3_000, 10_000)
    server = start(echo, settings={"threads.io": 1, "limits.connections_per_ip": cap})
    held = [connect_from("127.0.0.2", server.port) for _ in range(cap)]
    server.wait_for_metric("nightjar_sockets", cap)
    with under_attack(server) as watch:
        for rounds, _ in enumerate(watch.repeating(), 1):
            connect_in_vain(server, count)
        watch.wait_for_count("connections_per_ip", rounds * count)
        wait_until(lambda: server.metrics()["nightjar_sockets"] == cap + 1, 5, "none is left of the flood")
        assert watch.growth() < 4 * MIB
    for stream in held:
        stream.close()


def connect_in_vain(server, count):
    """Connects so often from an address that has all it may have; another address is served meanwhile."""
    for number in range(count):
        connect_from("127.0.0.2", server.port).close()
        if number % 100 == 0:
            with connect_from("127.0.0.3", server.port) as other:
                other.sendall(request("/echo"))
                assert other.recv(4096).startswith(b"HTTP/1.1 101 ")


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
    # By default there are never as many connections as files.
    server = start(echo, settings={"threads.io": 1, "limits.connections": 1000}, file_limit=128)
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


def test_r18_little_memory(start, echo, bomb):
    """Fragments, bombs, messages and unread output at once, with little memory: the limits act before the kernel does."""
    script = 'return { message = function(conn, data) for _ = 1, 60 do conn:send(("x"):rep(16000)) end end }\n'
    slow = "return { message = function() local e = os.clock() + 0.0005 while os.clock() < e do end end }"
    scripts = echo | {"much.lua": script, "slow.lua": slow}
    server = start(scripts, settings={"threads.io": 1, "limits.total": "32MiB"})
    with under_attack(server) as watch:
        address_space = watch.status("VmSize") + 256 * MIB
        resource.prlimit(watch.pid, resource.RLIMIT_AS, (address_space, address_space))
        unfinished = upgraded(server, "/echo", sized(200, 1000))
        unread = upgraded(server, "/much", sized(100, 500), receive_buffer=4096)
        for client in unread:
            client.send_frame(TEXT, b"go")
        part = frame(BINARY, bytes(900_000), is_final=False)
        for client in unfinished:
            flood(client, part, 1)
        bombers = [compressing(server, "/echo") for _ in range(sized(50, 200))]
        for client in bombers:
            flood(client, with_rsv1(frame(BINARY, bomb)), 1)
        # Of all these parts there is room for 37.
        total = 'nightjar_limit_exceeded_total{limit="total"}'
        server.wait_for_metric(total, len(unfinished) - 37)
        wait_until(lambda: server.metrics()["nightjar_buffered_bytes"] <= 32 * MIB, 1, "what does not fit is shed")
        with RawClient(server.port).upgrade("/echo") as client:
            flood(client, zero_masked(BINARY) + zero_masked(CONTINUATION) * 9_999, 1)
        watch.wait_for_count("fragments", 1)
        assert watch.growth() < 200 * MIB
        # Each bomb passes the limit of a message, or is shed before it does.
        assert {close_code(client) for client in bombers} <= {1009, None}
        drop(unfinished + unread + bombers)
        # And bursts of clients that leave at once, whose messages the script has no time for.
        burst = zero_masked(0x80 | TEXT) * 20_000
        for _ in range(sized(150, 500)):
            client = RawClient(server.port).upgrade("/slow")
            flood(client, burst, 1)
            client.abort()
        wait_until(lambda: server.metrics()["nightjar_buffered_bytes"] == 0, 30, "the queue is empty again")
        assert watch.growth() < 200 * MIB
