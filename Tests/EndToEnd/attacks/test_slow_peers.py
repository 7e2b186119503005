#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Peers that take their time, do not read, do not answer or are not there: W7 to W9, W16, W18, W21, W22, W25."""
import ctypes
import select
import socket
import struct
import threading
import time

import pytest

from attack import flood, is_gone, read_close, upgraded, zero_masked
from nightjar import PATIENCE
from rawclient import BINARY, CLOSE, CONTINUATION, PONG, TEXT, RawClient, frame, request, take_frame
from watch import KIB, MIB, sized, under_attack, wait_until


def test_w7_message_that_stays_unfinished(start, echo):
    """Pongs keep the connection alive, and the message's own time ends it."""
    seconds = sized(2, 60)
    server = start(echo, settings={"threads.io": 1, "limits.message_time": f"{seconds}s"})
    with under_attack(server) as watch, RawClient(server.port).upgrade("/echo") as client:
        began = time.monotonic()
        client.send_frame(TEXT, b"to be continued", is_final=False)
        while not select.select([client.socket], [], [], 0.2)[0]:
            client.send_frame(PONG)
        assert read_close(client) == 1008
        assert abs(time.monotonic() - began - seconds) < sized(0.75, 2)
        watch.wait_for_count("message_time", 1)


def test_w8_payload_of_one_byte_a_second(start, echo):
    """A frame of 1 MiB that will take twelve days: the message's time ends it, however steadily it comes."""
    seconds = sized(3, 60)
    server = start(echo, settings={"threads.io": 1, "limits.message_time": f"{seconds}s"})
    with under_attack(server) as watch:
        clients = upgraded(server, "/echo", sized(200, 1000))
        began = time.monotonic()
        for client in clients:
            client.send(b"\x82\xff" + struct.pack("!Q", MIB) + bytes(4))
        open_ones = clients
        while open_ones and time.monotonic() - began < seconds + sized(2, 30):
            time.sleep(1)
            for client in open_ones:
                try:
                    client.send(b"x")
                except ConnectionError:
                    pass
            open_ones = [client for client in open_ones if not is_gone(client)]
        assert not open_ones
        assert {close_code(client) for client in clients} == {1008}
        watch.wait_for_count("message_time", len(clients))
        assert watch.growth() < len(clients) * 16 * KIB + MIB
        drop(clients)


# The frames of each flood, and how many of them stand in one chunk.
FLOODS = {
    "pings": zero_masked(0x89, b"p" * 125) * 500,
    "pongs": zero_masked(0x8A, b"p" * 125) * 500,
    "pings-between-fragments": (zero_masked(0x89, b"p" * 125) + zero_masked(CONTINUATION)) * 250,
}


@pytest.mark.parametrize("kind", FLOODS)
def test_w9_control_frames_beyond_the_limit(target, kind):
    with under_attack(target) as watch:
        for rounds, _ in enumerate(watch.repeating(), 1):
            with RawClient(target.port).upgrade("/echo") as client:
                if kind == "pings-between-fragments":
                    client.send(zero_masked(BINARY, b"begun"))
                flood(client, FLOODS[kind], 2000)
                assert close_code(client) == 1008
        watch.wait_for_count("control_frames", rounds)
        assert watch.growth() < MIB


@pytest.mark.parametrize("kind", FLOODS)
def test_w9_control_frames_of_a_peer_that_never_reads(start, echo, kind):
    """Without that limit, one pending Pong is the defence: what waits for the peer does not grow with what it sends."""
    settings = {"threads.io": 1, "limits.control_frames": 0, "limits.fragments": 1_000_000}
    server = start(echo, settings=settings)
    times = sized(100_000, 1_000_000) // 500
    with under_attack(server) as watch:
        for _ in watch.repeating():
            with RawClient(server.port, receive_buffer=4096).upgrade("/echo") as client:
                if kind == "pings-between-fragments":
                    client.send(zero_masked(BINARY, b"begun"))
                assert flood(client, FLOODS[kind], times, reads=False) == times * len(FLOODS[kind])
                assert server.metrics()["nightjar_buffered_bytes"] <= 64 * KIB
                client.abort()
        assert watch.growth() < MIB


