#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""How many may connect: in all, and from one address."""
import socket

from nightjar import PATIENCE
from rawclient import RawClient, request

PER_IP = 'nightjar_limit_exceeded_total{limit="connections_per_ip"}'
IN_ALL = 'nightjar_limit_exceeded_total{limit="connections"}'


def answer_of(port, source="127.0.0.1"):
    """What a client hears that only connects, until the end."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0)) as client:
        text = b""
        try:
            while part := client.recv(4096):
                text += part
        except ConnectionResetError:
            pass
        return text.decode()


def test_one_too_many_hears_503_before_it_asks(start, echo):
    server = start(echo, settings={"limits.connections": 2})
    with RawClient(server.port).upgrade("/echo"), RawClient(server.port).upgrade("/echo"):
        text = answer_of(server.port)
        assert text.startswith("HTTP/1.1 503 ") and "\r\nRetry-After: 5\r\n" in text
        assert text.endswith("the server has all the connections that it may have\n")
    server.wait_for_metric('nightjar_connections_closed_total{code="1006"}', 2)
    with RawClient(server.port).upgrade("/echo"):
        pass
    assert server.metrics()[IN_ALL] == 1


def test_each_of_many_too_many_hears_503(start, echo):
    """Also when more come at once than may wait for the peer to read it."""
    server = start(echo, settings={"limits.connections": 2, "threads.io": 1})
    with RawClient(server.port).upgrade("/echo"), RawClient(server.port).upgrade("/echo"):
        crowd = [RawClient(server.port) for _ in range(40)]
        server.wait_for_metric('nightjar_limit_exceeded_total{limit="connections"}', 40)
        for client in crowd:
            assert client.read_head().startswith(b"HTTP/1.1 503 ")
            client.abort()


def test_a_flood_from_one_address_leaves_the_others_alone(start, echo):
    """W26, its cap: 10,000 connects from 127.0.0.2, and 127.0.0.3 still gets in."""
    server = start(echo, settings={"limits.connections_per_ip": 20})
    held = []
    try:
        for _ in range(20):
            held.append(socket.create_connection(("127.0.0.1", server.port), PATIENCE, ("127.0.0.2", 0)))
        # The accepting loop has counted them all in when it has answered the next.
        assert "this address has all the connections" in answer_of(server.port, "127.0.0.2")
        for _ in range(10_000):
            socket.create_connection(("127.0.0.1", server.port), PATIENCE, ("127.0.0.2", 0)).close()
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE, ("127.0.0.3", 0)) as other:
            other.sendall(
                b"GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            assert other.recv(4096).startswith(b"HTTP/1.1 101 ")
        server.wait_for_metric(PER_IP, 10_001)
        assert server.metrics()["nightjar_sockets"] <= 21
        assert server.log.text.count("this address has all") <= 2
    finally:
        for client in held:
            client.close()


def test_counts_clients_behind_a_trusted_proxy_and_not_the_proxy(start, echo):
    server = start(echo, settings={"limits.connections_per_ip": 1, "trusted_proxies": "127.0.0.1"})

    def connect(client):
        raw = RawClient(server.port)
        raw.send(request("/echo", f"X-Forwarded-For: {client}"))
        return raw, raw.read_head()

    first, head = connect("203.0.113.7")
    second, other = connect("203.0.113.8")
    with first, second:
        assert head.startswith(b"HTTP/1.1 101 ") and other.startswith(b"HTTP/1.1 101 ")
        third, head = connect("203.0.113.7")
        with third:
            assert head.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: 5" in head
        assert server.logged("this address has all")["ip"] == "203.0.113.7"
    server.wait_for_metric('nightjar_connections_closed_total{code="1006"}', 2)
    again, head = connect("203.0.113.7")
    with again:
        assert head.startswith(b"HTTP/1.1 101 ")
    assert server.metrics()[PER_IP] == 1
