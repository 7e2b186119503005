#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""The servers that are measured, each pinned to the first core, and what loads them from the second."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

from works import SECS

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORK = ROOT / ".build/dev/bench"
CORES = sorted(os.sched_getaffinity(0))


def output(*command, **options):
    """What a command says, without the line's end; nothing when it is not there or fails."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def pinned(core, command):
    return ["taskset", "-c", str(CORES[min(core, len(CORES) - 1)]), *map(str, command)]


def compile_c(source, target, *options):
    """True when the target is there and newer than its source, or could be made so."""
    source, target = ROOT / "Benchmarks" / source, WORK / target
    if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
        return True
    compiler = shutil.which("cc") or shutil.which("clang") or shutil.which("gcc") or "cc"
    run = subprocess.run([compiler, *"-Wall -Wextra -o".split(), target, source, *options], capture_output=True, text=True)
    return run.returncode == 0


class Server:
    """One server process on the first core."""

    def __init__(self, name, command, environment=None):
        self.name, self.lost = name, False
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [str(part).replace("PORT", str(self.port)) for part in command]
        log = open(WORK / f"{re.sub('[^a-z]+', '-', name.lower())}.log", "w")
        self.process = subprocess.Popen(
            pinned(0, command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **(environment or {})}
        )
        log.close()
        self.wait(log.name)
        # What has looked whether it is there is gone by then.
        time.sleep(0.3)
        self.at_rest = self.descriptors()

    def wait(self, log):
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        raise OSError(f"{self.name} did not start; see {log}")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def rest(self):
        """Waits until the server has closed what the clients that are gone have left; then its count of descriptors."""
        for _ in range(200):
            if self.descriptors() <= self.at_rest:
                break
            time.sleep(0.05)
        return self.descriptors()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def nightjar(name, scripts, **settings):
    binary = os.environ.get("NIGHTJAR_BIN") or ROOT / ".build/release/nightjar"
    own = {"NIGHTJAR_THREADS_IO": "1", "NIGHTJAR_DRAIN_WINDOW": "0", **settings}
    # The server refuses names of the environment that it does not know, and this one is ours.
    command = ["env", "-u", "NIGHTJAR_BIN", binary, "serve", scripts, "--host", "127.0.0.1", "--port", "PORT"]
    return Server(name, command, own)


def load(server, path, *options, secs=SECS):
    """One run of the load generator, as a dictionary."""
    command = [WORK / "wsload", "--url", f"127.0.0.1:{server.port}{path}", "--server-pid", server.process.pid, "--json"]
    command += ["--secs", secs, "--warmup", 0.5, *options]
    try:
        run = subprocess.run(pinned(1, command), capture_output=True, text=True, timeout=secs + 90)
        return json.loads(run.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return {"errors": 1}
