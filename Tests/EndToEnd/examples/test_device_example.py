#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""examples/device: a client whose connection is killed again and again, and every reading stored once."""
import asyncio
import json
import re
import socket
import struct
import sys

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from example_scripts import ask, receive, scripts_of_example, send
from nightjar import PATIENCE, ROOT

CLIENT = ROOT / "examples/device/client.py"


@pytest.fixture
def devices(start):
    return start(scripts_of_example("device"), settings={"threads.io": 2})


def stored(server, device):
    """What the server tells of a device."""
    status, _, body = ask(f"http://127.0.0.1:{server.port}/devices/{device}")
    assert status in (200, 404)
    return json.loads(body) if status == 200 else {"count": 0}


class Cable:
    """Lies between a client and the server, and can be cut."""

    def __init__(self, port):
        self.server_port = port
        self.connections = []
        self.count = 0
        self.drops_answers = False

    async def __aenter__(self):
        self.listener = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = self.listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.listener.close()
        self.cut()

    async def _connect(self, reader, writer):
        to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
        self.count += 1
        self.connections += [writer, to_server[1]]
        await asyncio.gather(self._pass(reader, to_server[1], False), self._pass(to_server[0], writer, True))

    async def _pass(self, reader, writer, is_answer):
        try:
            while data := await reader.read(65536):
                if not (is_answer and self.drops_answers):
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        writer.close()

    async def until_connected(self, server, device):
        """Waits until something is stored by way of the present connection."""
        before = stored(server, device)["count"]
        await until(lambda: stored(server, device)["count"] > before)

    async def cut_until_back(self):
        """Cuts, passes answers again, and waits for the next connection."""
        before = self.count
        self.cut()
        self.drops_answers = False
        await until(lambda: self.count > before)

    def cut(self):
        """Resets every connection: what is under way is lost."""
        for writer in self.connections:
            if not writer.is_closing():
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        self.connections = []


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


async def test_nothing_is_lost_and_nothing_stored_twice(devices):
    async with Cable(devices.port) as cable:
        url = f"ws://127.0.0.1:{cable.port}/devices/greenhouse"
        client = await asyncio.create_subprocess_exec(
            sys.executable, CLIENT, url, "--count", "300", "--every", "0.02", stderr=asyncio.subprocess.PIPE
        )
        try:
            await until(lambda: cable.count == 1)
            for _ in range(3):
                # Readings are stored, and their acknowledgements lost: the client must send them again.
                await cable.until_connected(devices, "greenhouse")
                cable.drops_answers = True
                before = stored(devices, "greenhouse")["count"]
                await until(lambda: stored(devices, "greenhouse")["count"] > before + 2)
                await cable.cut_until_back()
                # And an end in the middle of sending them again.
                await cable.cut_until_back()
            _, log = await asyncio.wait_for(client.communicate(), PATIENCE)
        finally:
            if client.returncode is None:
                client.kill()
                await client.wait()
    log = log.decode()
    assert client.returncode == 0, log
    assert log.rstrip().endswith("done: 300 acknowledged")
    device = stored(devices, "greenhouse")
    assert device["count"] == 300
    serials = [int(reading["id"].rpartition("-")[2]) for reading in device["readings"]]
    assert serials == list(range(1, 301)), "each once, and in order"
    assert device["sum"] == pytest.approx(sum(reading["value"] for reading in device["readings"]))
    # Otherwise the test has shown nothing.
    assert device["repeats"] >= 3
    waits = [float(seconds) for seconds in re.findall(r"next try in ([\d.]+) s", log)]
    assert len(waits) >= 6 and len(set(waits)) > 1, "the waits are jittered"


async def test_client_finds_a_server_that_comes_later(devices):
    """A server that is not there is tried again, with waits that may grow."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"ws://127.0.0.1:{port}/devices/late"
    client = await asyncio.create_subprocess_exec(
        sys.executable, CLIENT, url, "--count", "3", "--every", "0", stderr=asyncio.subprocess.PIPE
    )
    try:
        for _ in range(2):
            assert b"next try in" in await asyncio.wait_for(client.stderr.readline(), PATIENCE)
        cable = Cable(devices.port)
        cable.listener = await asyncio.start_server(cable._connect, "127.0.0.1", port)
        _, log = await asyncio.wait_for(client.communicate(), PATIENCE)
        await cable.__aexit__()
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()
    assert log.decode().rstrip().endswith("done: 3 acknowledged")
    assert stored(devices, "late")["count"] == 3


async def test_repeated_id_is_acknowledged_and_not_stored(devices):
    async with connect(devices.url("/devices/a")) as one, connect(devices.url("/devices/b")) as other:
        for client in (one, one, other):
            await send(client, type="put", id="1", at=5, value=1.5)
            assert await receive(client) == {"type": "ack", "id": "1"}
    reading = {"id": "1", "at": 5, "value": 1.5}
    assert stored(devices, "a") == {"device": "a", "count": 1, "sum": 1.5, "repeats": 1, "readings": [reading]}
    assert stored(devices, "b")["count"] == 1, "another device's ids are others"


async def test_what_could_not_be_stored_is_not_acknowledged(start):
    """The next try stores it: a mark without a reading would lose it."""
    scripts = scripts_of_example("device")
    head = "local function store(device, msg)\n"
    failing = head + "  if msg.value == 13 and not _G.failed then rawset(_G, 'failed', true) error('no disk') end\n"
    assert scripts["devices.lua"].count(head) == 1
    server = start(scripts | {"devices.lua": "failed = false\n" + scripts["devices.lua"].replace(head, failing)})
    async with connect(server.url("/devices/a")) as client:
        for number in range(2):
            await send(client, type="put", id="1", at=number, value=13)
        await send(client, type="put", id="1", at=2, value=13)
        assert [await receive(client) for _ in range(2)] == [{"type": "ack", "id": "1"}] * 2
    device = stored(server, "a")
    assert (device["count"], device["repeats"]) == (1, 1)
    assert [reading["at"] for reading in device["readings"]] == [1]


@pytest.mark.parametrize("put", [{}, {"value": 1e308}, {"id": ""}, {"id": 5}, {"id": "x" * 65}, {"at": None}, {"value": "1"}])
async def test_wrong_reading_closes(devices, put):
    async with connect(devices.url("/devices/a")) as client:
        await send(client, **({"type": "put", "id": "1", "at": 5, "value": 1} | put if put else {"type": "put"}))
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd.code == 1008
    assert stored(devices, "a")["count"] == 0


async def test_wrong_name_is_refused(devices):
    for name in ["a%20b", "x" * 65]:
        with pytest.raises(InvalidStatus) as refused:
            await connect(devices.url(f"/devices/{name}"))
        assert refused.value.response.status_code == 400
    assert ask(f"http://127.0.0.1:{devices.port}/devices/nobody")[0] == 404
