#!/usr/bin/env bash
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs Autobahn's fuzzing client against /echo of the built binary. Anything but OK or INFORMATIONAL fails.
# usage: dev/autobahn/run.sh [CASES [EXCLUDED]]      comma-separated patterns, such as '1.*,6.4.*'
# env:   AUTOBAHN_URL=ws://127.0.0.1:9001/           takes a server that runs already
#
# Without arguments it runs the gate: groups 1-7 and 10 (9 measures speed, 12 and 13 compression), and writes
# dev/autobahn/results.md. The full reports are in .build/autobahn.
set -euo pipefail
cd "$(dirname "$0")/../.."
. dev/server.sh

gate='1.*,2.*,3.*,4.*,5.*,6.*,7.*,10.*'
cases=${1:-$gate}
excluded=${2:-}
wstest=${WSTEST:-$HOME/.cache/nightjar/autobahn/bin/wstest}
output=$PWD/.build/autobahn

url=${AUTOBAHN_URL:-}
if [ -z "$url" ]; then
    # Two loops, whatever the machine: half of the connections are then on another loop than their script.
    start_server NIGHTJAR_THREADS_IO="${NIGHTJAR_THREADS_IO:-2}"
    url=ws://127.0.0.1:$server_port/echo
fi

rm -rf "$output"
mkdir -p "$output"
# 1.*,2.* becomes "1.*", "2.*".
list() { sed 's/[^,][^,]*/"&"/g' <<<"$1"; }
cat >"$output/client.json" <<JSON
{
    "outdir": "$output/reports",
    "options": {"failByDrop": false},
    "servers": [{"agent": "Nightjar", "url": "$url"}],
    "cases": [$(list "$cases")],
    "exclude-cases": [$(list "$excluded")],
    "exclude-agent-cases": {}
}
JSON

echo "==> running Autobahn $cases against $url"
timeout 3600 "$wstest" -m fuzzingclient -s "$output/client.json" >"$output/wstest.log" 2>&1 || {
    tail -n 20 "$output/wstest.log" >&2
    exit 1
}
table=()
if [ "$cases" = "$gate" ] && [ -z "$excluded${AUTOBAHN_URL:-}" ]; then table=(--table dev/autobahn/results.md); fi
python3 dev/autobahn/results.py "${table[@]}" --log "$output/wstest.log" "$output/reports/index.json"
stop_server
