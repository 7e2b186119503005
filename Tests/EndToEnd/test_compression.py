#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""permessage-deflate with a client that nobody here wrote, which offers it by itself."""
import os

import pytest
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

MESSAGES = ["", "short", "one two three " * 1000, "κόσμε 😀 " * 5000, os.urandom(5000), b"\0" * 500_000]


@pytest.mark.parametrize("server_bits", [None, 9, 12, 15])
@pytest.mark.parametrize("client_bits", [True, 9, 15])
async def test_echoes_what_was_compressed(server, server_bits, client_bits):
    offer = ClientPerMessageDeflateFactory(server_max_window_bits=server_bits, client_max_window_bits=client_bits)
    async with connect(server.url("/echo"), extensions=[offer], compression=None) as client:
        [extension] = client.protocol.extensions
        assert extension.name == "permessage-deflate"
        for message in MESSAGES * 2:
            await client.send(message)
            assert await client.recv() == message


async def test_compresses_fragments(server):
    async with connect(server.url("/echo")) as client:
        await client.send(["one " * 500, "", "two " * 500])
        assert await client.recv() == "one " * 500 + "two " * 500
