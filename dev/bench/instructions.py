#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Counts the instructions of each core bench under callgrind, and fails beyond 5 % over Benchmarks/instructions.tsv.

A count is the difference of two runs, of which one does twice as much: what start and end take cancels out.
Environment: UPDATE=yes writes the counts into the table instead.
"""
import concurrent.futures
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = ROOT / ".build/release/cores"
TABLE = ROOT / "Benchmarks/instructions.tsv"
TOLERANCE = 0.05
COUNT = 1_000
# What takes ten thousand steps each.
FEWER = {"loop": 50, "loop-without-budgets": 50}
# Lua runs as fast with budgets as without.
BUDGETED, UNBUDGETED, BUDGET_TOLERANCE = "loop", "loop-without-budgets", 0.02

# The C library takes its string functions by the processor, so it is told of the plainest; Swift seeds its hashes anew each
# time.
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-BMI2,-MOVBE,-RTM",
    "SWIFT_DETERMINISTIC_HASHING": "1",
    "SWIFT_BACKTRACE": "enable=no",
}


def instructions(binary, name, count):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", binary, name, str(count)]
    environment = {**ENVIRONMENT, "LD_PRELOAD": binary.with_name("constant_time.so")}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or not collected:
        sys.exit(f"error: {name} failed under valgrind:\n{run.stderr}")
    return int(collected.group(1))


def measure(binary, name):
    count = FEWER.get(name, COUNT)
    once, twice = (instructions(binary, name, times * count) for times in [1, 2])
    return name, (twice - once) / count


def main():
    if platform.machine() != "x86_64":
        print("==> instructions are not counted: the table is for x86-64")
        return
    with tempfile.TemporaryDirectory() as folder:
        # valgrind cannot read the debug information of Swift's compiler.
        binary = pathlib.Path(folder) / "cores"
        shutil.copy(BINARY, binary)
        subprocess.run(["strip", "-g", binary], check=True)
        compiler = shutil.which("cc") or shutil.which("clang") or "gcc"
        preloaded = [ROOT / "Benchmarks/constant_time.c", "-o", binary.with_name("constant_time.so")]
        subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", *preloaded], check=True)
        names = subprocess.run([binary], capture_output=True, text=True, check=True).stdout.split()
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            counts = dict(pool.map(lambda name: measure(binary, name), names))
    known = {}
    if TABLE.exists():
        known = dict(line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#"))
    over, under = [], []
    print(f"{'bench':16} {'instructions':>12} {'threshold':>10} {'change':>8}")
    for name, count in counts.items():
        before = float(known.get(name, 0))
        change = f"{count / before - 1:+.1%}" if before else "new"
        print(f"{name:16} {count:12,.0f} {before:10,.0f} {change:>8}")
        if not before or count > before * (1 + TOLERANCE):
            over.append(name)
        elif count < before * (1 - TOLERANCE):
            under.append(name)
    budgets = counts[BUDGETED] / counts[UNBUDGETED] - 1
    print(f"==> budgets make a loop {budgets:+.2%}")
    if budgets > BUDGET_TOLERANCE:
        sys.exit(f"error: budgets may cost {BUDGET_TOLERANCE:.0%}")
    if os.environ.get("UPDATE") == "yes":
        comments = [line for line in TABLE.read_text().splitlines() if line.startswith("#")] if TABLE.exists() else []
        TABLE.write_text("\n".join([*comments, *(f"{name}\t{count:.0f}" for name, count in counts.items())]) + "\n")
        print(f"==> {TABLE.relative_to(ROOT)} is written")
    elif over or counts.keys() != known.keys():
        gone = known.keys() - counts.keys()
        sys.exit(
            f"error: beyond {TOLERANCE:.0%} of Benchmarks/instructions.tsv, or not in it: {', '.join(over) or 'none'}"
            + (f"; in it and gone: {', '.join(gone)}" if gone else "")
            + "\nIf the cost is meant, write the new counts with UPDATE=yes make bench-instructions, and say why in the commit."
        )
    elif under:
        print(f"==> less than before: {', '.join(under)}; UPDATE=yes make bench-instructions keeps it so")


main()
