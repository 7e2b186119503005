#!/usr/bin/env bash
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Checks the rules of the house that a compiler does not: one line a check, `file:line: rule` for each breach.
# usage: dev/lint.sh [--root FOLDER] [imports|includes|headers|format ...]      (default: all, on this checkout)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
if [ "${1:-}" = --root ]; then
    root=${2:?--root wants a folder}
    shift 2
fi
cd "$root"
[ $# -gt 0 ] || set -- imports includes headers format

# Which modules each target may import. `struct M.T` allows that one type of M by a scoped import, nothing else of it.
imports_of() {
    local libc="Glibc Musl Darwin"
    case $1 in
    Sources/WebSocketCore) echo "CZlib struct:NIOCore.ByteBuffer struct:NIOCore.ByteBufferView" ;;
    Sources/LuaRuntime) echo "CLuaRuntime struct:NIOCore.ByteBuffer $libc" ;;
    Sources/NightjarServer)
        echo "CMalloc WebSocketCore LuaRuntime NIOCore NIOPosix NIOHTTP1 NIOTLS NIOSSL Logging DequeModule HeapModule Synchronization $libc"
        ;;
    Sources/nightjar)
        echo "NightjarServer ArgumentParser Configuration FoundationEssentials SystemPackage Yams UnixSignals Logging Synchronization $libc"
        ;;
    Fuzz/Properties) echo "CStockLua WebSocketCore LuaRuntime NIOCore" ;;
    Fuzz/Driver) echo "FuzzProperties $libc" ;;
    Benchmarks/Cores) echo "WebSocketCore LuaRuntime NIOCore CStockLua" ;;
    # A test may look deeper than its target, but only the runtime's own tests reach its C side.
    Tests/CLuaRuntimeTests | Tests/LuaRuntimeTests) echo "* !CLua" ;;
    Tests/*) echo "* !CLua !CLuaRuntime !CStockLua" ;;
    *) echo "" ;;
    esac
}

swift_folders() {
    find Sources Tests Fuzz Benchmarks -mindepth 1 -maxdepth 1 -type d 2>/dev/null | sort
}

lint_imports() {
    local folder
    while read -r folder; do
        find "$folder" -name '*.swift' -exec awk -v folder="$folder" -v allowed="$(imports_of "$folder")" '
            BEGIN {
                for (count = split(allowed, words, " "); count > 0; count--) rule[words[count]] = 1
            }
            {
                line = $0
                sub(/^[ \t]+/, "", line)
                while (sub(/^@[A-Za-z_]+(\([^)]*\))?[ \t]+/, "", line)) continue
                sub(/^(public|package|internal|fileprivate|private)[ \t]+/, "", line)
                if (line !~ /^import[ \t]/) next
                split(line, part, /[ \t;]+/)
                scoped = part[2] ~ /^(struct|class|enum|protocol|func|var|let|typealias|actor)$/
                name = scoped ? part[2] ":" part[3] : part[2]
                module = scoped ? part[3] : part[2]
                sub(/\..*/, "", module)
                if (("!" module) in rule) bad = 1
                else bad = !(("*" in rule) || (module in rule) || (name in rule))
                if (!bad) next
                sub(/^[a-z]+:/, "", name)
                why = allowed == "" ? "this folder is not in the table of dev/lint.sh" : "allowed: " allowed
                printf "%s:%d: %s may not import %s (%s)\n", FILENAME, FNR, folder, name, why
            }' {} +
    done < <(swift_folders)
}

lint_includes() {
    local lua='^[[:space:]]*#[[:space:]]*(include|import)[[:space:]]*[<"]([^>"]*/)?(lua|lauxlib|lualib|luaconf)\.(h|hpp)[>"]'
    find Sources Tests Fuzz Benchmarks -type f \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.hpp' -o -name '*.m' \) \
        ! \( -path 'Sources/CLuaRuntime/*' ! -path 'Sources/CLuaRuntime/include/*' \) ! -path 'Tests/CStockLua/*.c' \
        -exec grep -nHE "$lua" {} + 2>/dev/null |
        sed 's/^\([^:]*:[0-9]*\):.*/\1: only the .c files and private headers of Sources\/CLuaRuntime include the headers of Lua/' ||
        true
}

lint_headers() {
    local header='//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//' file
    while read -r file; do
        [ "$(head -n 6 "$file")" = "$header" ] || echo "$file:1: the file does not begin with the SPDX header"
    done < <(find Sources Tests Fuzz Benchmarks -name '*.swift' -o -name '*.[ch]' 2>/dev/null | sort)
}

lint_format() {
    # Folders without Swift files are no news; a finding reads `file:line:column: error: [Rule] sentence`.
    swift format lint --strict --recursive --parallel --configuration .swift-format Package.swift Sources Tests Fuzz Benchmarks 2>&1 || true
}

status=0
for check in "$@"; do
    findings=$("lint_$check")
    if [ -z "$findings" ]; then
        echo "==> $check ... ok"
    else
        echo "==> $check ... failed"
        echo "$findings"
        status=1
    fi
done
exit $status
