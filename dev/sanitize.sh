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
suites=(WebSocketCoreTests LuaRuntimeTests NightjarServerTests NightjarTests FuzzTests)

# run_suite SANITIZER FOLDER SUITE [FLAG ...]
run_suite() {
    timeout -k 10 900 swift test --skip-build --sanitize="$1" --scratch-path "$2" --filter "$3" "${@:4}" </dev/null
}

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
    address)
        swift build --build-tests --sanitize=address --scratch-path .build-asan </dev/null
        # The server's tests end with connections open, and houses whose parts hold each other; the others give back everything.
        for suite in "${suites[@]}"; do
            leaks=1
            [[ $suite != Nightjar* ]] || leaks=0
            ASAN_OPTIONS=detect_leaks=$leaks LSAN_OPTIONS=suppressions=$PWD/dev/leaks.supp run_suite address .build-asan "$suite"
        done
        ;;
    thread)
        # Lua leaves by _longjmp, which TSan does not see: its record of the functions that run would grow with each error, and
        # then overrun.
        no_stack=(-Xcc -mllvm -Xcc -tsan-instrument-func-entry-exit=0)
        swift build --build-tests --sanitize=thread --scratch-path .build-tsan "${no_stack[@]}" </dev/null
        # One by one: all at once, two cores are busy for ten minutes with what takes two.
        for suite in "${suites[@]}"; do
            TSAN_OPTIONS=halt_on_error=1 run_suite thread .build-tsan "$suite" "${no_stack[@]}"
        done
        ;;
    *)
        echo "error: $sanitizer is none of address, thread, undefined" >&2
        exit 1
        ;;
    esac
done
echo "==> clean"
