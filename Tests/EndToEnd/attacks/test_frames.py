#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Frames that break RFC 6455: W1 to W6, W23, W24 and W27 of docs/security-tests.md."""
import itertools
import random
import struct
import time

import pytest

from attack import ZERO_KEY, close_in, flood, read_close, zero_masked
from rawclient import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, RawClient, close_payload, frame
from watch import MIB, sized, under_attack

MESSAGE_LIMIT = MIB


def test_w1_frame_lengths_are_refused_by_the_header_alone(target):
    """No payload byte follows, none is waited for, and no memory is taken for what was declared."""
    lengths = [(2**63, 1002), (2**63 - 1, 1009), (2**32 + 1, 1009), (2**31, 1009), (MESSAGE_LIMIT + 1, 1009)]
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for length, code in lengths * 20:
                with RawClient(target.port).upgrade("/echo") as client:
                    began = time.monotonic()
                    client.send(b"\x82\xff" + struct.pack("!Q", length) + ZERO_KEY)
                    assert read_close(client) == code, length
                    assert time.monotonic() - began < 0.1
        assert watch.growth() < MIB


def test_w2_lengths_in_more_bytes_than_needed(target):
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for opcode in (TEXT, PING):
                for length in (0, 125):
                    for extended in (struct.pack("!BH", 0xFE, length), struct.pack("!BQ", 0xFF, length)):
                        sent = bytes([0x80 | opcode]) + extended + ZERO_KEY + bytes(length)
                        assert answer_to(target, sent) == 1002, (opcode, extended)
            for length in (126, 65535):
                assert answer_to(target, b"\x82" + struct.pack("!BQ", 0xFF, length) + ZERO_KEY + bytes(length)) == 1002


def test_w3_unmasked_frames(target):
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for opcode in (TEXT, BINARY, CLOSE, PING, PONG):
                assert answer_to(target, frame(opcode, masked=False)) == 1002, opcode
            for opcode in (CONTINUATION, PING):
                beginning = frame(TEXT, b"a", is_final=False)
                assert answer_to(target, beginning + frame(opcode, b"b", masked=False)) == 1002, opcode
            with RawClient(target.port).upgrade("/echo") as client:
                client.send(zero_masked(0x81, b"a key of zeros is a key"))
                assert client.read_frame() == Frame(TEXT, b"a key of zeros is a key", True)


def test_w4_every_first_byte(target):
    """All opcodes, reserved bits and FIN, between messages and within one: what is no frame is refused, and what is one does
    no harm."""
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for first, beginning in itertools.product(range(256), (b"", zero_masked(BINARY))):
                opcode, reserved, is_final = first & 15, first >> 4 & 7, first >> 7
                is_control = opcode in (CLOSE, PING, PONG) and is_final
                is_good = not reserved and (is_control or opcode in ((CONTINUATION,) if beginning else (TEXT, BINARY)))
                sent = beginning + zero_masked(first) + zero_masked(0x80 | CLOSE, close_payload(1000))
                # An empty Close is answered by one without a code.
                expected = (1005 if opcode == CLOSE else 1000) if is_good else 1002
                assert answer_to(target, sent) == expected, f"{first:08b} behind {beginning}"


def test_w5_control_frames(target):
    bad_codes = [0, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65535]
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for opcode in (CLOSE, PING, PONG):
                assert answer_to(target, frame(opcode, bytes(126))) == 1002
                assert answer_to(target, zero_masked(opcode)) == 1002
            assert answer_to(target, frame(CLOSE, b"\x03")) == 1002
            for code in bad_codes:
                assert answer_to(target, frame(CLOSE, close_payload(code))) == 1002, code
            for reason in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"cut \xe2\x82"):
                assert answer_to(target, frame(CLOSE, close_payload(1000) + reason)) == 1007, reason
            for code in (1000, 1003, 1007, 1011, 3000, 4999):
                assert answer_to(target, frame(CLOSE, close_payload(code))) == code


@pytest.mark.parametrize("payload", [b"x", b""], ids=["one-byte", "empty"])
def test_w6_fragments_without_end(target, payload):
    """A million fragments: the 4,097th ends the connection, and their like never cost more than a message."""
    fragments = zero_masked(BINARY, payload) + zero_masked(CONTINUATION, payload) * 999
    with under_attack(target) as watch:
        for rounds, _ in enumerate(watch.repeating(), 1):
            with RawClient(target.port).upgrade("/echo") as client:
                sent = flood(client, fragments, 1)
                sent += flood(client, zero_masked(CONTINUATION, payload) * 1000, 999)
                assert (close_in(client.received) or read_close(client)) == 1008
                # What the kernel's buffers hold, and what a closing server reads on.
                assert sent < 1_000_000 * (6 + len(payload))
        watch.wait_for_count("fragments", rounds)
        assert watch.growth() < 2 * MIB


