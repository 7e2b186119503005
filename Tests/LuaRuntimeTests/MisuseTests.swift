//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// Every function that a script can call, with one argument after the other exchanged for what does not belong there. Whatever
/// raises says so at the caller's line, under the function's own name, and not in the words of Lua's C library.
struct MisuseTests {
    /// A function, and a call of it that is right.
    struct Call: Sendable, CustomTestStringConvertible {
        /// What its errors begin with.
        let name: String
        let callee: String
        let arguments: [String]

        init(_ name: String, _ callee: String? = nil, _ arguments: String...) {
            self.name = name
            self.callee = callee ?? name
            self.arguments = arguments
        }

        var testDescription: String { "\(self.callee)(\(self.arguments.joined(separator: ", ")))" }
    }

    private static let calls = [
        Call("conn:send", nil, "'x'", "'text'"), Call("conn:send", nil, "{}", "{ kind = 'text' }"),
        Call("conn:close", nil, "1000", "'why'"), Call("conn:join", nil, "'a'"), Call("conn:leave", nil, "'a'"),
        Call("conn:receive", nil, "'1s'"),
        Call("ws.room", nil, "'a'", "'other'"),
        Call("room:broadcast", "ws.room('a'):broadcast", "'x'", "'text'"),
        Call("room:conns", "ws.room('a'):conns"),
        Call("room:disconnect", "ws.room('a'):disconnect", "1000", "'why'"),
        Call("ws.rooms", nil), Call("ws.conns", nil), Call("ws.get", nil, "conn.id"),
        Call("ws.broadcast", nil, "'x'", "{ kind = 'text' }"),
        Call("ws.after", nil, "1", "print"), Call("ws.every", nil, "'1s'", "print"),
        Call("timer.cancel", "(ws.after(1, print)).cancel", "ws.after(1, print)"),
        Call("ws.sleep", nil, "'5ms'"), Call("ws.spawn", nil, "print", "1"),
        Call("ws.wait", nil, "'n'", "1"), Call("ws.wake", nil, "'n'", "{}"),
        Call("ws.now", nil), Call("ws.clock", nil), Call("ws.uuid", nil), Call("ws.env", nil, "'KEY'"),
        Call("ws.json.encode", nil, "{}"), Call("ws.json.decode", nil, "'{}'", "{ nulls = true }"),
        Call("ws.json.array", nil, "{}"),
        Call("ws.crypto.sha256", nil, "'x'"), Call("ws.crypto.hmac_sha256", nil, "'k'", "'x'"),
        Call("ws.crypto.random", nil, "8"), Call("ws.crypto.equal", nil, "'a'", "'b'"),
        Call("ws.crypto.base64", nil, "'x'"), Call("ws.crypto.base64_decode", nil, "'eA=='"),
        Call("ws.crypto.base64url", nil, "'x'"), Call("ws.crypto.base64url_decode", nil, "'eA'"),
        Call("ws.crypto.hex", nil, "'x'"), Call("ws.crypto.hex_decode", nil, "'78'"),
        Call("ws.shared.get", nil, "'k'"), Call("ws.shared.set", nil, "'k'", "1", "{ ttl = 1 }"),
        Call("ws.shared.add", nil, "'k'", "1", "{ ttl = 1 }"),
        Call("ws.shared.incr", nil, "'k'", "1", "{ init = 0, ttl = 1 }"),
        Call("ws.shared.cas", nil, "'k'", "nil", "1"), Call("ws.shared.delete", nil, "'k'"),
        Call("ws.log.debug", nil, "'%d'", "1"), Call("ws.log.info", nil, "'%d'", "1"),
        Call("ws.log.warn", nil, "'%d'", "1"), Call("ws.log.error", nil, "'%d'", "1"),
    ]

    /// Every option, alone in its table.
    private static let options: [(call: Call, options: [String])] = [
        (Call("conn:send", nil, "'x'"), ["kind", "key", "compress"]),
        (Call("room:broadcast", "ws.room('a'):broadcast", "'x'"), ["kind", "key", "compress", "except"]),
        (Call("ws.broadcast", nil, "'x'"), ["kind", "key", "compress", "except", "rooms"]),
        (Call("ws.json.decode", nil, "'{}'"), ["nulls"]),
        (Call("ws.shared.set", nil, "'k'", "1"), ["ttl"]), (Call("ws.shared.add", nil, "'k'", "1"), ["ttl"]),
        (Call("ws.shared.incr", nil, "'k'", "1"), ["init", "ttl"]),
    ]

    private static let strangers = [
        "nil", "true", "-1", "0", "1.5", "1e308", "0/0", "1 << 62", "''", "'x'", "'\\xFF\\0'", "('x'):rep(300)", "{}",
        "{ 1 }",
        "{ wrong = 1 }", "{ [{}] = 1 }", "setmetatable({}, { __index = error, __len = error })", "print",
        "coroutine.create(print)", "conn", "ws.room('b')", "ws.room('b', 'other')", "ws.json.null",
        "ws.after(1, print)",
    ]

    private func fixture(_ body: String) throws -> Fixture {
        let fixture = try Fixture(handler: body)
        fixture.host.routes = ["other": 1]
        fixture.host.environment = ["KEY": .set("v")]
        return fixture
    }

    /// Runs the statement; an error of it has to be well said.
    private func check(_ statement: String, _ name: String) throws {
        do {
            try self.fixture(statement).message("data")
        } catch let error as ScriptError {
            #expect(error.kind == .runtime, "\(statement): \(error.message)")
            #expect(error.line == 1, "\(statement): \(error.message)")
            #expect(error.message.hasPrefix("test.lua:1: \(name)"), "\(statement): \(error.message)")
            let isLuas = error.message.contains("bad argument") && !name.hasPrefix("ws.log.")
            #expect(!isLuas, "\(statement): \(error.message)")
        }
    }

    @Test(arguments: calls) func errorsAreToldUnderTheFunctionsName(call: Call) throws {
        try self.fixture("\(call.callee)(\(call.arguments.joined(separator: ", ")))").message("data")
        for place in call.arguments.indices {
            for stranger in Self.strangers {
                var arguments = call.arguments
                arguments[place] = stranger
                try self.check("return \(call.callee)(\(arguments.joined(separator: ", ")))", call.name)
            }
            try self.check("\(call.callee)(\(call.arguments[..<place].joined(separator: ", ")))", call.name)
        }
    }

    @Test(arguments: options) func optionsAreToldUnderTheFunctionsName(call: Call, options: [String]) throws {
        for option in options {
            for stranger in Self.strangers {
                let arguments = call.arguments + ["{ \(option) = \(stranger) }"]
                try self.check("return \(call.callee)(\(arguments.joined(separator: ", ")))", call.name)
            }
        }
    }

    /// No function of `ws` is missing above.
    @Test func knowsEveryFunction() throws {
        let fixture = try Fixture(
            handler: """
                local function list(t, path)
                  for key, value in pairs(t) do
                    if type(value) == "function" then print(path .. key) end
                    if type(value) == "table" then list(value, path .. key .. ".") end
                  end
                end
                list(ws, "ws.")
                """
        )
        try fixture.message()
        let names = Set(fixture.host.log.compactMap { $0.split(separator: " ").last.map(String.init) })
        #expect(names.count == 38)
        #expect(names.subtracting(Self.calls.map(\.name)) == [])
    }
}
