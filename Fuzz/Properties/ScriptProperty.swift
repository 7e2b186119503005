//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime

/// Whatever stands in a script's file, it is loaded, run and ended within its limits, and what is wrong with it has a place.
enum ScriptProperty {
    private static let limits = ScriptLimits(
        memory: 4 << 20,
        eventCPU: .milliseconds(30),
        loadCPU: .milliseconds(30)
    )

    static func check(_ input: UnsafeRawBufferPointer) throws(PropertyFailure) {
        do {
            let script = try FuzzScript(source: Array(input), limits: Self.limits)
            for text in ["", "run", #"{"type":"say","text":"hello"}"#] {
                var text = text
                try text.withUTF8 { try script.take(UnsafeRawBufferPointer($0)) }
            }
        } catch let error as ScriptError {
            // Without memory nothing can be looked up any more.
            try PropertyFailure.unless(
                error.kind == .memory || error.message.hasPrefix("fuzz.lua"),
                "an error without a place: \(error.message)"
            )
        } catch {
            throw PropertyFailure(description: "\(error)")
        }
    }
}
