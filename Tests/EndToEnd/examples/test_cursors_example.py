#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""examples/cursors: binary messages, 60 ticks a second."""
import struct
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from example_scripts import assert_is_page, scripts_of_example


@pytest.fixture
def cursors(start):
    return start(scripts_of_example("cursors"), settings={"threads.io": 2})


async def welcome(client):
    """The client's number, and the cursors that were there before it."""
    kind, number = struct.unpack("<BH", await client.recv())
    assert kind == 1
    return number, await frame(client)


async def frame(client):
    """The places in the next frame by number."""
    _, places = await numbered_frame(client)
    return places


async def numbered_frame(client):
    data = await client.recv()
    kind, tick, count = struct.unpack_from("<BIH", data)
    assert kind == 2 and len(data) == 7 + 6 * count
    return tick, {number: (x, y) for number, x, y in struct.iter_unpack("<HHH", data[7:])}


async def move(client, x, y):
    await client.send(struct.pack("<BHH", 1, x, y))


async def test_moves_reach_everybody_and_newcomers(cursors):
    async with connect(cursors.url("/cursors")) as one, connect(cursors.url("/cursors")) as two:
        first, there = await welcome(one)
        second, _ = await welcome(two)
        assert {first, second} == {1, 2} and there == {}
        await move(one, 0, 65535)
        assert await frame(one) == await frame(two) == {first: (0, 65535)}
        await move(two, 7, 8)
        assert await frame(one) == await frame(two) == {second: (7, 8)}
        async with connect(cursors.url("/cursors")) as three:
            third, there = await welcome(three)
            assert third == 3
            assert there == {first: (0, 65535), second: (7, 8)}
        assert struct.unpack("<BH", await one.recv()) == (3, third)
        async with connect(cursors.url("/cursors")) as four:
            assert (await welcome(four))[0] == 3, "a number that is free is given again"


async def test_many_moves_of_a_tick_are_one_place(cursors):
    """Whoever moves faster than the tick is told of with the last place only; ticks come 60 times a second."""
    async with connect(cursors.url("/cursors")) as client:
        number, _ = await welcome(client)
        await move(client, 0, 0)
        start, places = await numbered_frame(client)
        began = time.monotonic()
        for step in range(1, 61):
            await move(client, step, step)
        frames = 0
        while places != {number: (60, 60)}:
            tick, places = await numbered_frame(client)
            frames += 1
        assert frames < 60
        # Ticks count time, whether something moves or not.
        assert tick - start <= (time.monotonic() - began) * 60 + 2


@pytest.mark.parametrize("data", ["text", b"", b"\x01\x00\x00\x00", b"\x02\x00\x00\x00\x00", b"\x01" + bytes(5)])
async def test_other_messages_close(cursors, data):
    async with connect(cursors.url("/cursors")) as client:
        await welcome(client)
        await client.send(data)
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd.code == 1003


def test_serves_its_page(cursors):
    assert_is_page(cursors, "/cursors")
