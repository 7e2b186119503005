//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// Plain data, seen through `ws.shared`, which keeps it, and through the check of `conn.state`, which only looks.
struct PlainDataTests {
    @Test(arguments: [
        "nil", "true", "false", "0", "-1", "math.maxinteger", "math.mininteger", "1.5", "-0.0", "1 / 0", "''",
        "'a\\0b'",
        "'\\xff'", "('x'):rep(100000)", "ws.json.null",
    ])
    func scalarsComeBack(value: String) throws {
        let body = "local value = \(value) ws.shared.set('k', value) local back = ws.shared.get('k')"
        let same =
            "back == value, math.type(back) == math.type(value), type(back) == type(value), 1 / (tonumber(back) or 1) == 1 / (tonumber(value) or 1)"
        #expect(try printed(same, after: body) == "true\ttrue\ttrue\ttrue")
    }

    @Test func tablesComeBack() throws {
        let body = """
            ws.shared.set('k', { 1, 'two', { three = { 3.5, false } }, [10] = 'ten', [1.5] = 'half', [''] = {}, [-1] = 0 }) \
            local t = ws.shared.get('k')
            """
        let values = "t[1], t[2], t[3].three[1], t[3].three[2], t[10], t[1.5], next(t['']), t[-1], #t"
        #expect(try printed(values, after: body) == "1\ttwo\t3.5\tfalse\tten\thalf\tnil\t0\t3")
    }

    @Test func aLargeTableComesBack() throws {
        let body = """
            local t = {} for i = 1, 2000 do t[i] = { id = i, name = 'n' .. i } t['k' .. i] = i end ws.shared.set('k', t) \
            local u, n = ws.shared.get('k'), 0 for key, value in pairs(u) do n = n + 1 \
            assert(type(key) == 'number' and value.id == key and value.name == 'n' .. key or t[key] == value) end
            """
        #expect(try printed("n", after: body) == "4000")
    }

    @Test func theMarkOfArraysStays() throws {
        let body = "ws.shared.set('k', { ws.json.array(), {}, ws.json.decode('[[]]') })"
        #expect(try printed("ws.json.encode(ws.shared.get('k'))", after: body) == "[[],{},[[]]]")
    }

    /// nan is a value, though it equals nothing.
    @Test func nanComesBack() throws {
        let body = "ws.shared.set('k', 0 / 0) local back = ws.shared.get('k')"
        #expect(try printed("back ~= back, math.type(back)", after: body) == "true\tfloat")
    }

    /// The path to what cannot be kept, and what to do instead.
    @Test(arguments: [
        ("print", "value: a function cannot be kept; put it into a variable of the script"),
        (
            "{ players = { {}, {}, { socket = print } } }",
            "value.players[3].socket: a function cannot be kept; put it into a variable of the script"
        ),
        ("{ coroutine.create(print) }", "value[1]: a coroutine cannot be kept; put it into a variable of the script"),
        (
            "{ ['a b'] = { [2.5] = print } }",
            "value[\"a b\"][2.5]: a function cannot be kept; put it into a variable of the script"
        ),
        ("{ t = ws.after(1, print) }", "value.t: a timer cannot be kept; put it into a variable of the script"),
        ("conn", "value: a conn cannot be kept; keep its id"),
        ("{ { conn } }", "value[1][1]: a conn cannot be kept; keep its id"),
        ("{ [conn] = 1 }", "value: a table with a conn as a key cannot be kept; keys are strings and numbers"),
        (
            "{ a = { [true] = 1 } }",
            "value.a: a table with a boolean as a key cannot be kept; keys are strings and numbers"
        ),
        ("{ [{}] = 1 }", "value: a table with a table as a key cannot be kept; keys are strings and numbers"),
        (
            "{ a = setmetatable({}, {}) }",
            "value.a: a table with a metatable cannot be kept; keep its fields, and set the metatable where they are used"
        ),
        (
            "(function() local t = {} return { t, t } end)()",
            "value[2]: a table that is reached twice (or from itself) cannot be kept; put what is shared into a variable of the script"
        ),
        (
            "(function() local t = {} t.t = t return t end)()",
            "value.t: a table that is reached twice (or from itself) cannot be kept; put what is shared into a variable of the script"
        ),
        (
            "(function() local t = {} t.a = { b = { t } } return t end)()",
            """
            value.a.b[1]: a table that is reached twice (or from itself) cannot be kept; put what is shared into a variable of \
            the script
            """
        ),
    ])
    func refusesWithThePath(value: String, reason: String) throws {
        #expect(try failure(of: "ws.shared.set('k', \(value))").message == "test.lua:1: ws.shared.set: \(reason)")
    }

