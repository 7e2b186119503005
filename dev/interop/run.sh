#!/usr/bin/env bash
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Clients that nobody here wrote talk to /echo of the built binary, over ws and wss. Any failure fails.
# usage: dev/interop/run.sh [PEER ...]      of: websockets curl node-ws chromium; default all
#
# All peers together write dev/interop/results.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
. dev/server.sh

output=.build/interop
mkdir -p "$output"
# A browser says where its page came from, so the server has to know the page's port beforehand.
page_port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
{
    # Pings come soon, so that a client that may not send one shows that it answers them.
    printf 'routes:\n  echo:\n    keep_alive:\n      interval: 500ms\n      timeout: 5s\n'
    printf '    protocols: [nightjar.two]\n'
    printf '    origins: [same, "http://127.0.0.1:%s"]\n' "$page_port"
} >"$output/nightjar.yaml"
server_options=(--config "$output/nightjar.yaml")

start_secure_server
urls=("ws://127.0.0.1:$server_port/echo" "wss://127.0.0.1:$server_secure_port/echo")
status=0
.venv/bin/python dev/interop/peers.py --page-port "$page_port" --certificate .build/dev/tls/certificate.pem \
    --table "$output/results.md" --peers "$*" "${urls[@]}" || status=$?
stop_server
if [ $status -eq 0 ] && [ $# -eq 0 ]; then cp "$output/results.md" dev/interop/results.md; fi
exit $status
