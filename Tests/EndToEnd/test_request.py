#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""A script's `request` answers plain HTTP on its path (RFC 9110, RFC 9112)."""
import http.client
import json
import socket
import threading
import time

import pytest
from websockets.asyncio.client import connect

from nightjar import PATIENCE
from rawclient import RawClient, request

GET = b"GET /door?n=%d HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def connection(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    yield connection
    connection.close()


def ask(connection, method, target, body=None, headers=None):
    """Status, headers and body of an answer."""
    connection.request(method, target, body, headers or {})
    response = connection.getresponse()
    return response.status, response.headers, response.read()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH"])
def test_any_method(connection, method):
    status, headers, body = ask(connection, method, "/door?a=b", "text", {"X-Key": "k"})
    assert status == 200 and headers["Content-Type"] == "application/json"
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Date"].endswith(" GMT")
    assert json.loads(body) == {
        "method": method, "length": 4, "body": "text", "target": "/door?a=b", "key": "k",
    }


def test_one_connection_serves_many_requests(connection):
    ask(connection, "GET", "/door")
    used = connection.sock
    for number in range(100):
        status, _, body = ask(connection, "POST", "/door", str(number))
        assert status == 200 and json.loads(body)["body"] == str(number)
    assert connection.sock is used


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 1 << 20])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_bodies_of_all_sizes(connection, size, chunked):
    body = b"\r\n\r\n" * (size // 4) + b"x" * (size % 4)
    sent = iter([body[:7], body[7:]]) if chunked and size > 7 else body
    status, _, answer = ask(connection, "POST", "/door", sent)
    assert status == 200 and json.loads(answer)["length"] == size
    # What comes behind the body is the next request.
    assert ask(connection, "GET", "/door")[0] == 200


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_body_beyond_the_limit(server, chunked):
    with RawClient(server.port) as client:
        field = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1048577"
        client.send(b"POST /door HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\n")
        if chunked:
            client.send(b"100001\r\n" + b"x" * 0x100001)
        assert client.read_to_end().startswith(b"HTTP/1.1 413 ")


def test_bytes_of_large_answers(connection):
    status, headers, body = ask(connection, "GET", f"/door?bytes={1 << 20}")
    assert status == 200 and len(body) == 1 << 20 == int(headers["Content-Length"])
    assert ask(connection, "GET", f"/door?bytes={(1 << 20) + 1}")[0] == 500
    assert ask(connection, "GET", "/door")[0] == 200


def test_head_is_get_without_the_body(connection):
    status, headers, body = ask(connection, "HEAD", "/door?bytes=1000")
    assert (status, headers["Content-Length"], body) == (200, "1000", b"")
    assert json.loads(ask(connection, "GET", "/door")[2])["method"] == "GET"


@pytest.mark.parametrize(
    ("query", "status", "body"),
    [
        ("status=404&body=gone", 404, b"gone"),
        ("status=204", 204, b""),
        ("fail", 500, b"the script failed to answer\n"),
        ("nothing", 500, b"the script failed to answer\n"),
        ("status=100", 500, b"the script failed to answer\n"),
        ("status=200&why=a%0D%0AX-Evil:%20b", 500, b"the script failed to answer\n"),
    ],
)
def test_statuses_and_errors(connection, query, status, body):
    answer = ask(connection, "GET", f"/door?{query}")
    assert (answer[0], answer[2]) == (status, body)
    assert "X-Evil" not in answer[1]
    assert ask(connection, "GET", "/door")[0] == 200, "the connection goes on"


def test_request_may_wait_and_others_are_served(server, connection):
    began = time.monotonic()
    done = []

    def slow():
        other = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        done.append(ask(other, "GET", "/door?sleep=0.5")[0])
        done.append(time.monotonic() - began)
        other.close()

    thread = threading.Thread(target=slow)
    thread.start()
    while not done:
        assert ask(connection, "GET", "/door")[0] == 200
    thread.join()
    assert done[0] == 200 and done[1] >= 0.5


def test_pipelined_requests_are_answered_in_order(server):
    count = 500
    with RawClient(server.port) as client:
        client.send(GET.replace(b"?n=%d", b"?sleep=0.1") + b"".join(GET % number for number in range(count)))
        client.send(b"GET /door HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET % count)
        answers = client.read_to_end()
    targets = [part.split(b'"', 1)[0] for part in answers.split(b'"target":"')[1:]]
    assert targets[1:-1] == [b"/door?n=%d" % number for number in range(count)]
    assert len(targets) == count + 2
    assert answers.count(b"\r\nConnection: close\r\n") == 1


@pytest.mark.parametrize(
    ("head", "ends"),
    [
        (b"GET /door HTTP/1.0\r\n\r\n", True),
        (b"GET /door HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", True),
        (b"GET /door HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", True),
        (b"GET /door HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", True),
        (b"GET /door HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", False),
    ],
)
def test_who_ends_the_connection(server, head, ends):
    with RawClient(server.port) as client:
        client.send(head + GET.replace(b"HTTP/1.1", b"HTTP/1.0") % 2)
        answers = client.read_to_end()
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert answers.count(b"HTTP/1.1 ") == (1 if ends else 2)


def test_client_waits_to_be_asked_for_the_body(server):
    with RawClient(server.port) as client:
        client.send(b"POST /door HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert client.read_head() == b"HTTP/1.1 100 Continue"
        client.send(b"text")
        assert client.read_head().startswith(b"HTTP/1.1 200 ")
    with RawClient(server.port) as client:
        client.send(b"POST /door HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n\r\n")
        assert client.read_to_end().startswith(b"HTTP/1.1 413 ")


SMUGGLED = {
    "length-and-encoding": b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    "encoding-and-length": b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    "two-lengths": b"Content-Length: 5\r\nContent-Length: 6",
    "length-list": b"Content-Length: 5, 6",
    "length-plus": b"Content-Length: +5",
    "length-negative": b"Content-Length: -1",
    "length-hex": b"Content-Length: 0x5",
    "length-too-large": b"Content-Length: 99999999999999999999",
    "length-empty": b"Content-Length:",
    "encoding-identity": b"Transfer-Encoding: identity",
    "encoding-unknown": b"Transfer-Encoding: xchunked",
    "encoding-not-last": b"Transfer-Encoding: chunked, identity",
    "encoding-with-a-tab": b"Transfer-Encoding:\tchunked\t",
    "space-before-colon": b"Content-Length : 5",
    "folded": b"X: a\r\n b",
    "two-hosts": b"Host: b",
    "expectation": b"Content-Length: 5\r\nExpect: miracles",
}


@pytest.mark.parametrize("fields", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_request_that_can_be_read_in_two_ways_ends_the_connection(server, fields):
    with RawClient(server.port) as client:
        client.send(b"POST /door HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n\r\n0\r\n\r\n" + GET % 1 + GET % 2)
        answers = client.read_to_end()
    # 501 for a coding that is not known (RFC 9112 section 6.1).
    assert answers.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501 ")) and answers.count(b"HTTP/1.1 ") == 1, answers


def test_refusal_ends_a_connection_that_was_served(server):
    with RawClient(server.port) as client:
        client.send(GET % 1 + b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n" + GET % 2)
        answers = client.read_to_end()
    assert answers.startswith(b"HTTP/1.1 200 ") and answers.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 404 " in answers


def test_connection_becomes_a_websocket_behind_requests(server):
    with RawClient(server.port) as client:
        client.send(GET % 1 + request("/door?name=ada"))
        head = client.read_head()
        length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        while len(client.received) < length:
            assert client._receive()
        del client.received[:length]
        assert client.read_head().startswith(b"HTTP/1.1 101 ")
        assert json.loads(client.read_frame().payload)["name"] == "ada"


async def test_request_reaches_the_connections_of_the_route(server, connection):
    async with connect(server.url("/door?name=reader")) as client:
        await client.recv()
        reached = json.loads(ask(connection, "POST", "/door?broadcast", "news")[2])["reached"]
        assert reached >= 1
        assert await client.recv() == "news"


def test_route_without_the_handler(server, connection):
    assert ask(connection, "POST", "/echo", "x")[0] == 426


def test_body_has_a_deadline(start):
    source = "return { request = function(req) return 200, req.body end }\n"
    server = start({"take.lua": source}, settings={"limits.message_time": "300ms"})
    with RawClient(server.port) as client:
        client.send(b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
        assert client.read_to_end().startswith(b"HTTP/1.1 408 ")
    assert server.metrics()['nightjar_limit_exceeded_total{limit="body_time"}'] == 1


def test_who_does_not_read_the_answer_is_dropped(start):
    source = "local text = ('x'):rep(1 << 20)\nreturn { request = function() return 200, text end }\n"
    server = start({"big.lua": source}, settings={"limits.message_time": "500ms"})
    with RawClient(server.port, receive_buffer=4096) as client:
        try:
            for _ in range(100):
                client.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
                time.sleep(0.02)
        except ConnectionError:
            pass
        server.wait_for_metric('nightjar_limit_exceeded_total{limit="response_time"}', 1)
        # One answer at a time: nothing of the other requests was worked on.
        assert server.metrics()['nightjar_requests_total{status="2xx"}'] < 20
    assert server.metrics()["nightjar_buffered_bytes"] == 0


def test_idle_connection_ends(start):
    server = start({"take.lua": "return { request = function() return 204 end }\n"}, settings={"limits.handshake": "300ms"})
    with RawClient(server.port) as client:
        client.send(b"GET /take HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.read_to_end().startswith(b"HTTP/1.1 204 ")
    assert server.metrics()['nightjar_limit_exceeded_total{limit="handshake"}'] == 0


def test_metrics_count_the_answers(start):
    source = "return { request = function(req) return tonumber(req.query.s) end }\n"
    server = start({"take.lua": source})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    for status in [200, 204, 302, 404, 500, 503, 999]:
        ask(connection, "GET", f"/take?s={status}")
    connection.close()
    metrics = server.metrics()
    counted = [metrics[f'nightjar_requests_total{{status="{digit}xx"}}'] for digit in range(2, 6)]
    assert counted == [2, 1, 1, 3]


def test_a_client_that_says_no_more_is_answered(server):
    """It shuts down its side behind its requests; they are answered in order, and then the connection ends."""
    with RawClient(server.port) as client:
        client.send(GET % 1 + b"GET /door?sleep=0.2 HTTP/1.1\r\nHost: a\r\n\r\n" + GET % 3)
        client.socket.shutdown(socket.SHUT_WR)
        answers = client.read_to_end()
    assert answers.count(b"HTTP/1.1 200 ") == 3
    assert answers.index(b"n=1") < answers.index(b"sleep=0.2") < answers.index(b"n=3")


def test_a_client_that_says_no_more_reads_its_refusal(server):
    with RawClient(server.port) as client:
        client.send(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read_to_end().startswith(b"HTTP/1.1 404 ")


def test_shutdown_waits_for_answers(start):
    server = start({"slow.lua": "return { request = function() ws.sleep(1) return 200, 'done' end }\n"})
    with RawClient(server.port) as client:
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.3)
        server.terminate()
        answer = client.read_to_end()
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"done")
    assert b"\r\nConnection: close\r\n" in answer
    assert server.wait() == 0


def test_answer_comes_over_a_unix_socket(start, tmp_path):
    path = tmp_path / "http.sock"
    source = "return { request = function(req) return 200, req.ip .. '!' end }\n"
    server = start({"take.lua": source}, settings={"listen": f"ws://127.0.0.1:0,unix:{path}"})
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(b"GET /take HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := client.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"!")
    assert server.port