    @Test func aHundredTablesAndNoMore() throws {
        let nest = "local t = {} for i = 1, 99 do t = { t } end"
        #expect(try printed("ws.shared.set('k', t)", after: nest) == "true")
        let message = try failure(of: "\(nest) ws.shared.set('k', { t })").message
        #expect(message.hasSuffix("[1]...: a table inside of 100 others cannot be kept; nest less"))
    }

    // MARK: - conn.state under --dev

    private func warnings(_ script: String, isDevelopment: Bool = true, _ run: (Fixture) throws -> Void) throws
        -> [String]
    {
        var limits = ScriptLimits.test
        limits.checksStates = isDevelopment
        let fixture = try Fixture(script, limits: limits, connections: 1...2)
        try run(fixture)
        return fixture.host.log
    }

    @Test func tellsOfAStateThatCannotBeKept() throws {
        let script = """
            return { connect = function(conn) conn.state.n = 1 end, message = function(conn) conn.state.f = { 1, { print } } end }
            """
        let log = try warnings(script) { fixture in
            try fixture.connect()
            #expect(fixture.host.log == [])
            try fixture.message()
        }
        let sentence = """
            after message: conn.state.f[2][1]: a function cannot be kept; put it into a variable of the script; as it is, a \
            reload would fail
            """
        #expect(log == ["warning test.lua #1 \(sentence)"])
        #expect(try warnings(script, isDevelopment: false) { try $0.message() } == [])
    }

    /// A conn may be kept in a state, and a state that was never used is none.
    @Test(arguments: [
        "conn.state.friend = conn", "conn.state[conn] = { 1 }",
        "conn.state = { list = ws.json.array(), none = ws.json.null }",
        "local x = conn.id", "conn.state = ws.json.decode('[1]')",
    ])
    func isSilentAboutWhatCanBeKept(body: String) throws {
        #expect(try warnings("return { message = function(conn) \(body) end }") { try $0.message() } == [])
    }

    @Test func tellsOfATableInTwoStates() throws {
        let script = """
            local shared = { n = 1 }
            return {
                message = function(conn, data) conn.state.list = { shared } end,
                drain = function(conn) conn.state = {} end,
            }
            """
        let log = try warnings(script) { fixture in
            try fixture.message(from: 1)
            try fixture.message(from: 1)
            #expect(fixture.host.log == [])
            try fixture.message(from: 2)
        }
        let sentence = """
            after message: conn.state.list[1]: a table that another connection's state holds too cannot be kept; put what is \
            shared into a variable of the script; as it is, a reload would fail
            """
        #expect(log == ["warning test.lua #2 \(sentence)"])
        // What one no longer holds is another's to hold.
        let handedOn = try warnings(script) { fixture in
            try fixture.message(from: 1)
            _ = try fixture.vm.drain(ConnectionID(rawValue: 1))
            try fixture.message(from: 2)
        }
        #expect(handedOn == [])
        let others = try warnings(script, isDevelopment: false) { fixture in
            for number in [1, 2] as [UInt64] { try fixture.message(from: number) }
        }
        #expect(others == [])
    }

    /// Once for each handler and kind of path, however often and for how many keys it happens.
    @Test func repeatsNothing() throws {
        let script = """
            local n = 0 return {
                message = function(conn) n = n + 1 conn.state = { list = {} } conn.state.list[n] = print end,
                drain = function(conn) end,
            }
            """
        let log = try warnings(script) { fixture in
            for number in [1, 2, 1] as [UInt64] { try fixture.message(from: number) }
            _ = try fixture.vm.drain(ConnectionID(rawValue: 1))
            _ = try fixture.vm.drain(ConnectionID(rawValue: 1))
        }
        #expect(
            log.map { $0.prefix { $0 != "[" } } == [
                "warning test.lua #1 after message: conn.state.list",
                "warning test.lua #1 after drain: conn.state.list",
            ]
        )
    }

    @Test func givesUpInTheEnd() throws {
        let script = "return { message = function(conn, data) conn.state = { [data] = print } end }"
        let log = try warnings(script) { fixture in
            for number in 1...40 { try fixture.message("key\(number)") }
        }
        #expect(log.count == 16)
        #expect(log.last?.hasSuffix("a reload would fail (no more such warnings follow)") == true)
    }

    /// Neither a failed handler nor the last one of a connection is looked at, and a large state only in part.
    @Test func looksWhereItHelps() throws {
        let script = """
            return { message = function(conn) conn.state.f = print error('x', 0) end, close = function(conn) conn.state.g = print end,
                drain = function(conn) conn.state = {} for i = 1, 20000 do conn.state[i] = i end conn.state[20001] = print end }
            """
        let log = try warnings(script) { fixture in
            #expect(throws: ScriptError.self) { try fixture.message() }
            _ = try fixture.vm.drain(ConnectionID(rawValue: 2))
            try fixture.close()
        }
        #expect(log == [])
    }
}