def test_w23_one_close_event_for_each_connect_event(start, echo):
    """Random frames, some of them good: whatever they lead to, the script sees each connection come and go once."""
    script = """
local opened, closed, late = 0, 0, 0
return {
  connect = function(conn) opened = opened + 1 conn.state = { open = true } end,
  message = function(conn, data)
    if data == "count" then return conn:send(("%d %d %d"):format(opened, closed, late)) end
    if not conn.state.open then late = late + 1 end
  end,
  close = function(conn)
    closed = closed + 1
    if not conn.state.open then late = late + 1 end
    conn.state.open = false
  end,
}
"""
    server = start(echo | {"counting.lua": script}, settings={"threads.io": 2, "limits.close": "500ms"})
    choice = random.Random(20_261_124)
    opcodes = [TEXT, TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG, 3, 11]
    rounds = sized(1_500, 10_000)
    with under_attack(server) as watch:
        with RawClient(server.port).upgrade("/counting") as witness:
            for _ in range(rounds):
                with RawClient(server.port).upgrade("/counting") as client:
                    frames = [
                        frame(choice.choice(opcodes), choice.choice([b"", b"\x03\xe8", b"text"]), is_final=choice.random() < 0.8)
                        for _ in range(choice.randrange(8))
                    ]
                    # Behind a Close nothing counts, not even what is no frame at all.
                    frames.append(frame(CLOSE, close_payload(1000)) + choice.randbytes(choice.randrange(64)))
                    client.send(b"".join(frames))
                    if choice.random() < 0.8:
                        read_close(client)
            end = time.monotonic() + 10
            expected = b"%d %d 0" % (rounds + 1, rounds)
            while True:
                witness.send_frame(TEXT, b"count")
                counts = witness.read_frame().payload
                if counts == expected:
                    break
                assert time.monotonic() < end, f"opened, closed, late: {counts}, and not {expected}"
                time.sleep(0.05)
        assert watch.growth() < 8 * MIB


# Each is no UTF-8 from the byte on that stands behind the bar.
BAD_TEXTS = [
    (b"a", b"\x80"),
    (b"", b"\xc0\xaf"),
    (b"", b"\xc1\xbf"),
    (b"\xe0", b"\x9f\xbf"),
    (b"\xed", b"\xa0\x80"),
    (b"\xed", b"\xbf\xbf"),
    (b"\xf0", b"\x8f\xbf\xbf"),
    (b"\xf4", b"\x90\x80\x80"),
    (b"", b"\xf5\x80\x80\x80"),
    (b"", b"\xff"),
    ("κόσμε".encode() + b"\xed", b"\xa0\x80edited"),
    (b"\xf0\x9f\x98", b"("),
]


def test_w24_text_is_refused_at_its_first_bad_byte(target):
    """The rest of the message is not waited for, wherever it is cut."""
    with under_attack(target) as watch:
        for _ in watch.repeating():
            for good, bad in BAD_TEXTS:
                text = good + bad
                for cut in range(len(text)):
                    sent = frame(TEXT, text[:cut], is_final=False) + frame(CONTINUATION, text[cut:], is_final=False)
                    assert answer_to(target, sent) == 1007, (text, cut)
                # In a frame that stays unfinished, byte by byte.
                with RawClient(target.port).upgrade("/echo") as client:
                    client.send(b"\x81\xfe\x01\x00" + ZERO_KEY)
                    for byte in good + bad[:1]:
                        client.send(bytes([byte]))
                    assert read_close(client) == 1007, text


def test_w27_nothing_is_sent_that_was_not_written(start, echo, monkeypatch):
    """The allocator fills what it hands out with A5, and no answer has a run of it, or a byte more than it should."""
    monkeypatch.setenv("MALLOC_PERTURB_", str(0xA5 ^ 0xFF))
    server = start(echo)
    captured = bytearray()
    with under_attack(server) as watch:
        for _ in watch.repeating():
            for size in (0, 1, 125, 126, 65535, 65536, 300_000):
                with RawClient(server.port).upgrade("/echo") as client:
                    for opcode in (TEXT, BINARY):
                        client.send_frame(opcode, b"x" * size)
                        assert client.read_frame().payload == b"x" * size
                    client.send_frame(PING, b"p" * min(size, 125))
                    assert client.read_frame() == Frame(PONG, b"p" * min(size, 125), True)
                    client.send_frame(CLOSE, close_payload(1000, "r" * min(size, 123)))
                    assert client.read_frame() == Frame(CLOSE, close_payload(1000), True)
                    captured += client.read_to_end()
            for sent in (zero_masked(0x83), frame(TEXT, b"\xff"), b"\x82\xff" + struct.pack("!Q", 2**40) + ZERO_KEY):
                with RawClient(server.port).upgrade("/echo") as client:
                    client.send(sent)
                    captured += client.read_to_end()
            for request in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"NONSENSE\r\n\r\n", b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"):
                with RawClient(server.port) as client:
                    client.send(request)
                    captured += client.read_to_end()
    assert b"\xa5\xa5\xa5" not in captured


def answer_to(server, sent):
    """The code that the server closes with, for these bytes on a fresh connection."""
    with RawClient(server.port).upgrade("/echo") as client:
        client.send(sent)
        return read_close(client)
