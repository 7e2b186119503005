#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Requests that are made to hurt: W14, W15, W17, W19, W20 and W28 of docs/security-tests.md."""
import socket
import time

import pytest

from rawclient import RawClient, request
from watch import MIB, sized, under_attack

KEY = "Sec-WebSocket-Key: "
GOOD_KEY = KEY + "AAAAAAAAAAAAAAAAAAAAAA=="

NOISE = [" ", ",", '"', "\\", "\t", ";", "a,", '"\\', " ,"]
FIELDS = ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Connection", "Upgrade", "Sec-WebSocket-Version"]


@pytest.mark.parametrize("field", FIELDS)
def test_w14_header_values_of_8_kib_of_noise(target, field):
    """No value takes longer because of what is in it: 2 ms of the server's time with all that a request costs."""
    requests = 50
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for noise in NOISE:
                # With its name this is as much as a field may have, so that it is not refused for its size.
                value = "x" + (noise * 8192)[:8100] + "x"
                used = target.cpu_seconds()
                for _ in range(requests):
                    with RawClient(target.port) as client:
                        client.send(request("/echo", f"{field}: {value}"))
                        # The answer may be any that comes from reading the field.
                        assert client.read_head()[9:12] in (b"101", b"400", b"426")
                assert target.cpu_seconds() - used < requests * 0.002, noise


def test_w15_number_of_header_fields(target):
    with under_attack(target) as watch:
        for _ in watch.repeating():
            # A good request has five of its own.
            for count, status in [(99, 101), (100, 101), (101, 431)]:
                with RawClient(target.port) as client:
                    client.send(request("/echo", *(f"X-{number}: x" for number in range(count - 5))))
                    assert client.read_head().startswith(b"HTTP/1.1 %d " % status), count


