//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime

/// `ws.json` takes what the reference takes and makes the same of it, and what it has read it writes so that it reads it
/// again as it was.
///
/// The input is the text.
enum JSONProperty {
    /// Sends why a text is no JSON, or what was read of it, written once and twice, and kept in `ws.shared` meanwhile.
    private static let script = """
        local json = ws.json
        return { message = function(conn, text)
            local value, why, byte = json.decode(text, { nulls = true })
            if why then
                -- What comes before the byte that is wrong may be the start of JSON, or is it already.
                local _, early, at = json.decode(text:sub(1, byte - 1))
                assert(byte >= 1 and byte <= #text + 1, byte)
                assert(not early or at == byte, early)
                assert(select(2, json.decode(text)) == why)
                return
            end
            local once = json.encode(value)
            conn:send(once, "binary")
            conn:send(json.encode(json.decode(once, { nulls = true })), "binary")
            assert(ws.shared.set("value", value))
            conn:send(json.encode(ws.shared.get("value")), "binary")
            assert(ws.shared.cas("value", value, 1))
            assert(not select(2, json.decode(text)))
        end }
        """

    static func check(_ input: UnsafeRawBufferPointer) throws(PropertyFailure) {
        let expected = JSONReference.read(Array(input))
        let texts = try FuzzScript(script).results(of: input)
        guard let expected else {
            try PropertyFailure.unless(texts.isEmpty, "the reference takes it for no JSON")
            return
        }
        try PropertyFailure.unless(texts.count == 3, "the reference takes it for JSON")
        for text in texts {
            let written = String(decoding: text, as: UTF8.self)
            guard let value = JSONReference.read(text) else {
                throw PropertyFailure(description: "what was written is no JSON: \(written)")
            }
            try PropertyFailure.unless(value.isSame(as: expected), "another value was written: \(written)")
        }
    }
}
