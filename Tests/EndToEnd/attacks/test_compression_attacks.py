#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What permessage-deflate opens to attack: W4's half with RSV1, and W10 to W13 of docs/security-tests.md."""
import itertools
import random
import time
import zlib

import pytest

from attack import flood, read_close, zero_masked
from rawclient import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawClient, close_payload, frame, request
from test_slow_peers import close_code, drop
from watch import KIB, MIB, P99_LIMIT, sized, under_attack

RSV1 = 0x40


def compressing(server, path):
    """A connection that has agreed on permessage-deflate."""
    client = RawClient(server.port)
    client.send(request(path, "Sec-WebSocket-Extensions: permessage-deflate"))
    head = client.read_head()
    assert head.startswith(b"HTTP/1.1 101 ") and b"permessage-deflate" in head, head
    return client


def with_rsv1(sent):
    return bytes([sent[0] | RSV1]) + sent[1:]


def deflated(data, level=6):
    """The payload of a compressed message."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def talk(client):
    """A compressed message that is as good as any, and its echo."""
    client.send(with_rsv1(frame(TEXT, deflated(b"word " * 400))))
    header = client.received
    while len(header) < 2 or len(header) < 2 + header[1]:
        assert client._receive()
    assert header[0] == 0x80 | RSV1 | TEXT
    client.received.clear()


def test_w4_every_first_byte_with_deflate(target):
    """RSV1 is good on the first frame of a message, and on no other."""
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for first, beginning in itertools.product(range(256), (b"", zero_masked(RSV1 | BINARY))):
                opcode, reserved, is_final = first & 15, first >> 4 & 7, first >> 7
                if beginning:
                    is_part = opcode == CONTINUATION and not reserved
                else:
                    is_part = opcode in (TEXT, BINARY) and reserved in (0, 4)
                is_good = is_part or (opcode in (PING, PONG) and is_final and not reserved)
                # One zero byte is an empty compressed message, and no body of a Close.
                with compressing(target, "/echo") as client:
                    client.send(beginning + zero_masked(first, b"\0") + zero_masked(0x80 | CLOSE, close_payload(1000)))
                    assert read_close(client) == (1000 if is_good else 1002), f"{first:08b} behind {beginning}"


@pytest.fixture(scope="module")
def bomb():
    """1 GiB of zeros, compressed to 1 MiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(16 * MIB)
    packed = b"".join([*(packer.compress(zeros) for _ in range(64)), packer.flush(zlib.Z_SYNC_FLUSH)])
    assert len(packed) <= MIB + KIB
    return packed.removesuffix(b"\0\0\xff\xff")


