#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Messages of a client that nobody here wrote, and their echoes."""
import asyncio
import os

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

MESSAGE_LIMIT = 1024 * 1024


@pytest.mark.parametrize(
    "message",
    ["hello", "", "nul \0 and ünïcödé 🐦", "x" * 125, "x" * 126, "x" * 65_536],
    ids=["short", "empty", "unicode", "125", "126", "65536"],
)
async def test_text(server, message):
    async with connect(server.url("/echo")) as client:
        await client.send(message)
        assert await client.recv() == message


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
async def test_binary(server, size):
    message = os.urandom(size)
    async with connect(server.url("/echo")) as client:
        await client.send(message)
        assert await client.recv() == message


@pytest.mark.parametrize(
    "fragments",
    [["one ", "two ", "three"], ["", "", ""], [b"\x00\xff", b"", b"\x80"]],
    ids=["text", "empty", "binary"],
)
async def test_fragments_arrive_as_one_message(server, fragments):
    async with connect(server.url("/echo")) as client:
        await client.send(fragments)
        assert await client.recv() == type(fragments[0])().join(fragments)


async def test_ping_within_a_fragmented_message(server):
    async def fragments():
        yield "before "
        await (await client.ping(b"between"))
        yield "after"

    async with connect(server.url("/echo")) as client:
        await client.send(fragments())
        assert await client.recv() == "before after"


@pytest.mark.parametrize("payload", [b"", b"payload", bytes(range(125))])
async def test_pong_carries_the_payload_of_the_ping(server, payload):
    async with connect(server.url("/echo"), ping_interval=None) as client:
        await (await client.ping(payload))


async def test_no_subprotocol_and_no_extension_without_agreement(server):
    async with connect(server.url("/echo"), subprotocols=["chat", "superchat"], compression=None) as client:
        assert client.subprotocol is None
        assert "Sec-WebSocket-Protocol" not in client.response.headers
        assert "Sec-WebSocket-Extensions" not in client.response.headers


async def test_largest_message(server):
    message = os.urandom(MESSAGE_LIMIT)
    async with connect(server.url("/echo")) as client:
        await client.send(message)
        assert await client.recv() == message


async def test_one_byte_more_than_the_largest_message(server):
    async with connect(server.url("/echo")) as client:
        with pytest.raises(ConnectionClosed) as closed:
            await client.send(bytes(MESSAGE_LIMIT + 1))
            await client.recv()
        assert closed.value.rcvd.code == 1009
        assert str(MESSAGE_LIMIT) in closed.value.rcvd.reason.replace(",", "")


async def test_fragments_count_together(server):
    async with connect(server.url("/echo")) as client:
        with pytest.raises(ConnectionClosed) as closed:
            await client.send([bytes(MESSAGE_LIMIT // 2), bytes(MESSAGE_LIMIT // 2), b"x"])
            await client.recv()
        assert closed.value.rcvd.code == 1009


async def test_messages_come_back_in_order(server):
    async with connect(server.url("/echo")) as client:
        messages = [f"{number} {'x' * (number % 300)}" for number in range(2_000)]

        async def send():
            for message in messages:
                await client.send(message)

        sending = asyncio.create_task(send())
        assert [await client.recv() for _ in messages] == messages
        await sending


async def test_hundred_clients_at_once(server):
    async def echo(number):
        async with connect(server.url("/echo")) as client:
            for turn in range(20):
                await client.send(f"{number} {turn}")
                assert await client.recv() == f"{number} {turn}"

    await asyncio.gather(*(echo(number) for number in range(100)))


async def test_clients_that_come_while_others_talk_and_leave(server):
    arriving = asyncio.Semaphore(64)

    async def visit(number):
        async with arriving, connect(server.url("/echo"), open_timeout=30) as client:
            await client.send(str(number))
            assert await client.recv() == str(number)

    await asyncio.gather(*(visit(number) for number in range(600)))
