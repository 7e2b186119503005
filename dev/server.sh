#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by the tools that need a running server. It is stopped by its process id when the tool ends.

server_binary=${NIGHTJAR_BIN:-.build/release/nightjar}
server_options=()
server_scripts=scripts
server_pid=
server_port=
server_secure_port=
server_log=.build/dev/server.log

# start_server [NAME=VALUE ...]: serves server_scripts on a free port, with server_options as further arguments and with
# these variables of the environment.
start_server() {
    serve --host 127.0.0.1 --port 0 -- "$@"
}

# start_secure_server [NAME=VALUE ...]: the same, over TLS too, on server_secure_port, with a certificate of its own.
start_secure_server() {
    local folder=.build/dev/tls
    mkdir -p "$folder"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
        -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>/dev/null
    serve -- NIGHTJAR_LISTEN=ws://127.0.0.1:0,wss://127.0.0.1:0 \
        NIGHTJAR_TLS_CERTIFICATE="$folder/certificate.pem" NIGHTJAR_TLS_KEY="$folder/key.pem" "$@"
    server_secure_port=$(sed -n 's|.*wss://127\.0\.0\.1:\([0-9]*\).*|\1|p' "$server_log" | head -n 1)
    [ -n "$server_secure_port" ] || {
        echo "error: the server names no wss:// address in $server_log" >&2
        return 1
    }
}

# serve [ARGUMENT ...] -- [NAME=VALUE ...]
serve() {
    local arguments=()
    while [ "$1" != -- ]; do
        arguments+=("$1")
        shift
    done
    shift
    [ -x "$server_binary" ] || {
        echo "error: $server_binary is missing; run: make build" >&2
        return 1
    }
    mkdir -p "${server_log%/*}"
    # The file would go on counting for the next server, so each gets a new one.
    rm -f "$server_log"
    # The server refuses names of the environment that it does not know, and this one is ours.
    env -u NIGHTJAR_BIN "$@" "$server_binary" serve "$server_scripts" "${arguments[@]}" "${server_options[@]}" >"$server_log" 2>&1 &
    server_pid=$!
    for _ in $(seq 200); do
        # The start text names each route with its URL.
        server_port=$(sed -n 's|.*[^a-z]ws://127\.0\.0\.1:\([0-9]*\).*|\1|p' "$server_log" 2>/dev/null | head -n 1)
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
