#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The Close for a violation reaches the client, also one that reads nothing before it has sent all it has."""
import struct

import pytest

from rawclient import CLOSE, TEXT, RawClient, frame

TOTAL = 100_000_000
REPETITIONS = 5

VIOLATIONS = {
    "reserved-opcode": (b"\x83\x80\0\0\0\0", 1002),
    "message-too-big": (b"\x82\xff" + struct.pack("!Q", TOTAL) + b"\0\0\0\0", 1009),
    "rate": (frame(TEXT, b"x") * 20, 1008),
}


@pytest.fixture(params=[1, 2], ids=["one-loop", "two-loops"])
def limited(request, start, echo):
    return start(echo, settings={"threads.io": request.param, "limits.rate": 5})


@pytest.mark.timeout(300)
@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_close_reaches_a_client_that_is_still_sending(limited, violation):
    """The violation and 100 MB behind it are sent to the last byte, without a reset; then the Close is there to be read."""
    offence, code = violation
    block = bytes(1 << 20)
    for _ in range(REPETITIONS):
        with RawClient(limited.port).upgrade("/echo") as client:
            client.send(offence)
            for _ in range(TOTAL // len(block)):
                client.send(block)
            while (found := client.read_frame()).opcode == TEXT:
                pass
            assert (found.opcode, found.payload[:2]) == (CLOSE, struct.pack("!H", code))
            assert client.read_frame() is None
