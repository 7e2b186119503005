#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Judge Autobahn's reports: results.py [--all] [--table FILE.md] [--compare FILE.md] TRANSPORT=FOLDER ...

A FOLDER holds one folder for each run of the client, with its wstest.log and reports/index.json. A case has two results:
its behavior, and how the connection ended. OK passes; INFORMATIONAL passes where the suite has no other word to give. Everything
else fails (NON-STRICT, FAILED, UNCLEAN, WRONG CODE, FAILED BY CLIENT, UNIMPLEMENTED), and so does a case that a log announced
and its report lacks. Prints each case that fails with Autobahn's own reason.

--all: there have to be all of the suite's cases. --table writes the counts of each group. --compare: they have to be those of this file.
"""
import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

# Of these the suite only notes what the server does, whatever that is: what follows a Close, and close codes
# that RFC 6455 says nothing about.
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}

# The groups' names, and how many cases each has in autobahntestsuite 25.10.1.
GROUPS = {
    1: ("Framing", 16),
    2: ("Pings and pongs", 11),
    3: ("Reserved bits", 7),
    4: ("Opcodes", 10),
    5: ("Fragmentation", 20),
    6: ("UTF-8 handling", 145),
    7: ("Close handling", 37),
    9: ("Limits and performance", 54),
    10: ("Miscellaneous", 1),
    12: ("Compression, different sizes", 90),
    13: ("Compression, different parameters", 126),
}

HEAD = """# Autobahn results

`make autobahn` against `/echo`, with the limits of [`conformance.yaml`](conformance.yaml). A case passes if its behavior and its
close are OK; 7.1.6, 7.13.1 and 7.13.2 give no judgement and count as informational. Everything else counts as failed:
NON-STRICT, UNCLEAN, UNIMPLEMENTED and a wrong close code too.

| transport | group | cases | OK | informational | failed |
|---|---|---|---|---|---|
"""


def number(case):
    """`6.4.1` sorts before `6.12.1`."""
    return [int(part) for part in case.split(".")]


def passes(case, entry):
    allowed = {"OK", "INFORMATIONAL"} if case in INFORMATIONAL else {"OK"}
    return {entry["behavior"], entry["behaviorClose"]} <= allowed


def reason(entry):
    """What Autobahn says of one case: a sentence about the part that failed."""
    report = json.loads(entry["report"].read_text(errors="replace"))
    return report["result"] if entry["behavior"] != "OK" else report["resultClose"]


def read(folder):
    """All cases of a transport, and complaints about clients that broke."""
    cases, complaints = {}, []
    for log in sorted(folder.glob("*/wstest.log")):
        index = log.parent / "reports" / "index.json"
        announced = re.search(r"will run (\d+) test cases", log.read_text(errors="replace"))
        found = {}
        if index.exists():
            for entries in json.loads(index.read_text()).values():
                found.update(entries)
        if not announced or int(announced[1]) != len(found) or not found:
            wanted = announced[1] if announced else "its"
            complaints.append(f"{log}: {len(found)} of {wanted} cases have a result")
        for case, entry in found.items():
            cases[case] = {**entry, "report": index.parent / entry["reportfile"]}
    return cases, complaints


def count(cases):
    rows = {}
    for case, entry in cases.items():
        group = rows.setdefault(number(case)[0], Counter())
        group["cases"] += 1
        group[entry["behavior"] if passes(case, entry) else "failed"] += 1
    return rows


def row(transport, name, counts):
    return f"| {transport} | {name} | {counts['cases']} | {counts['OK']} | {counts['INFORMATIONAL']} | {counts['failed']} |\n"


def table(results):
    """The counts as Markdown; without dates or times, so that equal results are equal files."""
    text = HEAD
    for transport, cases in results.items():
        rows = count(cases)
        for group, counts in sorted(rows.items()):
            text += row(transport, f"{group} {GROUPS[group][0]}", counts)
        text += row(transport, "all", sum(rows.values(), Counter()))
    return text


def judge(transport, folder, whole):
    """The cases of a transport, and what is wrong with them, a line each."""
    cases, complaints = read(folder)
    for case in sorted(cases, key=number):
        entry = cases[case]
        if not passes(case, entry):
            complaints.append(f"{case}: {entry['behavior']}, close {entry['behaviorClose']}: {reason(entry)}")
    if not cases:
        complaints.append("no case ran")
    if whole:
        counts = count(cases)
        for group, (name, wanted) in GROUPS.items():
            ran = counts.get(group, Counter())["cases"]
            if ran != wanted:
                complaints.append(f"group {group} {name}: {ran} of {wanted} cases ran")
    words = Counter(entry["behavior"] for entry in cases.values())
    print(f"==> {transport}: {len(cases)} cases: " + ", ".join(f"{n} {word}" for word, n in sorted(words.items())))
    return cases, [f"{transport} {complaint}" for complaint in complaints]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--compare", type=Path)
    parser.add_argument("reports", nargs="+", metavar="TRANSPORT=FOLDER")
    options = parser.parse_args()

    results, complaints = {}, []
    for report in options.reports:
        transport, _, folder = report.partition("=")
        results[transport], wrong = judge(transport, Path(folder), options.all)
        complaints += wrong
    text = table(results)
    if options.table:
        options.table.write_text(text)
    if options.compare and options.compare.read_text() != text:
        new = options.table or "the table of this run"
        complaints.append(f"the counts are not those of {options.compare}; if they are better, commit {new} in its place")
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
