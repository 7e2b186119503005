#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""PyPI's websockets, asyncio client: websockets_peer.py URL CERTIFICATE"""
import asyncio
import json
import ssl
import sys

import websockets
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

URL, CERTIFICATE = sys.argv[1:3]
TEXT = "Nachtschwalbe, козодой, ヨタカ, 🌙"
LARGE = bytes(range(256)) * 4096


def client(**options):
    if URL.startswith("wss:"):
        options["ssl"] = ssl.create_default_context(cafile=CERTIFICATE)
    return connect(URL, proxy=None, max_size=2 << 20, **options)


async def echo(message, expected=None):
    async with client() as ws:
        await ws.send(message)
        answer = await ws.recv()
        return "ok" if answer == (message if expected is None else expected) else "FAILED: another answer"


async def deflate():
    async with client() as ws:
        agreed = ws.response.headers.get("Sec-WebSocket-Extensions")
        text = "compressible " * 10_000
        await ws.send(text)
        if await ws.recv() != text:
            return "FAILED: another answer"
        return agreed or "declined"


async def ping():
    async with client() as ws:
        await (await ws.ping(b"are you there?"))
        return "ok"


async def client_close():
    async with client() as ws:
        await ws.close(4001, "enough")
        return "ok" if ws.close_code == 4001 else f"FAILED: {ws.close_code}"


async def server_close():
    async with client(compression=None) as ws:
        try:
            await ws.send(LARGE + b"!")
            await ws.recv()
        except ConnectionClosed as closed:
            return "ok" if closed.rcvd and closed.rcvd.code == 1009 else f"FAILED: {closed}"
        return "FAILED: no close"


async def protocol():
    async with client(subprotocols=["nightjar.one", "nightjar.two"]) as ws:
        return ws.subprotocol or "none"


async def main():
    checks = {
        "text": echo(TEXT),
        "binary": echo(bytes(range(256))),
        "large": echo(LARGE),
        "fragmented": echo(["frag", "men", "ted"], "fragmented"),
        "deflate": deflate(),
        "ping": ping(),
        "client_close": client_close(),
        "server_close": server_close(),
        "protocol": protocol(),
    }
    results = {}
    for name, check in checks.items():
        try:
            results[name] = await asyncio.wait_for(check, 20)
        except Exception as error:
            results[name] = f"FAILED: {type(error).__name__} {error}"
    print(json.dumps({"version": f"websockets {websockets.__version__} (Python)", "checks": results}))


asyncio.run(main())
