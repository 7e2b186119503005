#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The close handshake from both sides (RFC 6455 §5.5.1, §7), and what the script is told of it."""
import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from rawclient import BINARY, CLOSE, CONTINUATION, PING, TEXT, Frame, RawClient, close_payload, frame


@pytest.mark.parametrize("code", [1000, 1001, 1007, 1011, 3000, 4999])
def test_close_is_answered_with_its_code(server, code):
    with RawClient(server.port).upgrade("/echo") as client:
        client.send_frame(CLOSE, close_payload(code, "good bye"))
        assert client.read_frame().payload[:2] == close_payload(code)
        assert client.read_frame() is None


def test_close_without_code_is_answered_without_code(server):
    with RawClient(server.port).upgrade("/echo") as client:
        client.send_frame(CLOSE)
        assert client.read_frame() == Frame(CLOSE, b"", True)
        assert client.read_frame() is None


def test_what_was_sent_before_the_close_is_answered_before_it(server):
    """The Close waits for the script's answers, also when they come from another loop."""
    with RawClient(server.port).upgrade("/echo") as client:
        client.send(frame(TEXT, b"last words") + frame(CLOSE, close_payload(1000)) + frame(TEXT, b"ignored"))
        assert client.read_frame() == Frame(TEXT, b"last words", True)
        assert client.read_frame() == Frame(CLOSE, close_payload(1000), True)
        assert client.read_frame() is None


def test_what_was_sent_before_a_violation_is_answered_before_it(server):
    with RawClient(server.port).upgrade("/echo") as client:
        client.send(frame(TEXT, b"last words") + frame(3, b"?") + frame(TEXT, b"ignored"))
        assert client.read_frame() == Frame(TEXT, b"last words", True)
        assert client.read_frame().payload[:2] == close_payload(1002)


@pytest.mark.parametrize(
    ("told", "code", "reason"),
    [("1000", 1000, ""), ("4001 go away", 4001, "go away"), ("3000 ünïcödé", 3000, "ünïcödé"), ("", 1000, "")],
)
async def test_script_closes(server, told, code, reason):
    async with connect(server.url("/closing")) as client:
        await client.send(told)
        assert await client.recv() == "closing"
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)
        assert closed.value.rcvd_then_sent


@pytest.mark.parametrize(
    ("leave", "told"),
    [
        (lambda client: client.send_frame(CLOSE, close_payload(4000, "enough")), "4000 clean enough"),
        (lambda client: client.send_frame(CLOSE), "1005 clean "),
        (lambda client: client.abort(), "1006 unclean "),
        (lambda client: client.socket.close(), "1006 unclean "),
    ],
    ids=["code", "no-code", "reset", "end-of-stream"],
)
async def test_script_is_told_how_a_connection_ended(server, leave, told):
    async with connect(server.url("/witness")) as witness:
        client = await asyncio.to_thread(RawClient(server.port).upgrade, "/witness")
        leave(client)
        assert await asyncio.wait_for(witness.recv(), 30) == told
        client.socket.close()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"bare", masked=False), 1002),
        (b"\xc1\x80\0\0\0\0", 1002),
        (frame(3, b"?"), 1002),
        (frame(PING, bytes(126)), 1002),
        (frame(PING, is_final=False), 1002),
        (frame(CONTINUATION, b"nothing before"), 1002),
        (frame(TEXT, b"a", is_final=False) + frame(BINARY, b"b"), 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, close_payload(1005)), 1002),
        (frame(TEXT, b"\xce\xba\xff"), 1007),
        (frame(CLOSE, close_payload(1000) + b"\xff"), 1007),
        (b"\x82\xff\x00\x00\x00\x00\x00\x10\x00\x01\0\0\0\0", 1009),
    ],
    ids=[
        "unmasked",
        "reserved-bit",
        "reserved-opcode",
        "long-control",
        "fragmented-control",
        "stray-continuation",
        "interrupted-message",
        "half-code",
        "forbidden-code",
        "text-not-utf8",
        "reason-not-utf8",
        "too-big-by-header-alone",
    ],
)
def test_violation_is_named_before_the_connection_ends(server, sent, code):
    """The Close arrives although the server stops reading: what the client sends on does not reset it away."""
    with RawClient(server.port).upgrade("/echo") as client:
        client.send(sent + frame(TEXT, b"more that nobody reads" * 1_000))
        answer = client.read_frame()
        assert (answer.opcode, answer.payload[:2]) == (CLOSE, close_payload(code))
        assert len(answer.payload) > 2, "a violation has a sentence"
        assert client.read_frame() is None
