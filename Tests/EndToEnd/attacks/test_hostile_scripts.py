#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Scripts that would hold the loop, run for many clients at once beside a route that does no harm."""
import os
import time
from pathlib import Path

import pytest

from attack import upgraded
from rawclient import TEXT
from watch import Innocent, percentile, sized

ATTACKS = Path(__file__).parent.parent.parent / "LuaRuntimeTests" / "attacks"
# Those that do nothing but run on until their time is over, and where.
ENDLESS = {
    "lazyset.lua": 1, "lazythree.lua": 1, "loop.lua": 1, "memhook.lua": 1, "move.lua": 1, "nest.lua": 1, "pcallagain.lua": 1,
    "pcallloop.lua": 3, "reverse.lua": 1, "tostr.lua": 1,
}

BUDGET_MS, GRACE_MS, CLIENTS = 100, 10, 20


def cpu_seconds(server):
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def names():
    return sorted(path.name for path in ATTACKS.glob("*.lua")) if sized(0, 1) else ["loop.lua", "memhook.lua", "pcallloop.lua", "tostr.lua"]


@pytest.mark.parametrize("name", names())
def test_twenty_clients_at_once_hold_up_nobody(start, echo, name):
    """On one loop; a script that errs so often would be out of service by default."""
    body = (ATTACKS / name).read_text()
    script = f"return {{ message = function(conn, data) if data == 'run' then {body}\nend conn:send('alive') end }}"
    settings = {"threads.io": 1, "limits.breaches": 0, "limits.cpu": f"{BUDGET_MS}ms"}
    server = start(echo | {"attack.lua": script}, settings=settings)
    clients = upgraded(server, "/attack", CLIENTS)
    innocent = Innocent(server.port, "/echo")
    try:
        innocent.times()
        for client in clients:
            client.send_frame(TEXT, b"run")
        began, used = time.monotonic(), cpu_seconds(server)
        time.sleep(0.9 * CLIENTS * BUDGET_MS / 1000)
        wall, used = time.monotonic() - began, cpu_seconds(server) - used
        p99 = percentile(innocent.times(), 0.99)
    finally:
        innocent.stop()
    # A budget is CPU time. A loop that is never idle shows how much longer that takes where others have the core, too.
    stretch = wall / used if name in ENDLESS and used > wall / 4 else 1
    print(f"{name}: p99 {p99:.1f} ms, CPU time stretched {stretch:.2f} times")
    assert p99 < (BUDGET_MS + GRACE_MS) * max(1, stretch), f"the innocent client's p99 was {p99:.1f} ms"
    for client in clients:
        client.send_frame(TEXT, b"well?")
        while client.read_frame().payload != b"alive":
            pass
    if name in ENDLESS:
        server.logged(f"attack.lua:{ENDLESS[name]}: handler ran longer than {BUDGET_MS} ms of CPU time")
    assert server.process.poll() is None
