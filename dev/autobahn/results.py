#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Judge an Autobahn report: results.py [--table FILE.md] --log wstest.log reports/index.json

A case has two results: its behavior, and how the connection ended. OK and INFORMATIONAL pass; every other word fails
(NON-STRICT, FAILED, UNCLEAN, WRONG CODE, FAILED BY CLIENT, UNIMPLEMENTED), and so does a case that the log announced
and the report lacks. Prints each case that fails with Autobahn's own reason. --table writes the counts of each group.
"""
import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

PASSING = {"OK", "INFORMATIONAL"}

GROUPS = {
    1: "Framing",
    2: "Pings and pongs",
    3: "Reserved bits",
    4: "Opcodes",
    5: "Fragmentation",
    6: "UTF-8 handling",
    7: "Close handling",
    9: "Limits and performance",
    10: "Miscellaneous",
    12: "Compression, different sizes",
    13: "Compression, different parameters",
}


def number(case):
    """`6.4.1` sorts before `6.12.1`."""
    return [int(part) for part in case.split(".")]


def passes(entry):
    return {entry["behavior"], entry["behaviorClose"]} <= PASSING


def reason(index, entry):
    """What Autobahn says of one case: a sentence about the part that failed."""
    report = json.loads((index.parent / entry["reportfile"]).read_text(errors="replace"))
    return report["result"] if entry["behavior"] not in PASSING else report["resultClose"]


def table(cases):
    """The counts of each group as Markdown; without dates or times, so that equal results are equal files."""
    rows = {}
    for case, entry in cases.items():
        group = rows.setdefault(number(case)[0], Counter())
        group["cases"] += 1
        group["FAILED" if not passes(entry) else entry["behavior"]] += 1
    lines = [
        "# Autobahn results",
        "",
        "`make autobahn` against `/echo`. A case counts as failed unless both its behavior and its close are OK or",
        "informational: NON-STRICT, UNCLEAN and a wrong close code fail too.",
        "",
        "| group | cases | OK | informational | failed |",
        "|---|---|---|---|---|",
    ]
    for group, count in sorted(rows.items()):
        name = f"{group} {GROUPS.get(group, '')}".strip()
        lines.append(f"| {name} | {count['cases']} | {count['OK']} | {count['INFORMATIONAL']} | {count['FAILED']} |")
    total = sum(rows.values(), Counter())
    lines.append(f"| all | {total['cases']} | {total['OK']} | {total['INFORMATIONAL']} | {total['FAILED']} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", type=Path)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("index", type=Path)
    options = parser.parse_args()

    [cases] = json.loads(options.index.read_text()).values()
    announced = re.search(r"will run (\d+) test cases", options.log.read_text(errors="replace"))
    missing = int(announced[1]) - len(cases) if announced else 0
    failed = sorted((case for case in cases if not passes(cases[case])), key=number)

    for case in failed:
        entry = cases[case]
        print(f"{case}: {entry['behavior']}, close {entry['behaviorClose']}: {reason(options.index, entry)}")
    if missing:
        print(f"{missing} of {len(cases) + missing} cases have no result")
    if options.table:
        options.table.write_text(table(cases))
    words = Counter(entry["behavior"] for entry in cases.values())
    print(f"==> {len(cases)} cases: " + ", ".join(f"{count} {word}" for word, count in sorted(words.items())))
    return 1 if failed or missing or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
