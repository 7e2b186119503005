#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The admin listener: metrics, health, readiness, and who may ask."""
import http.client
import os
import re
import socket
import stat
import time

import pytest

from nightjar import PATIENCE, ROOT, run
from rawclient import CLOSE, TEXT, RawClient, close_payload


def test_a_limit_moves_its_counter(start, echo):
    server = start(echo, settings={"limits.message": "10", "threads.io": 1})
    name = 'nightjar_limit_exceeded_total{limit="message"}'
    assert server.metrics()[name] == 0
    for _ in range(3):
        with RawClient(server.port).upgrade("/echo") as client:
            client.send_frame(1, b"more than ten bytes")
            assert client.read_frame().payload[:2] == close_payload(1009)
    assert server.metrics()[name] == 3
    assert server.logged("message too big")["limit"] == "message"
    assert server.log.text.count("message too big") == 1


def test_tells_metrics_in_the_format_of_prometheus(start, echo):
    server = start(echo)
    status, headers, text = server.ask("/metrics")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    described = set()
    for line in text.splitlines():
        if match := re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line):
            described.add((match[1], match[2]))
            continue
        match = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[^"\\\n]*"\})? \d+', line)
        assert match and {("HELP", match[1]), ("TYPE", match[1])} <= described, line
    assert server.metrics()["process_open_fds"] > 3


def test_says_who_is_there(start, echo):
    server = start(echo)
    assert server.ask("/healthz")[::2] == (200, "ok\n")
    assert server.ask("/readyz")[::2] == (200, "serving\n")
    status, _, text = server.ask("/nothing")
    assert status == 404 and "/metrics" in text and "/healthz" in text and "/readyz" in text
    status, headers, _ = server.ask("/metrics", "POST")
    assert status == 405 and headers["Allow"] == "GET, HEAD"
    assert server.ask("/metrics", "HEAD")[::2] == (200, "")


def test_only_the_user_may_enter(start, echo):
    server = start(echo)
    path = server.admin_socket
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) & 0o077 == 0
    assert server.logged("admin listener")["address"] == f"unix:{path}"
    server.stop()
    assert not os.path.exists(path)


def test_removes_a_stale_socket_and_respects_a_live_one(start, echo, tmp_path):
    path = f"{tmp_path}/admin.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    server = start(echo, settings={"admin": f"unix:{path}"})
    ended = run("serve", "scripts", "--port", "0", cwd=server.folder, environment={"NIGHTJAR_ADMIN": f"unix:{path}"})
    assert ended.returncode == 1
    assert f"unix:{path} is in use: stop the program that listens on it, or listen on another path" in ended.stderr


@pytest.mark.parametrize("host, status", [("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("evil.example", 403),
                                          ("127.0.0.1.evil.example", 403), ("localhost:x", 403)])
def test_a_loopback_port_wants_a_loopback_host(start, echo, host, status):
    server = start(echo, settings={"admin": "127.0.0.1:0"})
    port = int(server.logged("admin listener")["address"].rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/readyz", headers={"Host": host})
    assert connection.getresponse().status == status
    connection.close()


def test_refuses_an_address_from_outside(tmp_path):
    ended = run("serve", ".", cwd=tmp_path, environment={"NIGHTJAR_ADMIN": "0.0.0.0:9090"})
    assert ended.returncode == 78
    assert "it has no password" in ended.stderr


@pytest.mark.parametrize("address", ["auto", "127.0.0.1:0"])
def test_silent_connections_shut_nobody_out(start, echo, address):
    server = start(echo, settings={"admin": address})
    where = server.logged("admin listener")["address"]
    question = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    clients = []

    def connected():
        family, name = socket.AF_UNIX, where.removeprefix("unix:")
        if not where.startswith("unix:"):
            family, name = socket.AF_INET, ("127.0.0.1", int(where.rpartition(":")[2]))
        clients.append(socket.socket(family))
        clients[-1].settimeout(PATIENCE)
        clients[-1].connect(name)
        return clients[-1]

    def is_answered(client, rest):
        client.sendall(rest)
        return client.recv(4096).startswith(b"HTTP/1.1 200 ")

    began = time.monotonic()
    for number in range(40):
        connected().sendall(question[:20] if number % 2 else b"")
    assert is_answered(clients[-1], question[20:])
    # The oldest gave way, and a later one may still ask.
    assert clients[0].recv(1) == b""
    assert is_answered(clients[-2], question)
    # Those that have their answer and stay shut nobody out either.
    for _ in range(40):
        assert is_answered(connected(), question)
    assert time.monotonic() - began < 5
    for client in clients:
        client.close()


def test_is_not_ready_while_it_drains(start, echo):
    server = start(echo, settings={"drain.delay": "1s"})
    server.terminate()
    server.logged("draining")
    assert server.ask("/readyz")[::2] == (503, "draining\n")
    with RawClient(server.port).upgrade("/echo") as client:
        assert client.read_frame().opcode == CLOSE
        client.send_frame(CLOSE, close_payload(1001))
    assert server.wait() == 0


def test_names_an_event_loop_that_a_script_holds_up(start):
    script = "return { message = function() while true do end end }"
    server = start({"stuck.lua": script}, settings={"threads.io": 1, "limits.cpu": "20s"})
    assert server.ask("/healthz")[::2] == (200, "ok\n")
    with RawClient(server.port).upgrade("/stuck") as client:
        client.send_frame(TEXT, b"x")
        server.wait_for_metric("nightjar_messages_received_total", 1)
        assert server.ask("/healthz")[::2] == (503, "no answer within 2 s from event loop 0\n")
        # What needs no event loop is still told.
        assert server.ask("/readyz")[::2] == (200, "serving\n")
        server.kill()


def test_every_metric_is_in_the_documentation(start, echo):
    told = {line.split("`")[1] for line in (ROOT / "docs/limits.md").read_text().splitlines() if line.startswith("| `")}
    metrics = {name.partition("{")[0] for name in start(echo).metrics()}
    assert metrics and metrics <= told, metrics - told


def test_counts_running_out_of_files(start, echo):
    server = start(echo, settings={"limits.connections": 10_000, "threads.io": 1}, file_limit=64)
    held = [socket.create_connection(("127.0.0.1", server.port), PATIENCE) for _ in range(64)]
    entry = server.logged("accepting no connections for a second")
    assert entry["limit"] == "open_files"
    for client in held:
        client.close()
    # Now there are files for the one who asks, too.
    server.wait_for_metric('nightjar_limit_exceeded_total{limit="open_files"}', 1)
    with RawClient(server.port).upgrade("/echo"):
        pass
