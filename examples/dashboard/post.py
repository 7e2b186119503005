#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Posts this machine's load and free memory, and a wandering number, until it is stopped. The key is DASHBOARD_KEY.

usage: DASHBOARD_KEY=… post.py [http://127.0.0.1:8080/dashboard] [--every SECONDS] [--count N]
"""
import argparse
import itertools
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request


def free_memory():
    """Free memory in MiB, where the system tells it."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return {"free memory (MiB)": int(fields["MemAvailable"].split()[0]) // 1024}
    except (OSError, KeyError):
        return {}


def readings():
    number = 50.0
    while True:
        number = min(100, max(0, number + random.uniform(-5, 5)))
        yield {"load": round(os.getloadavg()[0], 2), "wandering": round(number, 1)} | free_memory()


def post(url, key, values):
    request = urllib.request.Request(
        url,
        data=json.dumps(values).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8080/dashboard")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two posts")
    parser.add_argument("--count", type=int, default=0, help="posts, then end; 0 (the default) never ends")
    arguments = parser.parse_args()
    key = os.environ.get("DASHBOARD_KEY")
    if not key:
        sys.exit("set DASHBOARD_KEY to the key that the server was started with")
    for values in itertools.islice(readings(), arguments.count or None):
        try:
            post(arguments.url, key, values)
        except urllib.error.HTTPError as error:
            sys.exit(f"refused with {error.code}: {error.read().decode(errors='replace')}")
        except OSError as error:
            print(f"not posted: {error}", file=sys.stderr)
        time.sleep(arguments.every)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
