#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What permessage-deflate opens to attack: W4's half with RSV1, and W13 of docs/security-tests.md."""
import random
import zlib

from attack import read_close, zero_masked
from rawclient import BINARY, CLOSE, PING, PONG, TEXT, RawClient, close_payload, frame, request
from watch import MIB, sized, under_attack

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


def test_w4_every_first_byte_with_deflate(target):
    """RSV1 is good on the first frame of a message, and on no other."""
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for first in range(256):
                opcode, reserved, is_final = first & 15, first >> 4 & 7, first >> 7
                is_message = opcode in (TEXT, BINARY) and reserved in (0, 4)
                is_good = is_message or (opcode in (PING, PONG) and is_final and not reserved)
                # One zero byte is an empty compressed message, and no body of a Close.
                with compressing(target, "/echo") as client:
                    client.send(zero_masked(first, b"\0") + zero_masked(0x80 | CLOSE, close_payload(1000)))
                    assert read_close(client) == (1000 if is_good else 1002), f"{first:08b}"


def test_w13_flipped_bits(start, echo):
    """Each is refused as no message or taken as another, and no memory goes."""
    server = start(echo | {"sink.lua": "return { message = function() end }\n"}, settings={"threads.io": 1})
    choice = random.Random(20_261_124)
    text = b"".join(choice.choice([b"one ", b"two ", b"three "]) for _ in range(200))
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = (packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")
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
