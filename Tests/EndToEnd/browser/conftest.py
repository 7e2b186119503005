#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""One browser for all tests of this folder; each test has a profile of its own in it."""
import pytest

from chromium import Chromium


@pytest.fixture(scope="session")
def browser():
    browser = Chromium()
    yield browser
    browser.stop()
