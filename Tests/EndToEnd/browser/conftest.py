#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""One browser for all tests of this folder; each test has a profile of its own in it."""
import urllib.error
import urllib.request

import pytest

from chromium import Chromium
from nightjar import PATIENCE, Nightjar


@pytest.fixture(scope="session", autouse=True)
def serves_pages(tmp_path_factory):
    """Leaves the tests out as long as the server has neither its console nor `request`."""
    try:
        server = Nightjar(tmp_path_factory.mktemp("probe"), {"probe.lua": "return { request = function() return 200, '' end }"}, "--dev")
    except AssertionError:
        pytest.skip("this server has no `request` yet")
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/-/console", timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        pytest.skip("this server has no console yet")
    finally:
        server.stop()


@pytest.fixture(scope="session")
def browser():
    browser = Chromium()
    yield browser
    browser.stop()
