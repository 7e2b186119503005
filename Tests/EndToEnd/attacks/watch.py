#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""What holds for every attack, in one place: the server lives, others are served in time, and the memory comes back.

    with under_attack(server) as watch:
        …
        watch.wait_for_count("fragments", 1)
        assert watch.growth() < MIB

On leaving, the process has to be alive, the echoes of a client that does no harm have had a 99th percentile below 50 ms
while the attack went on, and within 5 s the resident memory is back within 10 % (and a small constant) of the start.
"""
import json
import math
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

KIB = 1024
MIB = 1024 * KIB

# Whether a test runs as large and as long as its row in docs/security-tests.md says, or reduced.
SOAK = os.environ.get("NIGHTJAR_SOAK") == "1"

# The innocent client's 99th percentile in milliseconds.
P99_LIMIT = 50
# A machine on which it is more than this before the attack says nothing about the server: the attack waits for a calm.
BASELINE_LIMIT = 20
BASELINE_SECONDS = 0.5
CALM_PATIENCE = 60

# What ends sooner says nothing about others: fewer echoes than this, and the test is at fault.
SHORTEST_SECONDS = 0.5
FEWEST_ECHOES = 20

RECOVERY_SECONDS = 5
# Pages that the first use of code and the allocator's arenas cost once.
RECOVERY_ALLOWANCE = 4 * MIB

# One line of JSON for each attack goes to this file, when it is named.
FIGURES = os.environ.get("NIGHTJAR_ATTACK_FIGURES")


def sized(reduced, whole):
    """`whole` in the soak run, and `reduced` else."""
    return whole if SOAK else reduced


def percentile(values, fraction):
    """The smallest value that this fraction of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


class Innocent:
    """The process that sends an echo every 10 ms."""

    def __init__(self, port, path):
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("innocent.py"), str(port), path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def times(self):
        """The round trips since the last call, in milliseconds."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the innocent client's connection broke"
        return json.loads(line)

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Watch:
    """What an attack does to the server: memory from /proc, and the innocent client's round trips."""

    def __init__(self, server, innocent):
        self.server = server
        self.pid = server.process.pid
        self.innocent = innocent
        self.counted = server.metrics()
        self.start = self.resident()
        self.began = time.monotonic()
        # From here on the kernel notes the peak anew.
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def status(self, field):
        """A field of the process's status that counts in KiB, as bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * KIB
        raise AssertionError(f"no {field}: the server's process is gone")

    def repeating(self, seconds=SHORTEST_SECONDS):
        """Rounds of an attack that would be over too soon for the innocent client to notice."""
        while True:
            yield
            if time.monotonic() - self.began >= seconds:
                return

    def resident(self):
        return self.status("VmRSS")

    def growth(self):
        """How much more memory than at the start was resident at the attack's worst moment, in bytes."""
        return self.status("VmHWM") - self.start

    def wait_for_count(self, limit, count):
        """Waits until the metrics say that a limit acted so many times since the start, and holds that it is not more."""
        name = f'nightjar_limit_exceeded_total{{limit="{limit}"}}'
        acted = self.server.wait_for_metric(name, self.counted[name] + count) - self.counted[name]
        assert acted == count, f"the limit {limit} acted {acted} times, and not {count}"

    def sockets(self):
        """Sockets that the server has open."""
        count = 0
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                count += os.readlink(entry).startswith("socket:")
            except FileNotFoundError:
                pass
        return count

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def wait_until(holds, seconds, what):
    """Looks 50 times a second until `holds()` is true; fails with `what` after so many seconds."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return found


@contextmanager
def under_attack(server, path="/echo", p99=P99_LIMIT):
    """Watches the server for as long as the block attacks it; `path` is the route that answers the innocent client."""
    innocent = Innocent(server.port, path)
    try:
        innocent.times()
        baseline = calm(innocent)
        watch = Watch(server, innocent)
        yield watch
        times = innocent.times()
        assert server.process.poll() is None, "the server's process has ended"
        seconds = time.monotonic() - watch.began
        during, peak = percentile(times, 0.99), watch.growth()
        allowed = watch.start * 1.1 + RECOVERY_ALLOWANCE
        end = time.monotonic() + RECOVERY_SECONDS
        while (after := watch.resident()) > allowed and time.monotonic() < end:
            time.sleep(0.1)
        record(baseline, during, len(times), seconds, watch.start, peak, after)
        assert len(times) >= FEWEST_ECHOES or during >= p99, f"{len(times)} echoes are too few: repeat the attack"
        assert during < p99, f"the innocent client's p99 was {during:.1f} ms, {baseline:.1f} ms before the attack"
        assert after <= allowed, f"{after >> 10} KiB are resident 5 s after the attack, {watch.start >> 10} KiB before it"
        # And it is still served.
        innocent.times()
    finally:
        innocent.stop()


def calm(innocent):
    """The innocent client's p99 without an attack, once that is low enough to measure anything by."""
    end = time.monotonic() + CALM_PATIENCE
    while True:
        time.sleep(BASELINE_SECONDS)
        baseline = percentile(innocent.times(), 0.99)
        if baseline <= BASELINE_LIMIT:
            return baseline
        if time.monotonic() > end:
            pytest.fail(f"the machine is too busy: p99 is {baseline:.1f} ms without an attack; run this again later")


def record(baseline, during, echoes, seconds, start, peak, after):
    if not FIGURES:
        return
    figures = {
        "test": os.environ.get("PYTEST_CURRENT_TEST", "").split(" ")[0].rpartition("/")[2],
        "p99_before_ms": round(baseline, 1),
        "p99_ms": round(during, 1),
        "echoes": echoes,
        "seconds": round(seconds, 1),
        "rss_start_mib": round(start / MIB, 1),
        "rss_peak_mib": round((start + peak) / MIB, 1),
        "rss_after_mib": round(after / MIB, 1),
    }
    with open(FIGURES, "a", encoding="utf-8") as file:
        file.write(json.dumps(figures) + "\n")
