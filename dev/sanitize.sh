#!/usr/bin/env bash
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs the unit tests under the sanitizers, each in a build folder of its own, and the Lua runtime's out-of-memory driver
# under ASan and UBSan. Any report is a failure.
# usage: dev/sanitize.sh [address|thread|undefined ...]      (default: all three; undefined is the driver)
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- undefined address thread

clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
export SWIFT_BACKTRACE=enable=no
for sanitizer in "$@"; do
    echo "==> running the tests under the $sanitizer sanitizer"
    case $sanitizer in
    undefined)
        mkdir -p .build/dev
        # shellcheck disable=SC2046
        "$clang" -std=c11 -g -O1 -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=all \
            -ISources/CLuaRuntime/include $(pkg-config --cflags lua5.4) Tests/CLuaRuntimeTests/oom.c \
            Sources/CLuaRuntime/*.c -o .build/dev/oom-sanitized $(pkg-config --libs lua5.4)
        ASAN_OPTIONS=detect_leaks=1 timeout -k 10 600 .build/dev/oom-sanitized </dev/null
        ;;
    address) ASAN_OPTIONS=detect_leaks=1 LSAN_OPTIONS=suppressions=$PWD/dev/leaks.supp timeout -k 10 3600 \
        swift test --sanitize=address --scratch-path .build-asan </dev/null ;;
    thread) TSAN_OPTIONS=halt_on_error=1 timeout -k 10 3600 \
        swift test --sanitize=thread --scratch-path .build-tsan </dev/null ;;
    *)
        echo "error: $sanitizer is none of address, thread, undefined" >&2
        exit 1
        ;;
    esac
done
echo "==> clean"
