#!/usr/bin/env bash
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing for a purpose, and nothing else. Asks no question; says nothing when all is there.
# usage: dev/setup.sh build|test|browser|bench|autobahn|interop
#
# A package is judged by what it brings, not by its name: another source of the same tool is as good.
set -euo pipefail
cd "$(dirname "$0")/.."

SWIFT_NEEDED=6.2
PYTHON_NEEDED=3.9

fail() {
    echo "error: $*" >&2
    exit 1
}

# at_least 6.2 6.10.1: true when the second version is not older than the first.
at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

check_swift() {
    command -v swift >/dev/null ||
        fail "Swift is missing. Get $SWIFT_NEEDED or later from https://www.swift.org/install/linux/ and put it in PATH."
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    at_least "$SWIFT_NEEDED" "${version:-0}" ||
        fail "Swift ${version:-?} is too old: get $SWIFT_NEEDED or later from https://www.swift.org/install/linux/."
}

missing=()

need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

has_c_compiler() {
    command -v cc || command -v clang || command -v gcc
}

has_lua() {
    command -v pkg-config && pkg-config --exists lua5.4
}

has_zlib() {
    command -v pkg-config && pkg-config --exists zlib
}

install_missing() {
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "==> installing ${missing[*]}"
    command -v apt-get >/dev/null ||
        fail "this system has no apt-get; install what gives ${missing[*]} on Debian, then run this again."
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        # -n: without a prompt; a password has to be given beforehand.
        sudo -n true 2>/dev/null ||
            fail "installing needs root and sudo wants a password. Run: sudo apt-get install ${missing[*]}"
        root=(sudo -n)
    fi
    local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
    "${apt[@]}" update </dev/null
    "${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null
}

# The virtual environment of the end-to-end tests; made again when the pinned versions change.
make_venv() {
    local pins=Tests/EndToEnd/requirements.txt
    cmp -s "$pins" .venv/requirements.txt && return 0
    at_least "$PYTHON_NEEDED" "$(python3 -c 'import platform; print(platform.python_version())')" ||
        fail "the end-to-end tests need Python $PYTHON_NEEDED or later."
    echo "==> installing the end-to-end tests' packages into .venv"
    python3 -m venv --clear .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --requirement "$pins"
    cp "$pins" .venv/requirements.txt
}

check_swift
need pkg-config command -v pkg-config
need liblua5.4-dev has_lua
need zlib1g-dev has_zlib
case ${1:-} in
build) ;;
test)
    need gcc has_c_compiler
    need python3 command -v python3
    need python3-venv python3 -c 'import ensurepip, venv'
    need valgrind command -v valgrind
    need libc6-dbg valgrind --quiet true
    ;;
browser)
    need python3 command -v python3
    need python3-venv python3 -c 'import ensurepip, venv'
    need chromium command -v chromium
    ;;
bench)
    need gcc has_c_compiler
    need python3 command -v python3
    ;;
autobahn)
    need openssl command -v openssl
    need python3 command -v python3
    need python3-venv python3 -c 'import ensurepip, venv'
    ;;
interop)
    need openssl command -v openssl
    need python3 command -v python3
    need python3-venv python3 -c 'import ensurepip, venv'
    need curl command -v curl
    need nodejs command -v node
    need node-ws env NODE_PATH=/usr/share/nodejs node -e 'require("ws")'
    need chromium command -v chromium
    ;;
*) fail "usage: dev/setup.sh build|test|browser|bench|autobahn|interop" ;;
esac
install_missing

# want NAME PACKAGE COMMAND...: a server that the bench runs beside ours when it can be had, and leaves out when not.
want() {
    local name=$1
    missing=()
    shift
    need "$@"
    (install_missing) || echo "==> $name cannot be installed; the bench leaves it out"
}

if [ "$1" = bench ] && [ "${PEERS:-}" != no ]; then
    want libwebsockets libwebsockets-dev pkg-config --exists libwebsockets
    want node nodejs command -v node
    want ws node-ws env NODE_PATH=/usr/share/nodejs node -e 'require("ws")'
    want Go golang-go command -v go
    want gorilla golang-github-gorilla-websocket-dev test -d /usr/share/gocode/src/github.com/gorilla/websocket
    want websockets python3-websockets /usr/bin/python3 -c 'import websockets'
    want uvloop python3-uvloop /usr/bin/python3 -c 'import uvloop'
fi
case $1 in
test | browser | interop) make_venv ;;
esac
