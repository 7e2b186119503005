//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import CStockLua
import LuaRuntime

/// Our patterns find, capture and replace what Lua's own do, and complain in the same words.
///
/// The input is where to begin, how the replacement is made, the lengths of pattern and replacement, then those two and
/// the subject. A subject has 40 bytes at most and a pattern four repetitions, or Lua would never come to an end.
enum PatternProperty {
    /// Puts together what comes of each function, as text.
    private static let chunk = """
        local function run(input)
            local start, kind, length, other = input:byte(1, 4)
            if not other then return "" end
            start, length, other = start % 16 - 5, length % 32, other % 8
            local pattern, rest = input:sub(5, 4 + length), input:sub(5 + length)
            local replacement, text = rest:sub(1, other), rest:sub(other + 1, other + 40)
            local count = 0
            for i = 1, #pattern do
                local byte = pattern:byte(i)
                if byte == 42 or byte == 43 or byte == 45 or byte == 63 then count = count + 1 end
                if count > 4 then pattern = pattern:sub(1, i - 1) break end
            end
            local results = {}
            local function add(...)
                local parts = {}
                for i = 1, select("#", ...) do
                    local value = select(i, ...)
                    parts[i] = type(value) == "string" and ("%q"):format(value) or tostring(value)
                end
                -- Where an error was raised is another matter.
                local line = table.concat(parts, " "):gsub('^false "%l+%.lua:%d+: ', 'false "')
                results[#results + 1] = line
            end
            add(pcall(string.find, text, pattern, start))
            add(pcall(string.find, text, pattern, start, true))
            add(pcall(string.match, text, pattern, start))
            add(pcall(function()
                local found = {}
                for a, b, c in string.gmatch(text, pattern, start) do
                    found[#found + 1] = tostring(a) .. ";" .. tostring(b) .. ";" .. tostring(c)
                end
                return table.concat(found, " ")
            end))
            local replacements = {
                [0] = replacement, { a = "x", [replacement] = 1, [1] = false },
                function(...) return select("#", ...) .. replacement end,
                function(first) return first ~= replacement and replacement end,
            }
            add(pcall(string.gsub, text, pattern, replacements[kind % 4], kind % 8 < 4 and start or nil))
            return table.concat(results, "\\n")
        end

        """

    private static let ours = chunk + "return { message = function(conn, input) conn:send(run(input), 'binary') end }"
    private static let lua = chunk + "return run(...)"

    static func check(_ input: UnsafeRawBufferPointer) throws(PropertyFailure) {
        let results = try FuzzScript(ours).results(of: input)
        var length = 0
        let expected = nj_stock_run(lua, lua.utf8.count, input.baseAddress, input.count, &length)
        defer { nj_stock_free(expected) }
        let text = UnsafeRawBufferPointer(start: expected, count: length)
        guard let result = results.first, results.count == 1 else {
            throw PropertyFailure(description: "\(results.count) results")
        }
        try PropertyFailure.unless(
            result.elementsEqual(text),
            "ours:\n\(String(decoding: result, as: UTF8.self))\nLua's:\n\(String(decoding: text, as: UTF8.self))"
        )
    }
}
