#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Clients that read slowly, not at all, or vanish: memory stays bounded, and every byte goes to whom it was meant."""
import os
import select
import time

import pytest
from websockets.asyncio.client import connect

from rawclient import BINARY, CLOSE, PING, TEXT, RawClient, close_payload, frame, take_frame

# Bytes a second that the slow reader takes: the soak run sets 100,000, which the kernel's buffers cannot hide either.
READ_RATE = int(os.environ.get("NIGHTJAR_TEST_READ_RATE", "2000000"))

TOTAL = 20_000_000
MESSAGE = 4_000


def message(number):
    """A message that no other one equals, and whose every part depends on its number."""
    return (b"%08d" % number) * (MESSAGE // 8)


@pytest.mark.timeout(60 + 2 * TOTAL // READ_RATE)
def test_slow_reader_gets_every_echo_in_order(server):
    """The client sends as fast as it may and reads at a steady rate; the server has to stop reading, and to go on."""
    client = RawClient(server.port, receive_buffer=32 * 1024, send_buffer=32 * 1024).upgrade("/echo")
    stream = client.socket
    stream.setblocking(False)
    sent = received = echoes = 0
    unsent = b""
    largest_lead = 0
    waited_to_send = False
    began = time.monotonic()
    while received < TOTAL:
        if not unsent and sent < TOTAL:
            unsent = frame(BINARY, message(sent // MESSAGE))
            sent += MESSAGE
        # What may be read by now, less what has been: the pace is a budget, not a pause.
        budget = int((time.monotonic() - began) * READ_RATE) - received - len(client.received)
        readable, writable, _ = select.select(
            [stream] if budget > 0 else [], [stream] if unsent else [], [], 0.005 if budget <= 0 else 1
        )
        if writable:
            unsent = unsent[stream.send(unsent) :]
        waited_to_send = waited_to_send or bool(unsent and not writable)
        if readable:
            data = stream.recv(min(budget, 1 << 16))
            assert data, "the server ended the connection"
            client.received += data
            while (echo := take_frame(client.received)) is not None:
                assert (echo.opcode, echo.payload) == (BINARY, message(echoes)), f"echo {echoes} is not its message"
                echoes += 1
                received += MESSAGE
        largest_lead = max(largest_lead, sent - received)
    client.socket.close()
    assert waited_to_send, "the client was never held back: the reader was not slow"
    # The kernel's buffers of both directions, and the server's own; all of it would be 20 MB.
    assert largest_lead < 14_000_000


def test_streams_of_vanished_clients_reach_nobody_else(server):
    """Half of the clients leave with output queued, by a reset; the next ones take over their descriptors at once."""

    def flooded(number):
        tag = bytes([33 + number % 90])
        client = RawClient(server.port, receive_buffer=16 * 1024).upgrade("/flood")
        client.send_frame(TEXT, tag)
        return tag, client

    for number in range(0, 900, 3):
        leaving = [flooded(number), flooded(number + 1)]
        # A first frame shows that the output is on its way.
        for tag, client in leaving:
            assert client.read_frame().payload == tag * 16384
        for _, client in leaving:
            client.abort()
        tag, client = flooded(number + 2)
        for _ in range(32):
            assert client.read_frame() == (BINARY, tag * 16384, True)
        client.send_frame(CLOSE, close_payload(1000))
        assert client.read_frame().opcode == CLOSE
        client.socket.close()


def test_client_that_never_reads_is_closed(start):
    """Two MiB in one event pass the limit of one: the client finds a Close 1013 behind what was sent before."""
    script = """
return { message = function(conn)
  local sent, why
  for _ = 1, 128 do
    sent, why = conn:send(("x"):rep(16384))
  end
  ws.log.info("the last send: %s %s", tostring(sent), tostring(why))
end }
"""
    server = start({"much.lua": script})
    with RawClient(server.port, receive_buffer=16 * 1024).upgrade("/much") as client:
        client.send_frame(TEXT, b"go")
        server.logged("the last send: nil ")
        while (found := client.read_frame()).opcode == TEXT:
            assert found.payload == b"x" * 16384
        assert (found.opcode, found.payload[:2]) == (CLOSE, close_payload(1013))
        client.send_frame(CLOSE, close_payload(1013))
        assert client.ends()


def test_silent_peer_is_pinged_and_then_gone(start, echo):
    settings = {"keep_alive.interval": "200ms", "keep_alive.timeout": "300ms"}
    server = start(echo, settings=settings)
    with RawClient(server.port).upgrade("/echo") as client:
        assert client.read_frame().opcode == PING
        # It does not answer, so nothing else follows.
        assert client.ends()


async def test_server_out_of_descriptors_serves_those_it_has(start, echo):
    """With too few files for all, clients in place are served, and later ones come in when others have left."""
    # By default there are never as many connections as files.
    server = start(echo, settings={"threads.io": 1, "limits.connections": 1000}, file_limit=64)
    async with connect(server.url("/echo")) as early:
        crowd = []
        for _ in range(150):
            crowd.append(RawClient(server.port))
        used, began = server.cpu_seconds(), time.monotonic()
        turn = 0
        while (elapsed := time.monotonic() - began) < 2:
            turn += 1
            await early.send(str(turn))
            assert await early.recv() == str(turn)
        # A listener that is reported again at once, for ever, would take a whole core.
        assert server.cpu_seconds() - used < elapsed / 2
        server.logged("accepting no connections for a second")
        for client in crowd:
            client.socket.close()
        async with connect(server.url("/echo"), open_timeout=30) as late:
            await late.send("room again")
            assert await late.recv() == "room again"
