#!/usr/bin/env bash
#
# This source file is part of the Nightjar project
#
# Copyright (c) 2026 the Nightjar project authors
# SPDX-License-Identifier: Apache-2.0
#
# Tests dev/lint.sh: plants one breach at a time in a small copy of the house and sees that it is found at its line,
# and that what is allowed passes.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

header=$(sed -n 1,6p Benchmarks/wsload.c)
tested=0

# The copy has the real formatting rules and one clean file for each target.
fresh_copy() {
    rm -rf "${copy:?}"/*
    mkdir -p "$copy"/Benchmarks "$copy"/Sources/{WebSocketCore,CLuaRuntime/include,LuaRuntime,NightjarServer,nightjar} \
        "$copy"/Tests/{LuaRuntimeTests,NightjarServerTests}
    cp .swift-format "$copy"
    echo "let package = 1" >"$copy/Package.swift"
    plant Sources/WebSocketCore/Frame.swift "internal import struct NIOCore.ByteBuffer"
    plant Sources/CLuaRuntime/vm.c "#include <lua.h>"
    plant Sources/CLuaRuntime/internal.h "#include <lauxlib.h>"
    plant Sources/CLuaRuntime/include/CLuaRuntime.h "#include <stdint.h>"
    plant Sources/LuaRuntime/VM.swift "internal import CLuaRuntime" "package import struct NIOCore.ByteBuffer"
    plant Sources/NightjarServer/Server.swift "package import Logging" "@preconcurrency internal import NIOCore"
    plant Sources/nightjar/Main.swift "import ArgumentParser" "import NightjarServer"
    plant Tests/LuaRuntimeTests/VMTests.swift "import CLuaRuntime" "import Testing"
    plant Tests/NightjarServerTests/ServerTests.swift "import NIOCore" "import Testing"
}

# plant FILE LINE...: the lines follow the header, so the first is line 8.
plant() {
    local file=$copy/$1
    shift
    mkdir -p "$(dirname "$file")"
    printf '%s\n\n' "$header" >"$file"
    printf '%s\n' "$@" >>"$file"
}

# finds CHECK TEXT: lint fails, and one of its lines begins with TEXT.
finds() {
    local findings
    tested=$((tested + 1))
    if findings=$(dev/lint.sh --root "$copy" "$1"); then
        echo "lint-test: $1 passed, but should have found: $2" >&2
        exit 1
    fi
    # A text, not a pattern; a variable, not a pipe: grep -q would break it.
    if [[ $'\n'"$findings" != *$'\n'"$2"* ]]; then
        printf 'lint-test: %s should have found: %s\n%s\n' "$1" "$2" "$findings" >&2
        exit 1
    fi
    fresh_copy
}

# breach FILE IMPORT: this import is found at its line.
breach() {
    plant "$1" "$2"
    finds imports "$1:8: ${1%/*} may not import"
}

fresh_copy
dev/lint.sh --root "$copy" >/dev/null || {
    echo "lint-test: the clean copy does not pass:" >&2
    dev/lint.sh --root "$copy" >&2
    exit 1
}

breach Sources/WebSocketCore/Bad.swift "import NIOCore"
breach Sources/WebSocketCore/Bad.swift "package import struct NIOCore.TimeAmount"
breach Sources/WebSocketCore/Bad.swift "import protocol NIOCore.EventLoop"
breach Sources/WebSocketCore/Bad.swift "internal import Glibc"
breach Sources/WebSocketCore/Bad.swift "import LuaRuntime"
breach Sources/LuaRuntime/Bad.swift "import NIOCore"
breach Sources/LuaRuntime/Bad.swift "internal import WebSocketCore"
breach Sources/LuaRuntime/Bad.swift "import CLua"
breach Sources/NightjarServer/Bad.swift "import CLuaRuntime"
breach Sources/NightjarServer/Bad.swift "@preconcurrency import NIOWebSocket"
breach Sources/NightjarServer/Bad.swift "import Foundation"
breach Sources/NightjarServer/Bad.swift "import struct FoundationEssentials.Date"
breach Sources/NightjarServer/Bad.swift "    import Yams"
breach Sources/nightjar/Bad.swift "import NIOCore"
breach Sources/nightjar/Bad.swift "@_spi(Inside) import WebSocketCore"
breach Sources/NewTarget/Bad.swift "import Logging"
breach Tests/NightjarServerTests/Bad.swift "import CLuaRuntime"
breach Tests/LuaRuntimeTests/Bad.swift "import CLua"

rule="only the .c files and private headers of Sources/CLuaRuntime include the headers of Lua"
for file in Sources/CLuaRuntime/include/CLuaRuntime.h Sources/LuaRuntime/shim.h Tests/LuaRuntimeTests/oom.c; do
    for line in "#include <lua.h>" '  # include "lua5.4/lauxlib.h"' "#import <lualib.h>"; do
        plant "$file" "$line"
        finds includes "$file:8: $rule"
    done
done

for file in Sources/CLuaRuntime/vm.c Sources/nightjar/Main.swift Tests/LuaRuntimeTests/VMTests.swift \
    Benchmarks/load.c; do
    plant "$file" ""
    sed -i 's/Apache-2.0/MIT/' "$copy/$file"
    finds headers "$file:1: the file does not begin with the SPDX header"
done

plant Sources/NightjarServer/Bad.swift "let  x=1"
finds format "Sources/NightjarServer/Bad.swift:8:4: error: [Spacing]"
plant Tests/NightjarServerTests/Bad.swift "let x = 1;"
finds format "Tests/NightjarServerTests/Bad.swift:8:10: error: [DoNotUseSemicolons]"

echo "==> lint finds each of $tested planted breaches"
