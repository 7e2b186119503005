#!/usr/bin/env python3
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
"""Have each peer talk to each URL, print what came of it, and write it down: peers.py [OPTION ...] URL ...

A peer is a program that takes a URL and a certificate and prints one JSON object: its version, and for each check
"ok", what was agreed, or "not in its API". Anything else fails.
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent

PEERS = {
    "websockets": [sys.executable, FOLDER / "websockets_peer.py"],
    "curl": [sys.executable, FOLDER / "curl_peer.py"],
    "node-ws": ["node", FOLDER / "node_peer.js"],
    "chromium": [sys.executable, FOLDER / "chromium_peer.py"],
}

CHECKS = {
    "text": "a text of several scripts",
    "binary": "all 256 bytes",
    "large": "a message of 1 MiB",
    "fragmented": "a message in three frames",
    "deflate": "permessage-deflate, as the peer offers it, and a text that compresses well",
    "ping": "the peer's ping is answered, or the peer answers the server's",
    "client_close": "the peer closes with 4001",
    "server_close": "the server closes with 1009",
    "protocol": "the peer offers two sub-protocols, of which the server speaks one",
}

# What has to be agreed, where the peer can offer it.
AGREED = {"deflate": "permessage-deflate", "protocol": "nightjar.two"}

PATIENCE = 90.0  # seconds for all checks of a peer


def run(name, url, options):
    command = [*PEERS[name], url, options.certificate, str(options.page_port)]
    # Debian's modules for Node lie where Node from elsewhere does not look.
    environment = {**os.environ, "NODE_PATH": "/usr/share/nodejs", "PYTHONPATH": str(FOLDER.parent.parent / "Tests/EndToEnd")}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return {"version": "?", "checks": {}, "trouble": f"no result within {PATIENCE:.0f} s"}
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return {"version": "?", "checks": {}, "trouble": f"no result, status {done.returncode}: {done.stderr[-500:]}"}


def fails(check, checks):
    text = checks.get(check, "FAILED: no result")
    return text != "not in its API" and not text.startswith(AGREED.get(check, "ok"))


def table(results):
    lines = [
        "# What other programs make of it",
        "",
        "`make interop`: clients that nobody here wrote talk to `/echo`. \"not in its API\" is what a peer gives its users no way to do.",
        "",
        "| peer | over | " + " | ".join(check.replace("_", " ") for check in CHECKS) + " |",
        "|---|---|" + "---|" * len(CHECKS),
    ]
    for (_, transport), result in results.items():
        cells = [result["checks"].get(check, "FAILED").replace("|", "/") for check in CHECKS]
        lines.append(f"| {result['version']} | {transport} | " + " | ".join(cells) + " |")
    lines += ["", *(f"- **{check.replace('_', ' ')}**: {text}" for check, text in CHECKS.items())]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--page-port", type=int, required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--peers", default="")
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("urls", nargs="+", metavar="URL")
    options = parser.parse_args()

    results, failed = {}, 0
    for name in options.peers.split() or PEERS:
        for url in options.urls:
            transport = url.partition(":")[0]
            result = results[name, transport] = run(name, url, options)
            checks = result["checks"]
            wrong = [check for check in CHECKS if fails(check, checks)]
            print(f"==> {result['version']} over {transport} ... {'failed' if wrong else 'ok'}")
            if "trouble" in result:
                print(f"    {name}: {result['trouble']}")
            for check, text in checks.items():
                print(f"    {check}: {text}" + (" (FAILED)" if check in wrong and "FAILED" not in text else ""))
            failed += bool(wrong)
    options.table.write_text(table(results))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
