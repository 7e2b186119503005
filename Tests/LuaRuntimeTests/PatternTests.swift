//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct PatternTests {
    /// Ours and Lua's find the same in the same places, replace the same, and complain in the same words.
    @Test(arguments: 1...10)
    func matchesAsLuaDoes(seed: Int) throws {
        try expectSame("patterns.lua", "\(seed), 20000")
    }

    @Test func matchesAsLuaDoesAtTheBounds() throws {
        try expectSame("pattern_cases.lua")
    }

    /// Errors are at the script's line, as Lua's are.
    @Test(arguments: [
        ("return data:find('[')", "malformed pattern (missing ']')"),
        ("return data:gsub('a', '%2')", "invalid capture index %2"),
        ("for _ in data:gmatch('%') do end", "malformed pattern (ends with '%')"),
        ("return data:match(nil)", "bad argument #1 to 'match' (string expected, got nil)"),
    ])
    func errorsHaveTheLine(body: String, message: String) throws {
        let error = try failure(of: "\n\(body)")
        #expect(error.line == 2)
        #expect(error.message == "test.lua:2: \(message)")
    }

    /// Where the pattern does not change the text, there is nothing to bound.
    @Test func whatStaysMayBeLong() throws {
        let body = "local text = ('x'):rep(1 << 20) local same, count = text:gsub('y', ('z'):rep(1 << 20))"
        #expect(try printed("same == text, count", after: body) == "true\t0")
    }

    @Test func callbacksCannotYield() throws {
        let error = try failure(of: "coroutine.wrap(function() data:gsub('.', function() coroutine.yield() end) end)()")
        #expect(error.message.hasSuffix("attempt to yield across a C-call boundary"))
    }

    /// A pattern calls nothing of itself on the C stack: gsub within gsub goes as deep as any call may.
    @Test func callbacksNest() throws {
        let body =
            "local function nest(n) return n == 0 and 'x' or (data:gsub('^d', function() return nest(n - 1) end)) end"
        #expect(try printed("#nest(100)", after: body) == "301")
    }
}
