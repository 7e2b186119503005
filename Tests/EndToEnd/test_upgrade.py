#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""A script's `upgrade` decides who becomes a connection, before the 101."""
import http.client
import json
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from nightjar import PATIENCE
from rawclient import TEXT, RawClient, frame, request


def counts(server, name):
    """What the script has counted of those with this name."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    connection.request("GET", f"/door?counts={name}")
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


async def test_table_becomes_the_state(server):
    async with connect(server.url("/door?name=ada"), additional_headers={"Cookie": "c=d"}) as client:
        assert client.response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        assert json.loads(await client.recv()) == {"name": "ada", "query": "ada", "cookie": "d"}
        await client.send("echo")
        assert await client.recv() == "echo"


async def test_script_chooses_the_protocol(server):
    async with connect(server.url("/door?name=ada&protocol=v2"), subprotocols=["v1", "v2"]) as client:
        assert client.subprotocol == "v2"
        assert json.loads(await client.recv())["protocol"] == "v2"


@pytest.mark.parametrize(
    ("query", "status", "body", "why"),
    [
        ("", 403, b"", None),
        ("nothing", 403, b"", None),
        ("fail", 500, b"the script failed to let you in\n", None),
        ("status=401&body=who%3F&why=name", 401, b"who?", "name"),
        ("status=302", 302, b"", "none"),
        ("status=200", 500, b"the script failed to let you in\n", None),
        ("name=a&protocol=v3", 500, b"the script failed to let you in\n", None),
        ("status=404&why=a%0Ab", 500, b"the script failed to let you in\n", None),
    ],
)
async def test_script_refuses(server, query, status, body, why):
    with pytest.raises(InvalidStatus) as refusal:
        await connect(server.url(f"/door?{query}"))
    response = refusal.value.response
    assert (response.status_code, response.body, response.headers.get("X-Why")) == (status, body, why)
    assert response.headers["Connection"] == "close"


def test_nothing_behind_a_refusal_is_answered(server):
    with RawClient(server.port) as client:
        client.send(request("/door?status=401&name=first") + request("/door?name=behind"))
        answers = client.read_to_end()
    assert answers.startswith(b"HTTP/1.1 401 ") and answers.count(b"HTTP/1.1 ") == 1
    assert counts(server, "first")["upgrades"] == 1 and counts(server, "behind") == {}


def test_error_is_logged_and_nothing_of_it_reaches_the_client(start, tmp_path):
    source = "local t = {}\nfunction t.upgrade()\n  local x = nil\n  return x.secret\nend\nreturn t\n"
    server = start({"bad.lua": source})
    with RawClient(server.port) as client:
        client.send(request("/bad"))
        assert b"secret" not in client.read_to_end()
    entry = server.logged("script error", "attempt to index a nil value (local 'x')")
    assert entry["handler"] == "upgrade" and "bad.lua:4" in entry["traceback"]
    assert server.metrics()['nightjar_handshakes_refused_total{reason="script_error"}'] == 1


def test_missing_answer_is_warned_of(start):
    server = start({"mute.lua": "return { upgrade = function() end }\n"})
    with RawClient(server.port) as client:
        client.send(request("/mute"))
        assert client.read_head().startswith(b"HTTP/1.1 403 ")
    entry = server.logged("the upgrade handler of mute.lua returned nothing: return true or a table to accept")
    assert entry["level"] == "warning"
    assert server.metrics()['nightjar_handshakes_refused_total{reason="script"}'] == 1


async def test_upgrade_may_wait(server):
    began = time.monotonic()
    async with connect(server.url("/door?name=ada&sleep=0.3")) as client:
        assert json.loads(await client.recv())["name"] == "ada"
    assert time.monotonic() - began >= 0.3


def test_frames_before_the_answer_are_served_behind_it(server):
    with RawClient(server.port) as client:
        client.send(request("/door?name=ada&sleep=0.2") + frame(TEXT, b"early"))
        client.send(frame(TEXT, b"second"))
        assert client.read_head().startswith(b"HTTP/1.1 101 ")
        assert json.loads(client.read_frame().payload)["name"] == "ada"
        assert client.read_frame().payload == b"early"
        assert client.read_frame().payload == b"second"


def test_client_that_leaves_before_is_not_connected(server):
    for number in range(20):
        with RawClient(server.port) as client:
            client.send(request("/door?name=leaver&sleep=0.2"))
            if number % 2:
                # A reset that comes before the request has been read takes it along.
                time.sleep(0.05)
                client.abort()
    # Those who stay come later than those who left.
    with RawClient(server.port) as client:
        client.send(request("/door?name=leaver&sleep=0.3"))
        assert client.read_head().startswith(b"HTTP/1.1 101 ")
        client.read_frame()
        assert counts(server, "leaver") == {"upgrades": 21, "connects": 1, "closes": 0}
        client.send_frame(8, b"\x03\xe8")
        assert client.read_frame().opcode == 8
    end = time.monotonic() + PATIENCE
    while counts(server, "leaver")["closes"] != 1:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_upgrade_has_the_handshakes_time(start, echo):
    source = "return { upgrade = function() ws.sleep(60) return true end }\n"
    server = start({"slow.lua": source} | echo, settings={"limits.handshake": "300ms"})
    with RawClient(server.port) as client:
        client.send(request("/slow"))
        assert client.read_to_end() == b""
    assert server.metrics()['nightjar_limit_exceeded_total{limit="handshake"}'] == 1
    with RawClient(server.port).upgrade("/echo") as client:
        client.send_frame(TEXT, b"served")
        assert client.read_frame().payload == b"served"


def test_shutdown_refuses_who_waits_for_the_script(start):
    server = start({"slow.lua": "return { upgrade = function() ws.sleep(20) return true end }\n"})
    with RawClient(server.port) as client:
        client.send(request("/slow"))
        server.wait_for_metric("nightjar_handshakes", 1)
        time.sleep(0.2)
        server.terminate()
        assert client.read_to_end().startswith(b"HTTP/1.1 503 ")
    assert server.wait() == 0