@pytest.mark.parametrize("kind", FLOODS)
def test_w9_a_peer_that_never_reads_is_closed(start, echo, kind):
    """The limit acts whether or not the peer reads, and its socket is gone when the time for the close handshake is over."""
    server = start(echo, settings={"threads.io": 1, "limits.close": "1s"})
    with under_attack(server) as watch:
        before = watch.sockets()
        for rounds, _ in enumerate(watch.repeating(), 1):
            with RawClient(server.port, receive_buffer=4096).upgrade("/echo") as client:
                if kind == "pings-between-fragments":
                    client.send(zero_masked(BINARY, b"begun"))
                flood(client, FLOODS[kind], 500, reads=False)
                watch.wait_for_count("control_frames", rounds)
                wait_until(lambda: watch.sockets() == before, 5, "the socket is gone")
        assert watch.growth() < MIB


def test_w16_handshakes_of_one_byte_a_second(start, echo):
    """One deadline from accept to 101, and no byte renews it."""
    seconds = sized(2, 10)
    server = start(echo, settings={"threads.io": 1, "limits.handshake": f"{seconds}s"})
    head = request("/echo", *(f"X-{number}: slow" for number in range(20)))
    with under_attack(server) as watch:
        before = watch.sockets()
        crowd = []
        for _ in range(sized(500, 2000)):
            crowd.append(RawClient(server.port))
        began = time.monotonic()
        position = 0
        slowest = 0.0
        while time.monotonic() - began < seconds + 1:
            for client in crowd:
                try:
                    client.send(head[position : position + 1])
                except ConnectionError:
                    pass
            position += 1
            connected = time.monotonic()
            with RawClient(server.port).upgrade("/echo"):
                slowest = max(slowest, time.monotonic() - connected)
            time.sleep(sized(0.2, 1))
        wait_until(lambda: watch.sockets() <= before, 1, "the slow handshakes are gone")
        assert slowest < 0.1
        watch.wait_for_count("handshake", len(crowd))
        drop(crowd)


def test_w18_bytes_before_the_101_and_before_the_script(start, echo):
    """While the script's `connect` runs for seconds, nothing of what the peer sends is taken in beyond the queue."""
    # Keeps its own thread; the innocent client's script has another.
    script = """
return {
  connect = function() local began = os.clock() while os.clock() - began < %d do end end,
  message = function(conn) conn:send("taken") end,
}
""" % sized(2, 5)
    settings = {"threads.io": 1, "threads.script": 2, "limits.cpu": "10s"}
    server = start({"busy.lua": script} | echo, settings=settings)
    with under_attack(server) as watch, RawClient(server.port) as client:
        client.send(request("/busy"))
        chunk = frame(BINARY, bytes(60_000))
        end = time.monotonic() + sized(1.5, 4.5)
        sender = threading.Thread(target=send_until_full, args=(client, chunk, 100 * MIB, end))
        sender.start()
        sender.join()
        assert watch.growth() < MIB
        client.abort()
        # The handler has to end before the memory can be compared.
        time.sleep(1)


def send_until_full(client, chunk, total, end):
    client.socket.setblocking(False)
    sent, rest = 0, chunk
    while sent < total and time.monotonic() < end:
        if select.select([], [client.socket], [], 0.1)[1]:
            count = client.socket.send(rest)
            sent += count
            rest = rest[count:] or chunk
    client.socket.setblocking(True)
    assert sent < total, "the server has read it all"


def test_w21_subscribers_that_never_read(start, echo):
    """Readers lose nothing, those who do not read are dropped at the hard limit, and memory stays within it."""
    script = """
return { message = function(conn, data)
  for number = 1, 50 do ws.broadcast(data, { except = conn }) end
  conn:send("sent")
end }
"""
    # These readers answer no pings, and in full size it takes longer than that is borne.
    server = start(echo | {"topic.lua": script}, settings={"threads.io": 2, "keep_alive.interval": "1h"})
    deaf_count = sized(10, 200)
    with under_attack(server) as watch:
        publish(server, deaf_count, readers_count=sized(40, 800), rounds=sized(100, 2000))
        watch.wait_for_count("buffered", deaf_count)
        dropped = "nightjar_messages_dropped_total"
        assert server.metrics()[dropped] - watch.counted[dropped] >= deaf_count
        assert watch.growth() < min(200, deaf_count * 0.5 + 8) * MIB


