#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What the attacks share: one server with one event loop, so that the attacker and the innocent client meet on it."""
import pytest

from nightjar import ROOT, Nightjar


@pytest.fixture(scope="session")
def target(tmp_path_factory):
    """A server with default limits; the tests of a run share it."""
    scripts = {"echo.lua": (ROOT / "scripts/echo.lua").read_text()}
    server = Nightjar(tmp_path_factory.mktemp("target"), scripts, settings={"threads.io": 1})
    yield server
    server.stop()
