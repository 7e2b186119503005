#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The log: one JSON object a line when it is no terminal, and nothing that it could hold up."""
import json

from websockets.asyncio.client import connect

LOGGING = """
return { message = function(conn, data)
  ws.log.info("%s", data)
  conn:send("logged")
end }
"""


async def test_every_line_is_one_object_whatever_is_logged(start):
    server = start({"log.lua": LOGGING})
    wild = 'quote " backslash \\ newline \n escape \x1b[31m nul \0 separator \u2028 end-of-wild'
    async with connect(server.url("/log")) as client:
        await client.send(wild)
        assert await client.recv() == "logged"
    assert wild in server.logged("end-of-wild").values()
    server.stop()
    for line in server.log.lines:
        assert isinstance(json.loads(line), dict)
        assert "\x1b" not in line


async def test_log_that_nobody_reads_stalls_no_echo(start):
    """30 MB of log lines against a pipe of 64 KiB are dropped, and the log says so once it is read again."""
    server = start({"log.lua": LOGGING}, settings={"threads.io": 1}, reads_log=False)
    async with connect(server.url("/log")) as client:
        for _ in range(300):
            for _ in range(100):
                await client.send("x" * 1_000)
            for _ in range(100):
                assert await client.recv() == "logged"
    lines = iter(server.process.stderr)
    assert any("dropped" in line for line in lines)


async def test_log_whose_reader_is_gone_stops_nothing(start):
    server = start({"log.lua": LOGGING}, reads_log=False)
    server.process.stderr.close()
    async with connect(server.url("/log")) as client:
        for _ in range(100):
            await client.send("into the void")
            assert await client.recv() == "logged"


async def test_level_of_the_argument(start):
    server = start({"log.lua": LOGGING}, "--log-level", "warning")
    async with connect(server.url("/log")) as client:
        await client.send("not worth a warning")
        assert await client.recv() == "logged"
    server.stop()
    assert "not worth a warning" not in server.log.text
