#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""websockets on uvloop: what is said below /bc goes to all of that path, elsewhere it comes back.

usage: python.py PORT
"""
import asyncio
import collections
import logging
import sys

import uvloop
import websockets

rooms = collections.defaultdict(set)


async def handle(peer):
    if not peer.path.startswith("/bc"):
        async for message in peer:
            await peer.send(message)
        return
    room = rooms[peer.path]
    room.add(peer)
    try:
        async for message in peer:
            websockets.broadcast(room, message)
    finally:
        room.discard(peer)


async def main():
    settings = {"compression": None, "ping_interval": None, "max_size": 16 << 20, "backlog": 4096}
    async with websockets.serve(handle, "127.0.0.1", int(sys.argv[1]), **settings):
        await asyncio.Future()


logging.disable(logging.CRITICAL)
uvloop.install()
asyncio.run(main())