@pytest.mark.parametrize("fragments", [1, 1000])
@pytest.mark.parametrize(
    ("count", "p99", "growth"),
    [
        # A buffer grows by doubling: half of the message is there twice for a moment.
        (1, P99_LIMIT, MIB * 3 // 2 + 256 * KIB),
        # One message is inflated at a time, while the others wait with what one read has brought, 16 KiB; the rest is the
        # memory of connections.
        (100, P99_LIMIT, 6 * MIB),
    ],
)
def test_w10_bomb(start, echo, bomb, fragments, count, p99, growth):
    """What is kept of it is what a message may have; the rest is not inflated."""
    step = -(-len(bomb) // fragments)
    parts = [bomb[start : start + step] for start in range(0, len(bomb), step)]
    frames = [frame(CONTINUATION if index else BINARY, part, index == len(parts) - 1) for index, part in enumerate(parts)]
    sent = with_rsv1(frames[0]) + b"".join(frames[1:])
    server = start(echo, settings={"threads.io": 1})
    # The event loop's pool takes its inflater and deflater with the first message that needs them, and keeps them.
    with compressing(server, "/echo") as client:
        talk(client)

    def attack():
        clients = [compressing(server, "/echo") for _ in range(count)]
        for client in clients:
            flood(client, sent, 1)
        assert {close_code(client) for client in clients} == {1009}
        drop(clients)

    with under_attack(server, p99=p99) as watch:
        for rounds, _ in enumerate(watch.repeating(seconds=1), 1):
            attack()
        watch.wait_for_count("message", rounds * count)
        assert watch.growth() < growth


# What stands behind the name in an offer of permessage-deflate, and whether it is agreed on; None for what is no offer at all.
OFFERS = {
    "": True,
    '; server_max_window_bits="10"': True,
    "; client_max_window_bits=8": True,
    "; server_max_window_bits=8": False,
    "; server_max_window_bits=7": False,
    "; client_max_window_bits=7": False,
    "; client_max_window_bits=16": False,
    "; client_max_window_bits=010": False,
    "; server_max_window_bits": False,
    "; server_max_window_bits=99999999999999999999": False,
    "; server_no_context_takeover; server_no_context_takeover": False,
    "; client_max_window_bits; client_max_window_bits=10": False,
    "; unknown": False,
    ", permessage-deflate; server_max_window_bits=7" * 99: True,
    "; server_max_window_bits=7" + ", permessage-deflate; server_max_window_bits=7" * 99: False,
    "," * 8000: True,
    ", x" * 2600: True,
    "; x" * 2600: False,
    "; server_max_window_bits=": None,
    '; server_max_window_bits="10': None,
    "; server_max_window_bits=1 0": None,
    ";": None,
    "; =": None,
}


def test_w11_offers(target):
    """Each is agreed on, declined or refused, at once; a connection that agreed compresses."""
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for rest, is_agreed in OFFERS.items():
                with RawClient(target.port) as client:
                    began = time.monotonic()
                    client.send(request("/echo", "Sec-WebSocket-Extensions: permessage-deflate" + rest))
                    head = client.read_head()
                    # Parsing takes 1 ms at most; the rest is for the machine.
                    assert time.monotonic() - began < 0.05
                    assert head.startswith(b"HTTP/1.1 400 " if is_agreed is None else b"HTTP/1.1 101 "), rest[:80]
                    assert (b"permessage-deflate" in head) == (is_agreed is True), rest[:80]
                    if is_agreed:
                        talk(client)
        assert watch.growth() < MIB


def test_w12_idle_connections(start, echo):
    """Who has talked in compressed messages and is idle costs no more memory than who has not; pools belong to event loops."""
    count = sized(1_000, 5_000)

    def cost(connect):
        server = start(echo, settings={"threads.io": 1})
        # What code and pools take with their first use is no connection's.
        with compressing(server, "/echo") as client:
            talk(client)
        with under_attack(server) as watch:
            clients = [connect(server) for _ in range(count)]
            time.sleep(0.5)
            grown = watch.resident() - watch.start
            drop(clients)
        return grown / count

    def silent(server):
        return RawClient(server.port).upgrade("/echo")

    def talking(server):
        client = compressing(server, "/echo")
        talk(client)
        return client

    plain, compressed = cost(silent), cost(talking)
    assert compressed - plain <= 4 * KIB, f"{compressed:.0f} B for each, and {plain:.0f} B without permessage-deflate"


def test_w13_flipped_bits(start, echo):
    """Each is refused as no message or taken as another, and no memory goes."""
    server = start(echo | {"sink.lua": "return { message = function() end }\n"}, settings={"threads.io": 1})
    choice = random.Random(20_261_124)
    text = b"".join(choice.choice([b"one ", b"two ", b"three "]) for _ in range(200))
    packed = deflated(text)
    codes = set()
    with under_attack(server) as watch:
        for _ in watch.repeating():
            for _ in range(sized(1000, 10_000)):
                flipped = bytearray(packed)
                for _ in range(choice.randrange(1, 4)):
                    flipped[choice.randrange(len(flipped))] ^= 1 << choice.randrange(8)
                with compressing(server, "/sink") as client:
                    client.send(with_rsv1(frame(BINARY, bytes(flipped))) + frame(CLOSE, close_payload(1000)))
                    codes.add(read_close(client))
        assert watch.growth() < MIB
    assert codes == {1000, 1007}
