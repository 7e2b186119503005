#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Requests that do not become WebSockets (RFC 9112, RFC 6455 §4.2.1), and what they are answered."""
import http.client
import socket

import pytest

from nightjar import PATIENCE
from rawclient import TEXT, Frame, RawClient, frame, request

UPGRADE = request("/echo")


def get(server, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


@pytest.mark.parametrize("path", ["/", "/nowhere", "/echo/", "/Echo", "/echo.lua", "/../echo", "/lib/text"])
def test_unknown_path_is_not_found(server, path):
    response, body = get(server, path)
    assert response.status == 404
    assert "/echo" not in body.replace(path, ""), "routes are named under --dev only"


def test_unknown_path_names_the_routes_in_development(start, echo):
    server = start(echo, "--dev")
    response, body = get(server, "/nowhere")
    assert response.status == 404
    assert "/echo" in body


def test_upgrade_on_an_unknown_path_is_not_found(server):
    with RawClient(server.port) as client:
        client.send(request("/nowhere"))
        assert client.read_head().startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_route_wants_an_upgrade(server, method):
    response, body = get(server, "/echo", method)
    assert response.status == 426
    assert response.getheader("Upgrade").lower() == "websocket"
    assert "upgrade" in response.getheader("Connection").lower()
    assert bool(body) == (method == "GET")


KEY = "Sec-WebSocket-Key: "


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (request("/echo", method="POST"), 405),
        (request("/echo", without=["Host"]), 400),
        (request("/echo", "Host: a", "Host: b"), 400),
        (request("/echo", without=["Connection"]), 400),
        (request("/echo", "Connection: keep-alive"), 400),
        (request("/echo", without=["Sec-WebSocket-Key"]), 400),
        (request("/echo", KEY), 400),
        (request("/echo", KEY + "c2hvcnQ="), 400),
        (request("/echo", KEY + "AAAAAAAAAAAAAAAAAAAAAAAAAA=="), 400),
        (request("/echo", KEY + "AAAAAAAAAAAAAAAAAAAAA!=="), 400),
        (request("/echo", KEY + "AAAAAAAAAAAAAAAAAAAAAA==", KEY + "AAAAAAAAAAAAAAAAAAAAAA=="), 400),
        (request("/echo", "Content-Length: 5"), 400),
        (request("/echo", "Transfer-Encoding: chunked"), 400),
        (request("/echo", "Sec-WebSocket-Protocol: a b"), 400),
        (request("/%zz"), 400),
        (request("/a%2fb"), 400),
        (request("/%ff"), 400),
        (request("/echo", without=["Sec-WebSocket-Version"]), 426),
        (request("/echo", "Sec-WebSocket-Version: 8"), 426),
        (request("/echo", "Sec-WebSocket-Version: 14"), 426),
        (request("/" + "a" * 4096), 414),
        (request("/echo", *(f"X-{number}: x" for number in range(100))), 431),
        (request("/echo", "X-Big: " + "x" * 16384), 431),
    ],
    ids=[
        "post",
        "no-host",
        "two-hosts",
        "no-connection",
        "connection-without-upgrade",
        "no-key",
        "empty-key",
        "short-key",
        "long-key",
        "key-not-base64",
        "two-keys",
        "body",
        "chunked-body",
        "bad-subprotocol",
        "bad-escape",
        "encoded-slash",
        "path-not-utf8",
        "no-version",
        "old-version",
        "new-version",
        "long-target",
        "many-fields",
        "long-field",
    ],
)
def test_bad_handshake_is_refused_and_nothing_after_it_is_answered(server, head, status):
    with RawClient(server.port) as client:
        client.send(head + UPGRADE)
        answers = client.read_to_end()
    assert answers.startswith(f"HTTP/1.1 {status} ".encode()), answers[:200]
    assert answers.count(b"HTTP/1.1 ") == 1
    if status == 426:
        assert b"\r\nsec-websocket-version: 13\r\n" in answers.lower()
    if status == 405:
        assert b"\r\nallow: get" in answers.lower()


@pytest.mark.parametrize(
    "head",
    [
        request("/echo", "Connection: keep-alive, Upgrade", "Upgrade: WebSocket"),
        request("/echo", "Connection: keep-alive", "Connection: x, UPGRADE ,y"),
        request("/echo", "Upgrade: h2c, websocket"),
        request("/echo?a=b&c"),
        request("/%65cho"),
        request("/echo", "Sec-WebSocket-Protocol: a, b", "Sec-WebSocket-Extensions: permessage-deflate; x=\"y\""),
        request("/echo", "Content-Length: 0"),
    ],
    ids=["lists", "two-lines", "two-upgrades", "query", "escaped", "offers", "no-body"],
)
def test_unusual_but_good_handshake_with_a_frame_behind_it(server, head):
    with RawClient(server.port) as client:
        client.send(head + frame(TEXT, b"at once"))
        assert client.read_head().startswith(b"HTTP/1.1 101 ")
        assert client.read_frame() == Frame(TEXT, b"at once", True)


def test_handshake_in_single_bytes(server):
    with RawClient(server.port) as client:
        for byte in request("/echo") + frame(TEXT, b"slowly"):
            client.send(bytes([byte]))
        assert client.read_head().startswith(b"HTTP/1.1 101 ")
        assert client.read_frame() == Frame(TEXT, b"slowly", True)


@pytest.mark.parametrize("sent", [b"", b"GET /echo HTTP/1.1\r\nHost: a\r\nX: "], ids=["silence", "half-a-head"])
def test_handshake_has_one_deadline(start, echo, sent):
    server = start(echo, settings={"limits.handshake": "300ms"})
    with RawClient(server.port) as client:
        client.send(sent)
        assert b"101" not in client.read_to_end()
    with RawClient(server.port).upgrade("/echo") as client:
        client.send_frame(TEXT, b"served")
        assert client.read_frame().payload == b"served"


@pytest.mark.parametrize(
    "noise",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n" * 20_000, b"\0" * 1_000],
    ids=["tls", "empty-lines", "nuls"],
)
def test_noise_is_no_request(server, noise):
    with RawClient(server.port) as client:
        try:
            client.send(noise)
            client.socket.shutdown(1)
            assert b" 101 " not in client.read_to_end()
        except (ConnectionResetError, BrokenPipeError):
            pass
    with RawClient(server.port).upgrade("/echo") as client:
        client.send_frame(TEXT, b"served")
        assert client.read_frame().payload == b"served"


def test_answer_is_not_taken_back_for_what_follows(server):
    with RawClient(server.port) as client:
        client.socket.sendall(b"NONSENSE\r\n\r\n")
        assert client.socket.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL) == b"HTTP/1.1 400"
        for _ in range(20):
            client.socket.sendall(b"MORE NONSENSE\r\n\r\n")
        assert client.socket.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 400"


def test_body_behind_a_refusal_is_read_for_a_mebibyte_at_most(server):
    with RawClient(server.port) as client:
        client.socket.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n")
        assert client.socket.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 426"
        with pytest.raises(ConnectionError):
            for _ in range(200):
                client.socket.sendall(bytes(1 << 20))
