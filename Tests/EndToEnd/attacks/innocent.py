#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""A client that does no harm: an echo every 10 ms on a connection of its own, in a process of its own.

usage: innocent.py PORT PATH [ADDRESS]
For each line on its standard input it prints the round-trip times since the line before, in milliseconds, as JSON. At the
end of its input it says good bye.
"""
import json
import select
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rawclient import CLOSE, PING, TEXT, RawClient, close_payload  # noqa: E402

PERIOD = 0.01


def main(port, path):
    client = RawClient(port).upgrade(path)
    times = []
    number = 0
    due = time.monotonic()
    while True:
        number += 1
        text = b"%d" % number
        began = time.monotonic()
        client.send_frame(TEXT, text)
        while (answer := client.read_frame()) is not None and answer.opcode == PING:
            pass
        ended = time.monotonic()
        assert answer is not None and answer.payload == text, f"{text} was answered with {answer}"
        times.append((ended - began) * 1000)
        # An echo that was late does not make the next ones come in a burst.
        due = max(due + PERIOD, ended)
        if select.select([sys.stdin], [], [], max(0, due - ended))[0]:
            if not sys.stdin.readline():
                break
            print(json.dumps(times), flush=True)
            times = []
            time.sleep(max(0, due - time.monotonic()))
    client.send_frame(CLOSE, close_payload(1000))
    client.read_frame()


main(int(sys.argv[1]), sys.argv[2])
