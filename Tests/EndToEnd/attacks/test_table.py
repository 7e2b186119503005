#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""docs/security-tests.md names a test for each known attack, and each of these tests exists."""
import re

from nightjar import ROOT

ROWS = [*(f"W{number}" for number in range(1, 29)), "H5", "H6", "R1", "R2", "R16", "R17", "R18"]

# A row that no test here proves says so in these words.
OPEN = "**open**"


def test_every_attack_has_its_row_and_every_named_test_exists():
    rows = {}
    for line in (ROOT / "docs/security-tests.md").read_text().splitlines():
        if match := re.match(r"\| ([A-Z]\d+) \|", line):
            assert match[1] not in rows, f"{match[1]} stands there twice"
            rows[match[1]] = [cell.strip() for cell in line.strip("|").split("|")]
    assert list(rows) == ROWS
    for name, (_, _, tests, *_) in rows.items():
        named = re.findall(r"`(\w+\.py)::(\w+)`", tests)
        tables = re.findall(r"`(\w+\.swift)::(\w+)`", tests)
        assert named or tables or OPEN in tests, f"{name} names no test and does not say that it is open"
        for file, test in named:
            (path,) = (ROOT / "Tests/EndToEnd").rglob(file)
            assert re.search(rf"^(async )?def {test}\(", path.read_text(), re.MULTILINE), f"{name}: no {test} in {file}"
        for file, test in tables:
            (path,) = (ROOT / "Tests/WebSocketCoreTests").rglob(file)
            assert re.search(rf"@Test[^{{}}]*?\bfunc {test}\(", path.read_text()), f"{name}: no {test} in {file}"
