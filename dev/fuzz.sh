#!/usr/bin/env bash
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Fuzzes each target for a while, adds what reaches new code to Fuzz/corpus/TARGET, keeps what failed in
# Fuzz/failures/TARGET, and writes the figures to Fuzz/results.md. `make test` replays both folders.
# usage: dev/fuzz.sh [--time SECONDS] [TARGET ...]      (default: 600 seconds for every target)
set -euo pipefail
cd "$(dirname "$0")/.."

time=600
if [ "${1:-}" = --time ]; then
    time=${2:?--time wants seconds}
    shift 2
fi
[ $# -gt 0 ] || set -- $(sed -n 's/^    case \([a-z]*\)$/\1/p' Fuzz/Properties/FuzzTarget.swift)

# A kept corpus stays small, so that its replay takes no time.
corpus_files=300
input_bytes=1024
work=.build-fuzz/corpora
binary=.build-fuzz/release/fuzz

echo "==> building the fuzzer"
# Of several -sanitize the compiler takes the last, so both are named in one; SwiftPM needs its own to link.
NIGHTJAR_FUZZ=1 swift build -c release --product fuzz --scratch-path .build-fuzz \
    --sanitize fuzzer --sanitize address -Xswiftc -sanitize=fuzzer,address

# A crash reporter that waits for a debugger would keep the fuzzer from its end.
export SWIFT_BACKTRACE=enable=no

fuzz() {
    FUZZ_TARGET=$target timeout -k 10 $((time + 120)) "$binary" "$@" </dev/null >"$work/$target.log" 2>&1
}

# figure PATTERN: the last number behind it in the log.
figure() {
    sed -n "s/.*$1 *\([0-9][0-9]*\).*/\1/p" "$work/$target.log" | tail -n 1
}

# Those of targets that are not fuzzed now stay.
old=()
while read -r row; do
    name=${row#| }
    name=${name%% *}
    [[ " $* target " == *" $name "* ]] || old+=("$row")
done < <(grep '^| [a-z]' Fuzz/results.md)
rows=()
status=0
for target in "$@"; do
    kept=Fuzz/corpus/$target
    failures=Fuzz/failures/$target
    mkdir -p "$work/$target" "$work/$target.merged" "$kept" "$failures"
    before=$(find "$failures" -type f | wc -l)
    echo "==> fuzzing $target for $time s"
    # malloc_limit: no allocation may follow a length that a peer declared.
    fuzz -max_total_time="$time" -max_len="$input_bytes" -timeout=5 -rss_limit_mb=2048 -malloc_limit_mb=16 \
        -print_final_stats=1 -artifact_prefix="$failures/" "$work/$target" "$kept" || status=1
    runs=$(figure number_of_executed_units:)
    edges=$(figure cov:)
    findings=$(($(find "$failures" -type f | wc -l) - before))
    [ "$status" -eq 0 ] || tail -n 20 "$work/$target.log"
    rows+=("| $target | ${runs:-?} | $time | ${edges:-?} | $findings |")
    rm -rf "$work/$target.merged"/*
    if [ "$findings" -eq 0 ] && fuzz -merge=1 -max_len="$input_bytes" "$work/$target.merged" "$kept" "$work/$target"; then
        # What libFuzzer named is made anew from the whole, the shortest first; names given by hand stay.
        find "$kept" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -delete
        # Not `head`, which ends before `sort` does and so fails the script.
        find "$work/$target.merged" -type f -printf '%s %p\n' | sort -n | sed -n "1,${corpus_files}p" | while read -r _ file; do
            cp "$file" "$kept/"
        done
    fi
done
rmdir Fuzz/failures/* Fuzz/failures 2>/dev/null || true

{
    echo "# Fuzzing"
    echo
    echo "Written by \`make fuzz\` on $(date -u +%Y-%m-%d): libFuzzer with ASan on the release build, inputs of at most"
    echo "$input_bytes bytes. Edges are those of the protocol core, the buffers and the property itself."
    echo
    echo "| target | inputs run | seconds | edges | findings |"
    echo "|---|---:|---:|---:|---:|"
    printf '%s\n' "${rows[@]}" "${old[@]}"
} >Fuzz/results.md
cat Fuzz/results.md
exit $status
