#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by the tools that need a running server. It is stopped by its process id when the tool ends.

server_pid=
server_port=
server_log=.build/dev/server.log

# start_server [NAME=VALUE ...]: serves scripts/ on a free port with these variables of the environment.
start_server() {
    local binary=${NIGHTJAR_BIN:-.build/release/nightjar}
    [ -x "$binary" ] || {
        echo "error: $binary is missing; run: make build" >&2
        return 1
    }
    mkdir -p "${server_log%/*}"
    # The file would go on counting for the next server, so each gets a new one.
    rm -f "$server_log"
    # The server refuses names of the environment that it does not know, and this one is ours.
    env -u NIGHTJAR_BIN "$@" "$binary" serve scripts --host 127.0.0.1 --port 0 >"$server_log" 2>&1 &
    server_pid=$!
    for _ in $(seq 200); do
        # The start text names each route with its URL.
        server_port=$(sed -n 's|.*ws://127\.0\.0\.1:\([0-9]*\)/.*|\1|p' "$server_log" 2>/dev/null | head -n 1)
        [ -z "$server_port" ] || return 0
        kill -0 "$server_pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "error: the server did not start:" >&2
    cat "$server_log" >&2
    return 1
}

# stop_server: asks it to drain, and returns its exit code.
stop_server() {
    [ -n "$server_pid" ] || return 0
    local pid=$server_pid
    server_pid=
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid"
}

trap stop_server EXIT
