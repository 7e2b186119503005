#!/usr/bin/env bash
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs Autobahn's fuzzing client against /echo of the built binary, with the limits of conformance.yaml.
# usage: dev/autobahn/run.sh all|gate|CASES [EXCLUDED]      CASES: comma-separated patterns, such as '1.*,6.4.*'
# env:   AUTOBAHN_TRANSPORTS="ws wss"                 AUTOBAHN_JOBS=2 (clients at a time; default: one for each core)
#        AUTOBAHN_URL=wss://127.0.0.1:9001/           takes a server that runs already
#
#   all   the 517 cases over each transport; the counts have to be those of results.md. Nine tenths of the time is compression.
#   gate  what `make test` runs: over ws all but most of the compression cases, over wss a part of that.
#
# One client runs one case after the other and keeps one core busy, so the cases are dealt out to several clients.
# The full reports are in .build/autobahn/TRANSPORT/SHARD/reports.
set -euo pipefail
cd "$(dirname "$0")/../.."
. dev/server.sh

what=${1:?usage: dev/autobahn/run.sh all|gate|CASES [EXCLUDED]}
excluded=${2:-}
transports=${AUTOBAHN_TRANSPORTS:-ws wss}
jobs=${AUTOBAHN_JOBS:-$(nproc)}
url=${AUTOBAHN_URL:-}
output=$PWD/.build/autobahn
export WSTEST=${WSTEST:-$HOME/.cache/nightjar/autobahn/bin/wstest}

# shards TRANSPORT: one line of patterns for each run of the client, the long ones first.
shards() {
    case $what in
    all)
        # Sizes up to 128 KiB, a thousand messages each.
        printf '%s\n' 13.{1..7}.'*' 12.{1..5}.'*'
        printf '%s\n' '9.*' '6.*' '1.*,2.*,3.*,4.*,5.*,7.*,10.*'
        ;;
    gate)
        if [ "$1" = ws ]; then
            printf '%s\n' '9.*' '6.*' '7.*' '1.*,2.*,3.*,4.*,5.*,10.*'
            printf '%s\n' '12.1.1,12.1.2,12.1.3,12.1.4,12.1.5,12.1.6,12.1.7,12.1.8,12.2.1' \
                '13.1.1,13.2.1,13.3.1,13.4.1,13.5.1,13.6.1,13.7.1'
        else
            printf '%s\n' '9.1.*,9.2.*' '1.*,2.*,3.*,4.*,5.*,6.1.*,6.2.*,6.4.*,7.1.*,7.3.*,10.*'
            printf '%s\n' '12.1.1,12.1.8,13.1.1,13.4.1'
        fi
        ;;
    *) tr ';' '\n' <<<"$what" ;;
    esac
}

# 1.*,2.* becomes "1.*","2.*".
list() { sed 's/[^,][^,]*/"&"/g' <<<"$1"; }

# prepare TRANSPORT URL: a folder with a specification for each shard; prints the folders.
prepare() {
    local number=0 cases folder
    while read -r cases; do
        number=$((number + 1))
        folder=$output/$1/$number
        mkdir -p "$folder"
        cat >"$folder/client.json" <<JSON
{
    "outdir": "$folder/reports",
    "options": {"failByDrop": false},
    "servers": [{"agent": "Nightjar", "url": "$2"}],
    "cases": [$(list "$cases")],
    "exclude-cases": [$(list "$excluded")],
    "exclude-agent-cases": {}
}
JSON
        printf '%s\0' "$folder"
    done < <(shards "$1")
}

rm -rf "$output"
mkdir -p "$output"
if [ -n "$url" ]; then
    transports=${url%%:*}
else
    server_options=(--config dev/autobahn/conformance.yaml)
    # Two loops, whatever the machine: half of the connections are then on another loop than their script.
    export NIGHTJAR_THREADS_IO=${NIGHTJAR_THREADS_IO:-2}
    if [[ " $transports " != *" wss "* ]]; then
        start_server
    else
        start_secure_server
    fi
fi

begin=$SECONDS
reports=()
for transport in $transports; do
    port=$server_port
    [ "$transport" = ws ] || port=$server_secure_port
    target=${url:-$transport://127.0.0.1:$port/echo}
    echo "==> running Autobahn $what against $target, $jobs clients at a time"
    # A client that breaks has no report, and what has no report fails below.
    prepare "$transport" "$target" | xargs -0 -P "$jobs" -I {} \
        bash -c 'timeout 3600 "$WSTEST" -m fuzzingclient -s "$1/client.json" >"$1/wstest.log" 2>&1 || tail -n 20 "$1/wstest.log" >&2' _ {}
    reports+=("$transport=$output/$transport")
done
echo "==> $((SECONDS - begin)) s"

compare=()
if [ "$what" = all ] && [ -z "$excluded$url" ] && [ "$transports" = "ws wss" ]; then compare=(--all --compare dev/autobahn/results.md); fi
status=0
python3 dev/autobahn/results.py "${compare[@]}" --table .build/autobahn/results.md "${reports[@]}" || status=$?
stop_server
exit $status