def publish(server, deaf_count, readers_count, rounds):
    """50 messages of 1 KiB to everybody in each round, which all readers have to have before the next."""
    deaf = upgraded(server, "/topic", deaf_count, receive_buffer=4096)
    readers = {client.socket.fileno(): client for client in upgraded(server, "/topic", readers_count)}
    lengths = dict.fromkeys(readers, 0)
    poll = select.epoll()
    for number, client in readers.items():
        client.socket.setblocking(False)
        poll.register(number, select.EPOLLIN)
    expected = 0
    with RawClient(server.port).upgrade("/topic") as publisher:
        for _ in range(rounds):
            publisher.send_frame(TEXT, b"m" * KIB)
            assert publisher.read_frame().payload == b"sent"
            expected += 50 * (4 + KIB)
            end = time.monotonic() + PATIENCE
            while any(length < expected for length in lengths.values()):
                assert time.monotonic() < end, "a reader has lost messages"
                for number, _ in poll.poll(1):
                    data = readers[number].socket.recv(1 << 20)
                    assert data, "a reader was dropped"
                    lengths[number] += len(data)
    poll.close()
    assert set(lengths.values()) == {expected}
    # A Close 1013 stands behind what was queued; one that came for it too late is reset.
    assert {read_close(client) for client in deaf} <= {1013, None}
    drop(deaf)
    drop(readers.values())


@pytest.mark.parametrize("stall", ["silent", "half-closed"])
def test_w22_close_that_is_not_answered(start, echo, stall):
    """The sockets are gone when the close's time is over, and the script was told once for each."""
    seconds = sized(1, 5)
    script = """
local told = {}
return {
  message = function(conn, data)
    if data == "bye" then return conn:close(4000, "go") end
    local lines = {}
    for line, count in pairs(told) do lines[#lines + 1] = line .. "=" .. count end
    conn:send(table.concat(lines, " "))
  end,
  close = function(conn, code, _, clean)
    local line = code .. (clean and "-clean" or "-unclean")
    told[line] = (told[line] or 0) + 1
  end,
}
"""
    server = start(echo | {"leave.lua": script}, settings={"threads.io": 1, "limits.close": f"{seconds}s"})
    count = sized(300, 1000)
    with under_attack(server) as watch:
        before, rounds = watch.sockets(), 0
        for _ in watch.repeating():
            clients = upgraded(server, "/leave", count)
            rounds += 1
            began = time.monotonic()
            for client in clients:
                if stall == "silent":
                    client.send_frame(TEXT, b"bye")
                else:
                    client.socket.shutdown(socket.SHUT_WR)
            wait_until(lambda: watch.sockets() <= before, seconds + 2, "the stalled connections are gone")
            if stall == "silent":
                assert abs(time.monotonic() - began - seconds) < sized(0.9, 1.2)
            drop(clients)
        # The code is that of the side which closed first.
        code = 4000 if stall == "silent" else 1006
        with RawClient(server.port).upgrade("/leave") as witness:
            witness.send_frame(TEXT, b"told?")
            assert witness.read_frame().payload.decode() == f"{code}-unclean={rounds * count}"


def test_w25_peers_that_vanish_without_a_packet(start, echo):
    """From one moment on the peer's machine drops every packet: no FIN, no RST, no acknowledgement."""
    interval, timeout = sized((1, 1), (25, 20))
    settings = {"threads.io": 1, "keep_alive.interval": f"{interval}s", "keep_alive.timeout": f"{timeout}s"}
    server = start(echo, settings=settings)
    with under_attack(server) as watch:
        before = watch.sockets()
        clients = upgraded(server, "/echo", sized(50, 500))
        for client in clients:
            drop_all_packets(client.socket)
        began = time.monotonic()
        wait_until(lambda: watch.sockets() <= before, interval + timeout + 3, "half-open connections are gone")
        assert abs(time.monotonic() - began - interval - timeout) < sized(1, 2)
        drop(clients)


def drop_all_packets(stream):
    """A filter that lets nothing in: the kernel drops what comes for this socket before TCP sees it."""
    # BPF_RET | BPF_K, 0
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    address = ctypes.addressof(program)
    stream.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HxxxxxxQ", 1, address))  # SO_ATTACH_FILTER


def close_code(client):
    """The code of the Close in what was read, or is still to be read."""
    try:
        while (found := take_frame(client.received)) is None or found.opcode != CLOSE:
            if found is None and not client._receive():
                return None
        return int.from_bytes(found.payload[:2], "big")
    except ConnectionError:
        return None


def drop(clients):
    for client in clients:
        client.socket.close()
