#!/usr/bin/env bash
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs the load generator against /echo on one event loop and on two, prints a table, fails on any error.
# Every reply is checked for length, order and content. Compare only what ran within minutes on the same machine.
# The table is written to Benchmarks/load.md.
# usage: dev/load.sh          env: LOAD_SECONDS=5 (measured, for each row), LOAD_IDLE=10000 (connections)
set -euo pipefail
cd "$(dirname "$0")/.."
. dev/server.sh

seconds=${LOAD_SECONDS:-5}
idle=${LOAD_IDLE:-10000}
wsload=.build/dev/wsload
errors=0

# Both ends hold one descriptor for each connection, and the server keeps a tenth back.
ulimit -n "$(ulimit -Hn)"

mkdir -p .build/dev
if [ Benchmarks/wsload.c -nt $wsload ]; then
    echo "==> compiling wsload"
    "$(command -v cc || command -v clang || command -v gcc)" -O2 -Wall -Wextra -o $wsload Benchmarks/wsload.c
fi

# field NAME: its number in the JSON line of a run.
field() {
    sed -n "s/.*\"$1\":\(-\{0,1\}[0-9.]*\)[,}].*/\1/p" <<<"$run"
}

# load OPTION...: one run of wsload; its JSON line goes to `run`, its errors to the sum.
load() {
    run=$($wsload --url "127.0.0.1:$server_port/echo" --server-pid "$server_pid" --json "$@") || true
    [ -n "$run" ] || {
        echo "error: wsload $* gave no result" >&2
        exit 1
    }
    errors=$((errors + $(field errors)))
}

table=.build/dev/load.md
cat >"$table" <<'HEAD'
# Load

`make load`: the load generator (`Benchmarks/wsload.c`) against `/echo` of the release build, both on one machine that they share
with whatever else runs. Every reply is checked for length, order and content. The machine's speed moves by a third within minutes: the
errors are a result, the figures a rough measure.

| loops | load | messages/s | p50 µs | p99 µs | CPU µs/message | errors |
|---|---|---|---|---|---|---|
HEAD

echo "==> loading /echo, $seconds s a row"
printf '%5s  %-24s %12s %9s %9s %12s %7s\n' loops load messages/s "p50 µs" "p99 µs" "CPU µs/msg" errors
for loops in 1 2; do
    start_server NIGHTJAR_THREADS_IO=$loops NIGHTJAR_DRAIN_WINDOW=0
    while read -r connections size depth; do
        load --conns "$connections" --size "$size" --depth "$depth" --secs "$seconds" --warmup 1
        printf '%5s  %-24s %12s %9s %9s %12s %7s\n' $loops "$connections x $size B, depth $depth" \
            "$(field msgs_per_s)" "$(field p50_us)" "$(field p99_us)" "$(field srv_cpu_us_per_msg)" "$(field errors)"
        printf '| %s | %s | %s | %s | %s | %s | %s |\n' $loops "$connections × $size B, depth $depth" \
            "$(field msgs_per_s)" "$(field p50_us)" "$(field p99_us)" "$(field srv_cpu_us_per_msg)" "$(field errors)" >>"$table"
    done <<'ROWS'
64 32 1
64 32 16
256 1024 1
8 64000 1
ROWS
    stop_server
done

start_server NIGHTJAR_DRAIN_WINDOW=0
load --mode idle --conns "$idle" --touch --secs "$seconds" --warmup 1
held=$(printf '%s idle connections: %s B of memory each, %s s of CPU in %s s, %s errors' \
    "$idle" "$(field rss_per_conn_b)" "$(field idle_cpu_s)" "$seconds" "$(field errors)")
echo "==> $held"
printf '\n%s.\n' "$held" >>"$table"
stop_server

[ "$errors" -eq 0 ] || {
    echo "error: $errors errors" >&2
    exit 1
}
cp "$table" Benchmarks/load.md
