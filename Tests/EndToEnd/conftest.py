#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What the tests share: servers as fixtures, and tests that are coroutines."""
import asyncio
import inspect

import pytest

from nightjar import ROOT, Nightjar, scripts_of

# A message takes another way when its connection's loop is not the loop of its script.
LOOPS = {
    "one-loop": {"threads.io": 1},
    "two-loops": {"threads.io": 2},
    "script-loop": {"threads.io": 2, "threads.script": 1},
}


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs a test that is a coroutine on an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(scope="session", params=LOOPS.values(), ids=LOOPS.keys())
def server(request, tmp_path_factory):
    """A server with the project's scripts and those of this folder; the tests of a run share it."""
    scripts = scripts_of("scripts", "Tests/EndToEnd/scripts")
    server = Nightjar(tmp_path_factory.mktemp("server"), scripts, settings=request.param)
    yield server
    server.stop()


@pytest.fixture
def start(tmp_path):
    """Starts servers of the test's own: start({"echo.lua": source}, "--dev", settings={"threads.io": 2}).

    A server that the test does not end itself has to drain well in the end.
    """
    servers = []

    def start(scripts, *arguments, **options):
        folder = tmp_path / str(len(servers))
        servers.append(Nightjar(folder, scripts, *arguments, **options))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.returncode is None:
            server.stop()


@pytest.fixture(scope="session")
def echo():
    """The echo script as the project ships it."""
    return {"echo.lua": (ROOT / "scripts/echo.lua").read_text()}
