#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Heads that a proxy may read in another way than we do (RFC 9112 section 11.2): each is refused, the connection ends, and
nothing behind it is taken for a request."""
import pytest

from rawclient import RawClient, request

KEY = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
GOOD = request("/echo", KEY)
EMPTY = b""


def swap(old, new):
    """The good head with one thing changed."""
    assert old in GOOD
    return GOOD.replace(old, new)


def add(*lines):
    """The good head with these lines at its end."""
    return GOOD[:-2] + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


ROWS = {
    # Line ends and blanks.
    "bare-lf-everywhere": GOOD.replace(b"\r\n", b"\n"),
    "bare-lf-after-request-line": swap(b"HTTP/1.1\r\n", b"HTTP/1.1\n"),
    "bare-lf-after-a-field": swap(b"Upgrade: websocket\r\n", b"Upgrade: websocket\n"),
    "bare-lf-at-the-end": GOOD[:-2] + b"\n",
    "bare-cr-in-a-value": add(b"X: a\rb"),
    "bare-cr-between-fields": swap(b"Upgrade: websocket\r\n", b"Upgrade: websocket\r"),
    "obs-fold-space": add(b"X: a", b" b"),
    "obs-fold-tab": add(b"X: a", b"\tb"),
    "obs-fold-of-upgrade": swap(b"Upgrade: websocket", b"Upgrade:\r\n websocket"),
    "obs-fold-before-the-first-field": swap(b"Host:", b" Host:"),
    "space-before-colon": add(b"X : a"),
    "tab-before-colon": add(b"X\t: a"),
    "space-before-colon-of-length": add(b"Content-Length : 5"),
    "space-before-colon-of-encoding": add(b"Transfer-Encoding : chunked"),
    # Control bytes and names.
    "leading-nul": b"\0" + GOOD,
    "leading-bell": b"\x07" + GOOD,
    "leading-space": b" " + GOOD,
    "leading-tab": b"\t" + GOOD,
    "leading-delete": b"\x7f" + GOOD,
    "leading-vertical-tab": b"\x0b" + GOOD,
    "leading-byte-order-mark": b"\xef\xbb\xbf" + GOOD,
    "nul-in-a-name": add(b"X\0: a"),
    "nul-in-a-value": add(b"X: a\0b"),
    "control-in-a-value": add(b"X: a\x01b"),
    "delete-in-a-value": add(b"X: a\x7fb"),
    "name-without-colon": add(b"X"),
    "empty-name": add(b": a"),
    "name-with-a-slash": add(b"X/Y: a"),
    "name-not-ascii": add(b"X\xe9: a"),
    "nul-in-the-target": swap(b"/echo", b"/ec\0ho"),
    "control-in-the-target": swap(b"/echo", b"/ec\x01ho"),
    # Bodies.
    "body": add(b"Content-Length: 5"),
    "body-that-is-there": add(b"Content-Length: 5") + b"hello",
    "length-and-encoding": add(b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "encoding-and-length": add(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "encoding": add(b"Transfer-Encoding: chunked"),
    "encoding-with-chunks": add(b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "encoding-identity": add(b"Transfer-Encoding: identity"),
    "encoding-unknown": add(b"Transfer-Encoding: xchunked"),
    "encoding-with-a-tab": add(b"Transfer-Encoding:\tchunked"),
    "encoding-twice": add(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "two-lengths": add(b"Content-Length: 5", b"Content-Length: 6"),
    "lengths-in-a-list": add(b"Content-Length: 5, 6"),
    "length-with-a-sign": add(b"Content-Length: +5"),
    "length-negative": add(b"Content-Length: -1"),
    "length-in-hex": add(b"Content-Length: 0x5"),
    "length-too-large": add(b"Content-Length: 99999999999999999999"),
    "length-empty": add(b"Content-Length: "),
    # Hosts and targets.
    "no-host": swap(b"Host: 127.0.0.1\r\n", EMPTY),
    "two-hosts": add(b"Host: a"),
    "two-equal-hosts": add(b"Host: 127.0.0.1"),
    "host-in-a-list": swap(b"Host: 127.0.0.1", b"Host: a, b"),
    "host-with-a-user": swap(b"Host: 127.0.0.1", b"Host: me@a"),
    "host-with-a-path": swap(b"Host: 127.0.0.1", b"Host: a/b"),
    "empty-host": swap(b"Host: 127.0.0.1", b"Host:"),
    "asterisk-form": swap(b"/echo", b"*"),
    "authority-form": swap(b"GET /echo", b"CONNECT a:80"),
    "relative-target": swap(b"/echo", b"echo"),
    "target-with-a-fragment": swap(b"/echo", b"/echo#a"),
    "target-with-a-space": swap(b"/echo", b"/ec ho"),
    # Versions and methods.
    "http-1.0": swap(b"HTTP/1.1", b"HTTP/1.0"),
    "http-0.9": swap(b" HTTP/1.1", EMPTY),
    "http-1.2-of-one-digit": swap(b"HTTP/1.1", b"HTTP/1"),
    "http-2.0": swap(b"HTTP/1.1", b"HTTP/2.0"),
    "http-in-lower-case": swap(b"HTTP/1.1", b"http/1.1"),
    "http-2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "post": swap(b"GET", b"POST"),
    "method-in-lower-case": swap(b"GET", b"get"),
    "method-unknown": swap(b"GET", b"FROB"),
    # The upgrade's own fields.
    "no-upgrade": swap(b"Upgrade: websocket\r\n", EMPTY),
    "upgrade-to-h2c": swap(b"Upgrade: websocket", b"Upgrade: h2c"),
    "upgrade-quoted": swap(b"Upgrade: websocket", b'Upgrade: "websocket"'),
    "upgrade-with-a-version": swap(b"Upgrade: websocket", b"Upgrade: websocket/13"),
    "no-connection": swap(b"Connection: Upgrade\r\n", EMPTY),
    "connection-close": swap(b"Connection: Upgrade", b"Connection: close"),
    "version-missing": swap(b"Sec-WebSocket-Version: 13\r\n", EMPTY),
    "version-wrong": swap(b"Version: 13", b"Version: 777"),
    "version-list": swap(b"Version: 13", b"Version: 13, 8"),
    "two-versions": add(b"Sec-WebSocket-Version: 13"),
    "two-keys": add(KEY.encode()),
    "key-missing": swap(KEY.encode() + b"\r\n", EMPTY),
    "key-of-15-bytes": swap(KEY.encode(), b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"),
    "key-of-17-bytes": swap(KEY.encode(), b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="),
    "key-without-padding": swap(KEY.encode(), b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA"),
    "protocol-with-a-line-end": add(b"Sec-WebSocket-Protocol: x, chat, chat\r\nSet-Cookie: a=b"),
}


def test_head_without_a_change_is_accepted(server):
    with RawClient(server.port) as client:
        client.send(GOOD)
        assert client.read_head().startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("head", ROWS.values(), ids=ROWS.keys())
def test_ambiguous_head_is_refused_and_nothing_behind_it_is_answered(server, head):
    with RawClient(server.port) as client:
        client.send(head + GOOD)
        answers = client.read_to_end()
    assert answers.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), answers[:200]
    assert answers.count(b"HTTP/1.1 ") == 1 and b" 101 " not in answers
    assert b"set-cookie" not in answers.lower()
    if b" 426 " in answers[:16]:
        assert b"\r\nsec-websocket-version: 13\r\n" in answers.lower()
