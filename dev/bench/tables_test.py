#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What the bench makes of its figures."""
import types
import unittest

import tables
from tables import Figures
from works import BARE, CPU, DEPTH_1, IDLE, OURS


class Tables(unittest.TestCase):
    def setUp(self):
        Figures.values, Figures.errors = {}, []

    def put(self, work, name, *values):
        for value in values:
            Figures.put(work, name, value)

    def cells(self, work):
        return next(row.split(" | ") for row in tables.main_table([]).splitlines() if row.startswith(f"| {work} |"))

    def test_ratio_is_the_median_of_each_rounds_own(self):
        # The machine was twice as slow in the last round, for both.
        self.put(DEPTH_1, BARE, 5, 6, 12)
        self.put(DEPTH_1, OURS, 5.5, 6.6, 13.2)
        self.assertEqual(self.cells(DEPTH_1)[2:6], ["6.00", "6.60", "1.10", "≤ 1.25: met |"])

    def test_ratio_above_the_bar_is_missed(self):
        self.put(DEPTH_1, BARE, 5)
        self.put(DEPTH_1, OURS, 6.3)
        self.assertIn("**missed**", self.cells(DEPTH_1)[5])

    def test_idle_memory_has_a_bar_of_its_own(self):
        self.put(IDLE, BARE, 120)
        self.put(IDLE, OURS, 5_121)
        self.assertIn("**missed**", self.cells(IDLE)[5])

    def test_rounds_without_a_result_are_left_out(self):
        self.put(DEPTH_1, BARE, 5, None, 6)
        self.put(DEPTH_1, OURS, None, 9, 6)
        self.assertEqual(Figures.ratio(DEPTH_1, OURS, DEPTH_1, BARE), 1)
        self.assertIn("?", self.cells(IDLE)[5])

    def test_errors_of_ours_count_and_those_of_others_do_not(self):
        run = {"errors": 2, "msgs": 100, "mode": "echo", CPU: 5}
        Figures.add(DEPTH_1, types.SimpleNamespace(name=BARE), run, CPU)
        self.assertEqual(Figures.errors, [])
        Figures.add(DEPTH_1, types.SimpleNamespace(name=OURS), run, CPU)
        Figures.add(DEPTH_1, types.SimpleNamespace(name=OURS), {**run, "errors": 0, "msgs": 0}, CPU)
        self.assertEqual(len(Figures.errors), 2)
        self.assertIsNone(Figures.median(DEPTH_1, OURS))


unittest.main()
