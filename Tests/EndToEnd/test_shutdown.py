#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Signals: a drain that every client is told of, and an end that does not wait."""
import asyncio
import fcntl
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from nightjar import BINARY, PATIENCE, clean_environment
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


def test_signal_drains_while_nobody_reads_the_start_text(tmp_path, echo):
    # Many routes with long names: more text than the smallest pipe holds.
    for number in range(40):
        (tmp_path / f"{number:060}.lua").write_text(echo["echo.lua"])
    reader, writer = os.pipe()
    capacity = fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
    process = subprocess.Popen(
        [BINARY, "serve", ".", "--port", "0"],
        cwd=tmp_path,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        # A part of a page leaves no room for more.
        port = int(re.search(rb"127\.0\.0\.1:(\d+)", os.read(reader, 200))[1])
        with RawClient(port).upgrade(f"/{0:060}") as client:
            process.terminate()
            frame = client.read_frame()
            assert (frame.opcode, frame.payload[:2]) == (CLOSE, close_payload(1001))
            client.send_frame(CLOSE, close_payload(1001))
        assert process.wait(PATIENCE) == 0
        rest = b""
        while part := os.read(reader, 65536):
            rest += part
        assert len(rest) < capacity, "the text was not held up"
    finally:
        process.kill()
        process.wait()
        os.close(reader)


def test_serves_without_standard_streams(tmp_path):
    """No socket gets the number of a stream, or log lines would go to it."""
    (tmp_path / "loud.lua").write_text(
        'local loud = {}\nfunction loud.message(conn, data) print(data) conn:send("heard") end\nreturn loud\n'
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", BINARY, "serve", ".", "--port", str(port)],
        cwd=tmp_path,
        env=clean_environment(),
    )
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                client = RawClient(port)
                break
            except ConnectionRefusedError:
                assert process.poll() is None and time.monotonic() < end
                time.sleep(0.01)
        with client.upgrade("/loud"):
            assert [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)] == ["/dev/null"] * 3
            client.send_frame(1, b"a line for the log")
            assert client.read_frame().payload == b"heard"
    finally:
        process.kill()
        process.wait()
