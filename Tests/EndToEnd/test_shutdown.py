#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Signals: a drain that every client is told of, and an end that does not wait."""
import asyncio
import signal
import socket
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from rawclient import CLOSE, RawClient, close_payload


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("loops", [1, 2])
async def test_signal_drains(start, echo, sent, loops):
    server = start(echo, settings={"threads.io": loops})
    clients = await asyncio.gather(*(connect(server.url("/echo")) for _ in range(50)))
    server.process.send_signal(sent)
    for client in clients:
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd.code == 1001
        assert closed.value.rcvd_then_sent
    assert await asyncio.to_thread(server.wait) == 0


async def test_echoes_before_the_drain_arrive(start, echo):
    server = start(echo)
    async with connect(server.url("/echo")) as client:
        await client.send("last words")
        assert await client.recv() == "last words"
        server.terminate()
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd.code == 1001
    assert await asyncio.to_thread(server.wait) == 0


def test_nobody_comes_in_during_the_drain(start, echo):
    server = start(echo, settings={"limits.close": "20s"})
    with RawClient(server.port).upgrade("/echo") as stubborn:
        server.terminate()
        assert stubborn.read_frame().opcode == CLOSE
        with pytest.raises(OSError):
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as late:
                # A connection that the kernel had taken already is reset unheard.
                late.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                if not late.recv(1):
                    raise ConnectionResetError
        stubborn.send_frame(CLOSE, close_payload(1001))
    assert server.wait() == 0


def test_client_that_does_not_answer_delays_the_end_only_for_a_while(start, echo):
    server = start(echo, settings={"limits.close": "300ms"})
    with RawClient(server.port).upgrade("/echo") as stubborn:
        server.terminate()
        assert stubborn.read_frame().payload[:2] == close_payload(1001)
        assert server.wait() == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_at_once(start, echo, second):
    server = start(echo, settings={"limits.close": "20s"})
    with RawClient(server.port).upgrade("/echo") as stubborn:
        server.terminate()
        assert stubborn.read_frame().opcode == CLOSE
        began = time.monotonic()
        server.process.send_signal(second)
        assert server.wait() in (128 + second, -second)
        assert time.monotonic() - began < 5
