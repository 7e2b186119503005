#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What results.py lets pass and what not."""
import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import results


class ResultsTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def judge(self, cases, announced=None, options=()):
        """The exit status and what is printed for {case: (behavior, close)}, all from one client over ws."""
        reports = self.folder / "ws" / "1" / "reports"
        reports.mkdir(parents=True, exist_ok=True)
        (reports / "why.json").write_text('{"result": "what it did", "resultClose": "how it closed"}')
        count = len(cases) if announced is None else announced
        (reports.parent / "wstest.log").write_text(f"Ok, will run {count} test cases against 1 servers\n")
        entries = {
            case: {"behavior": behavior, "behaviorClose": close, "reportfile": "why.json"}
            for case, (behavior, close) in cases.items()
        }
        (reports / "index.json").write_text(json.dumps({"Nightjar": entries}))
        output = io.StringIO()
        with contextlib.redirect_stdout(output), mock.patch.object(
            sys, "argv", ["results.py", *map(str, options), f"ws={self.folder / 'ws'}"]
        ):
            return results.main(), output.getvalue()

    def test_ok_passes(self):
        self.assertEqual(self.judge({"1.1.1": ("OK", "OK")})[0], 0)

    def test_informational_passes_only_where_the_suite_has_no_judgement(self):
        self.assertEqual(self.judge({"7.1.6": ("INFORMATIONAL", "INFORMATIONAL")})[0], 0)
        self.assertEqual(self.judge({"7.1.5": ("INFORMATIONAL", "OK")})[0], 1)

    def test_any_other_behavior_fails_with_its_reason(self):
        for word in ("NON-STRICT", "FAILED", "UNCLEAN", "UNIMPLEMENTED"):
            status, text = self.judge({"6.4.1": (word, "OK")})
            self.assertEqual(status, 1, word)
            self.assertIn(f"ws 6.4.1: {word}, close OK: what it did", text)

    def test_a_wrong_close_fails_with_its_reason(self):
        for word in ("WRONG CODE", "UNCLEAN", "FAILED BY CLIENT", "INFORMATIONAL"):
            status, text = self.judge({"6.4.1": ("OK", word)})
            self.assertEqual(status, 1, word)
            self.assertIn("how it closed", text)

    def test_a_case_without_a_result_fails(self):
        status, text = self.judge({"1.1.1": ("OK", "OK")}, announced=2)
        self.assertEqual(status, 1)
        self.assertIn("1 of 2 cases have a result", text)

    def test_no_case_at_all_fails(self):
        self.assertEqual(self.judge({})[0], 1)

    def test_all_wants_every_case_of_every_group(self):
        status, text = self.judge({"10.1.1": ("OK", "OK")}, options=["--all"])
        self.assertEqual(status, 1)
        self.assertIn("group 13 Compression, different parameters: 0 of 126 cases ran", text)
        self.assertNotIn("group 10", text)

    def test_the_suite_has_517_cases(self):
        self.assertEqual(sum(count for _, count in results.GROUPS.values()), 517)

    def test_other_counts_than_the_committed_ones_fail(self):
        committed = self.folder / "results.md"
        good = {"1.1.1": ("OK", "OK")}
        self.assertEqual(self.judge(good, options=["--table", committed])[0], 0)
        self.assertEqual(self.judge(good, options=["--compare", committed])[0], 0)
        status, text = self.judge({**good, "1.1.2": ("OK", "OK")}, options=["--compare", committed])
        self.assertEqual(status, 1)
        self.assertIn("not those of", text)


if __name__ == "__main__":
    unittest.main()
