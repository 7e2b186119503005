#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""A device that measures and loses nothing: readings wait in an outbox until the server has acknowledged them.

usage: client.py ws://127.0.0.1:8080/devices/NAME [--count N] [--every SECONDS]
"""
import argparse
import asyncio
import json
import random
import sys
import time
import uuid

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

# A device that was away for long must not fill its memory: then it stops measuring until there is room.
OUTBOX = 10_000

# Seconds before a connection is tried again. The longest wait doubles with each failure, and the wait is a random
# part of it, so that a thousand devices do not come back at the same moment when the server has restarted.
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0

# Seconds without an acknowledgement, while readings wait for one, after which the connection counts as broken.
PATIENCE = 10.0


class Outbox:
    """Readings that are not acknowledged yet, by serial number, the oldest first."""

    def __init__(self):
        self.waiting = {}
        self.last = 0
        self.acknowledged = 0
        self.changed = asyncio.Condition()
        # Serial numbers begin again with each start of the program, and ids must not.
        self.start = uuid.uuid4().hex

    async def put(self, at, value):
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.waiting) < OUTBOX)
            self.last += 1
            # The id is made once, with the reading. That is what lets the server tell a repetition from a new one.
            reading = {"type": "put", "id": f"{self.start}-{self.last}", "at": at, "value": value}
            self.waiting[self.last] = json.dumps(reading)
            self.changed.notify_all()

    async def acknowledge(self, id):
        start, _, serial = id.partition("-")
        async with self.changed:
            if start == self.start and self.waiting.pop(int(serial), None) is not None:
                self.acknowledged += 1
                self.changed.notify_all()

    async def wait_for_more_than(self, serial):
        async with self.changed:
            await self.changed.wait_for(lambda: self.last > serial)

    async def empty(self):
        async with self.changed:
            await self.changed.wait_for(lambda: not self.waiting)


async def measure(outbox, count, every):
    """Puts readings into the outbox: a wandering number, for want of a sensor."""
    value, number = 20.0, 0
    while count == 0 or number < count:
        number += 1
        value += random.uniform(-0.5, 0.5)
        await outbox.put(time.time(), round(value, 3))
        await asyncio.sleep(every)


async def send_all(socket, outbox):
    """Sends each reading once on this connection, those first that an earlier connection left unacknowledged."""
    sent = next(iter(outbox.waiting), outbox.last + 1) - 1
    while True:
        await outbox.wait_for_more_than(sent)
        while sent < outbox.last:
            sent += 1
            if text := outbox.waiting.get(sent):
                await socket.send(text)


async def take_acknowledgements(socket, outbox):
    while True:
        waits = bool(outbox.waiting)
        try:
            message = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
        except asyncio.TimeoutError:
            if waits:
                raise
            continue
        if message["type"] == "ack":
            await outbox.acknowledge(message["id"])


async def talk(url, outbox):
    """Serves one connection until it breaks, and tells what broke it."""
    async with connect(url, open_timeout=PATIENCE, close_timeout=1) as socket:
        log(f"connected, {len(outbox.waiting)} to send")
        tasks = [asyncio.create_task(send_all(socket, outbox)), asyncio.create_task(take_acknowledgements(socket, outbox))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()


async def stay_connected(url, outbox):
    failures = 0
    while True:
        before = outbox.acknowledged
        try:
            await talk(url, outbox)
        except (OSError, asyncio.TimeoutError, WebSocketException) as error:
            # Only an acknowledgement proves that the server is well: one that accepts and then breaks is not.
            failures = 0 if outbox.acknowledged > before else failures + 1
            wait = random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2**failures))
            log(f"connection lost ({type(error).__name__}: {error}); next try in {wait:.1f} s")
            await asyncio.sleep(wait)


async def run(url, count, every):
    outbox = Outbox()
    connection = asyncio.create_task(stay_connected(url, outbox))
    await measure(outbox, count, every)
    await outbox.empty()
    connection.cancel()
    log(f"done: {outbox.acknowledged} acknowledged")


def log(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="ws://HOST:PORT/devices/NAME")
    parser.add_argument("--count", type=int, default=0, help="readings to take, then end; 0 (the default) never ends")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two readings")
    arguments = parser.parse_args()
    try:
        asyncio.run(run(arguments.url, arguments.count, arguments.every))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