def test_w15_header_fields_without_end(target):
    with under_attack(target) as watch:
        for _ in watch.repeating():
            with RawClient(target.port) as client:
                try:
                    client.send(b"GET /echo HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100_000)
                except ConnectionError:
                    continue
                assert client.read_head().startswith(b"HTTP/1.1 431 ")
        assert watch.growth() < MIB


HEADS = {
    "refused": request("/nothere"),
    "version": b"GET /echo HTTP/3.0\r\nHost: a\r\n\r\n",
    "target": b"GET /",
    "name": b"GET /echo HTTP/1.1\r\nx",
    "value": b"GET /echo HTTP/1.1\r\nx: ",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_w18_bytes_without_end(target, head):
    """What comes behind a refusal, or without an end in a head, is dropped, and then the client is; none of it is kept."""
    with under_attack(target) as watch:
        for _ in watch.repeating():
            with RawClient(target.port) as client:
                sent = 0
                try:
                    client.send(head)
                    while sent < 64 * MIB:
                        client.send(b"x" * 65536)
                        sent += 65536
                except ConnectionError:
                    pass
                assert sent < 64 * MIB, "all of it was taken"
        assert watch.growth() < 8 * MIB


def test_w15_bodies_in_chunks_of_a_byte(start, echo):
    """They take the decoder long; others are served and let in meanwhile, also when the clients leave in the middle."""
    script = 'return { request = function() return 200, {}, "k" end }'
    server = start({"sink.lua": script} | echo, settings={"threads.io": 1})
    head = b"POST /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"1\r\nx\r\n" * 10_000
    with under_attack(server) as watch:
        end = time.monotonic() + sized(2, 10)
        slowest = 0
        while time.monotonic() < end:
            clients = [RawClient(server.port) for _ in range(100)]
            for client in clients:
                client.send(head)
                client.socket.setblocking(False)
            for _ in range(5):
                for client in clients:
                    try:
                        client.socket.send(chunks)
                    except OSError:
                        # Full, or refused for a body that is too large.
                        pass
                began = time.monotonic()
                with RawClient(server.port).upgrade("/echo"):
                    slowest = max(slowest, time.monotonic() - began)
            for client in clients:
                client.abort()
        assert slowest < 1
        assert watch.growth() < 64 * MIB


WAITING = {
    "upgrade": (request("/slow"), b"HTTP/1.1 101 "),
    "request": (b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", b"HTTP/1.1 200 "),
}


@pytest.mark.parametrize(("head", "answer"), WAITING.values(), ids=WAITING.keys())
def test_w18_bytes_while_the_script_decides(start, echo, head, answer):
    """What comes before the script's answer stays in the kernel, but for one read."""
    time_to_decide = sized(2, 5)
    source = f"""
        local function decide() ws.sleep({time_to_decide}) end
        return {{ upgrade = function() decide() return true end, request = function() decide() return 200 end }}
    """
    server = start({"slow.lua": source} | echo, settings={"threads.io": 1})
    with under_attack(server) as watch:
        began = time.monotonic()
        clients = [RawClient(server.port) for _ in range(8)]
        for client in clients:
            client.send(head)
            client.socket.setblocking(False)
        sent, chunk = 0, b"\x82\xfe\x7f\xff" + b"x" * 65532
        while time.monotonic() - began < time_to_decide - 0.5:
            for client in clients:
                try:
                    sent += client.socket.send(chunk)
                except BlockingIOError:
                    pass
            time.sleep(0.001)
        assert sent < 8 * 16 * MIB, "the server reads on"
        assert watch.growth() < 2 * MIB
        for client in clients:
            client.socket.settimeout(30)
            assert client.socket.recv(13, socket.MSG_WAITALL) == answer
            client.abort()


GOOD = request("/echo")

# Requests of which a proxy in front may think otherwise than we do, and the status of ours.
SMUGGLED = {
    "post": (request("/echo", method="POST"), (405,)),
    "put": (request("/echo", method="PUT"), (405,)),
    "connect": (GOOD.replace(b"GET /echo", b"CONNECT a:1"), (501,)),
    "http-1.0": (request("/echo", version="HTTP/1.0"), (400, 426, 505)),
    "http-0.9": (b"GET /echo\r\n\r\n", (400, 404, 426, 505)),
    "http-2.0": (request("/echo", version="HTTP/2.0"), (400, 505)),
    "http-1.2": (request("/echo", version="HTTP/1.2"), (400, 505)),
    "lower-case-version": (request("/echo", version="http/1.1"), (400,)),
    "body": (request("/echo", "Content-Length: 5"), (400,)),
    "negative-length": (request("/echo", "Content-Length: -5"), (400,)),
    "two-lengths": (request("/echo", "Content-Length: 5", "Content-Length: 6"), (400,)),
    "length-list": (request("/echo", "Content-Length: 5, 6"), (400,)),
    "length-plus": (request("/echo", "Content-Length: +0"), (400,)),
    "length-hex": (request("/echo", "Content-Length: 0x5"), (400,)),
    "chunked": (request("/echo", "Transfer-Encoding: chunked"), (400,)),
    "chunked-and-length": (request("/echo", "Transfer-Encoding: chunked", "Content-Length: 5"), (400,)),
    "te-identity": (request("/echo", "Transfer-Encoding: identity"), (400,)),
    "te-twice": (request("/echo", "Transfer-Encoding: chunked", "Transfer-Encoding: identity"), (400,)),
    "te-tab": (request("/echo", "Transfer-Encoding:\tchunked"), (400,)),
    "te-odd": (request("/echo", "Transfer-Encoding: xchunked"), (400,)),
    "space-before-colon": (request("/echo", "X : y"), (400,)),
    "folded": (request("/echo", "X: y\r\n folded"), (400,)),
    "folded-first": (GOOD.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\n X: y\r\n"), (400,)),
    "nul-in-value": (request("/echo", "X: a\0b"), (400,)),
    "cr-in-value": (request("/echo", "X: a\rb"), (400,)),
    "control-in-name": (request("/echo", "X\x01: y"), (400,)),
    "empty-name": (request("/echo", ": y"), (400,)),
    "no-colon": (request("/echo", "X y"), (400,)),
    "control-before-method": (b"\x01" + GOOD, (400,)),
    "nul-before-method": (b"\0" + GOOD, (400,)),
    "space-before-method": (b" " + GOOD, (400,)),
    "no-host": (request("/echo", without=["Host"]), (400,)),
    "two-hosts": (request("/echo", "Host: a", "Host: b"), (400,)),
    "no-connection": (request("/echo", without=["Connection"]), (400,)),
    "connection-upgraded": (request("/echo", "Connection: Upgraded"), (400,)),
    # The HTTP parser takes these for other options, and what follows for a request.
    "connection-tab": (request("/echo", "Connection: Upgrade\t"), (400,)),
    "connection-tab-in-list": (request("/echo", "Connection: keep-alive, upgrade\t, x"), (400,)),
    "no-upgrade": (request("/echo", without=["Upgrade"]), (400, 426)),
    "upgrade-h2c": (request("/echo", "Upgrade: h2c"), (400, 426)),
    "upgrade-websockets": (request("/echo", "Upgrade: websockets"), (400, 426)),
    "version-8": (request("/echo", "Sec-WebSocket-Version: 8"), (426,)),
    "version-14": (request("/echo", "Sec-WebSocket-Version: 14"), (426,)),
    "version-1337": (request("/echo", "Sec-WebSocket-Version: 1337"), (426,)),
    "version-013": (request("/echo", "Sec-WebSocket-Version: 013"), (400, 426)),
    "version-13-8": (request("/echo", "Sec-WebSocket-Version: 13, 8"), (400, 426)),
    "no-version": (request("/echo", without=["Sec-WebSocket-Version"]), (426,)),
    "target-fragment": (request("/echo#x"), (400, 404)),
    "target-space": (request("/echo /x"), (400, 505)),
    "target-nul": (request("/echo\0"), (400,)),
    "target-encoded-slash": (request("/a%2fecho"), (400,)),
    "target-star": (request("*", method="OPTIONS"), (400, 404, 405)),
    "nonsense": (b"NONSENSE\r\n\r\n", (400,)),
    "unknown-route": (request("/nowhere"), (404,)),
    "plain-get": (b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", (426,)),
}


def test_w17_nothing_is_answered_behind_a_refusal(target):
    """Whatever the first request is taken for, a second one behind it gets no answer."""
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for name, (sent, statuses) in SMUGGLED.items():
                with RawClient(target.port) as client:
                    client.send(sent + GOOD)
                    try:
                        answers = client.read_to_end()
                    except ConnectionResetError:
                        answers = bytes(client.received)
                status = int(answers[9:12] or 0)
                assert status in statuses, (name, answers[:100])
                assert answers.count(b"HTTP/1.1 ") == 1, (name, answers)
                if status == 426:
                    assert b"\r\nsec-websocket-version: 13\r\n" in answers.lower(), name


# Pages that open a WebSocket to http://good.example, and whether they may by default.
ORIGINS = {
    "absent": ([], 101),
    "same": (["Origin: http://good.example"], 101),
    "same-with-port": (["Origin: http://good.example:80"], 101),
    "upper-case": (["Origin: HTTP://GOOD.example"], 101),
    "other-port": (["Origin: http://good.example:81"], 403),
    "other-host": (["Origin: http://evil.example"], 403),
    "null": (["Origin: null"], 403),
    "empty": (["Origin: "], 403),
    "suffix": (["Origin: http://good.example.evil.example"], 403),
    "prefix": (["Origin: http://evilgood.example"], 403),
    "sub-domain": (["Origin: http://a.good.example"], 403),
    "user": (["Origin: http://good.example@evil.example"], 403),
    "path": (["Origin: http://good.example/"], 403),
    "other-scheme": (["Origin: file://good.example"], 403),
    "list": (["Origin: http://good.example http://evil.example"], 403),
    "two": (["Origin: http://good.example", "Origin: http://evil.example"], 403),
    "twice": (["Origin: http://good.example", "Origin: http://good.example"], 403),
}


def test_w19_pages_of_other_sites(target):
    with under_attack(target) as watch:
        refused, rounds = 'nightjar_handshakes_refused_total{reason="origin"}', 0
        for rounds, _ in enumerate(watch.repeating(), 1):
            for name, (fields, status) in ORIGINS.items():
                with RawClient(target.port) as client:
                    client.send(request("/echo", "Host: good.example", *fields))
                    assert client.read_head().startswith(b"HTTP/1.1 %d " % status), name
        expected = rounds * sum(status == 403 for _, status in ORIGINS.values())
        assert target.wait_for_metric(refused, watch.counted[refused] + expected) == watch.counted[refused] + expected


TWICE = {
    "two-keys": request("/echo", GOOD_KEY, GOOD_KEY),
    "two-versions": request("/echo", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"),
    "two-hosts": request("/echo", "Host: a", "Host: a"),
    "no-key": request("/echo", without=["Sec-WebSocket-Key"]),
    "empty-key": request("/echo", KEY),
    "key-of-5": request("/echo", KEY + "c2hvcnQ="),
    "key-of-15": request("/echo", KEY + "AAAAAAAAAAAAAAAAAAAA"),
    "key-of-17": request("/echo", KEY + "AAAAAAAAAAAAAAAAAAAAAAA="),
    "key-without-padding": request("/echo", KEY + "AAAAAAAAAAAAAAAAAAAAAA"),
    "key-not-base64": request("/echo", KEY + "AAAAAAAAAAAAAAAAAAAAA!=="),
    "key-list": request("/echo", KEY + "AAAAAAAAAAAAAAAAAAAAAA==, AAAAAAAAAAAAAAAAAAAAAA=="),
}


def test_w20_fields_that_stand_twice_and_keys_of_other_lengths(target):
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for name, sent in TWICE.items():
                with RawClient(target.port) as client:
                    client.send(sent)
                    assert client.read_head().startswith(b"HTTP/1.1 400 "), name


# What a server that speaks "chat" makes of these lists: the protocol, or the status of its refusal.
PROTOCOLS = {
    "listed": (b"x, chat", b"chat"),
    "not-listed": (b"x, y", None),
    "other-case": (b"Chat", None),
    "longer": (b"chatter", None),
    "line-break": (b"x, chat\r\nSet-Cookie: a=b", b"chat"),
    "line-break-and-no-colon": (b"x, chat, chat\r\nSet-Cookie", 400),
    "bare-cr": (b"x, chat\rSet-Cookie: a=b", 400),
    "bare-lf": (b"x, chat\nSet-Cookie: a=b", 400),
    "nul": (b"chat\0Set-Cookie: a=b", 400),
    "folded": (b"chat\r\n Set-Cookie: a=b", 400),
    "quoted": (b'"chat\\r\\nSet-Cookie: a=b"', 400),
    "encoded": (b"chat%0d%0aSet-Cookie: a=b", 400),
    "colon": (b"chat:", 400),
    "twice": (b"x, chat, chat", 400),
}


def test_w28_nothing_of_an_offer_comes_back(start, echo):
    """The answer has the one word that the server's own list has, and no line that the client made."""
    server = start(echo, settings={"threads.io": 1, "protocols": "chat"})
    with under_attack(server) as watch:
        for _ in watch.repeating():
            for name, (offer, expected) in PROTOCOLS.items():
                with RawClient(server.port) as client:
                    client.send(request("/echo", "Sec-WebSocket-Protocol: @").replace(b"@", offer))
                    head = client.read_head()
                lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-protocol")]
                assert b"cookie" not in head.lower() and b"\n" not in head.replace(b"\r\n", b""), (name, head)
                if expected == 400:
                    assert head.startswith(b"HTTP/1.1 400 ") and not lines, (name, head)
                else:
                    assert head.startswith(b"HTTP/1.1 101 "), (name, head)
                    assert lines == ([b"Sec-WebSocket-Protocol: " + expected] if expected else []), (name, head)
