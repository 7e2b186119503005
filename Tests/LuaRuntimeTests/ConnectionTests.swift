//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct ConnectionTests {
    @Test(arguments: [
        ("conn.id, #conn.id", "ccccccccccccccccccccc1\t22"),
        ("conn", "conn ccccccccccccccccccccc1"),
        ("conn.path, conn.ip, conn.protocol", "/chat\t127.0.0.1\tv1"),
        ("conn.params.room, conn.query.name, conn.query.empty, conn.query.none", "blue\tada\t\tnil"),
        ("conn.open, conn.buffered", "true\t0"),
        ("conn.params == conn.params, conn.state == conn.state", "true\ttrue"),
        ("getmetatable(conn), type(conn)", "false\tuserdata"),
        ("conn == ws.get(conn.id), ({ [conn] = 1 })[ws.get(conn.id)]", "true\t1"),
        ("conn:send('x')", "true"),
        ("conn:close()", "true"),
    ])
    func hasFields(expressions: String, result: String) throws {
        #expect(try printed(expressions) == result)
    }

    @Test func stateIsAnOrdinaryTable() throws {
        #expect(try printed("conn.state.n", after: "conn.state.n = 1 conn.state.n = conn.state.n + 1") == "2")
        #expect(try printed("conn.state == t, conn.state.a", after: "local t = { a = 1 } conn.state = t") == "true\t1")
    }

    @Test func stateBelongsToItsConnection() throws {
        let fixture = try Fixture(
            handler: "conn.state.n = (conn.state.n or 0) + 1 print(conn.state.n)",
            connections: 1...2
        )
        try fixture.message(from: 1)
        try fixture.message(from: 2)
        try fixture.message(from: 1)
        #expect(fixture.host.log.map { $0.last } == ["1", "1", "2"])
    }

    @Test(arguments: [
        ("conn:send('x')", "send #1 text x"),
        ("conn:send('x', 'text')", "send #1 text x"),
        ("conn:send('x', nil)", "send #1 text x"),
        ("conn:send('\\xFF', 'binary')", "send #1 binary \u{FFFD}"),
        ("conn:send('x', { kind = 'binary' })", "send #1 binary x"),
        ("conn:send('x', {})", "send #1 text x"),
        ("conn:send('x', { compress = false })", "send #1 text x plain"),
        ("conn:send('x', { compress = true, kind = 'binary' })", "send #1 binary x"),
        ("conn:send('x', { key = 'k' })", "send #1 text x key k"),
        ("conn:send({})", "send #1 text {}"),
        ("conn:send { 'a', 2, { b = true } }", "send #1 text [\"a\",2,{\"b\":true}]"),
        ("conn:send({ 1 }, 'text')", "send #1 text [1]"),
        ("conn:send({ 1 }, { key = 'k', compress = false })", "send #1 text [1] plain key k"),
        ("conn:send('', { key = 'a\\0b', compress = false })", "send #1 text  plain key a\0b"),
        ("conn:send('123456789', { key = 'abcdefgh' })", "send #1 text 123456789 key abcdefgh"),
        ("conn:send('x', { key = ('k'):rep(256) })", "send #1 text x key \(String(repeating: "k", count: 256))"),
        ("conn:send('')", "send #1 text "),
        ("conn:send('\u{20AC}\u{1F426}')", "send #1 text \u{20AC}\u{1F426}"),
        ("conn:close()", "close #1 1000 "),
        ("conn:close(nil, nil)", "close #1 1000 "),
        ("conn:close(3000)", "close #1 3000 "),
        ("conn:close(4999, 'why')", "close #1 4999 why"),
        ("conn:close(1014.0, 'why')", "close #1 1014 why"),
    ])
    func sendsAndCloses(call: String, effect: String) throws {
        let fixture = try Fixture(handler: call)
        try fixture.message()
        #expect(fixture.host.effects == [effect])
    }

    /// Reasons are cut at 123 bytes, and at a character.
    @Test(arguments: [
        ("('x'):rep(123)", 123), ("('x'):rep(124)", 123), ("('x'):rep(122) .. '\u{20AC}'", 122),
        ("('\u{20AC}'):rep(41)", 123), ("('\u{20AC}'):rep(42)", 123), ("'x' .. ('\u{1F426}'):rep(31)", 121),
    ])
    func cutsLongReasons(reason: String, length: Int) throws {
        let fixture = try Fixture(handler: "conn:close(1000, \(reason))")
        try fixture.message()
        let effect = try #require(fixture.host.effects.first)
        #expect(effect.utf8.count - "close #1 1000 ".utf8.count == length)
    }

    @Test func overflowIsAnAnswer() throws {
        let fixture = try Fixture(handler: "print(conn:send('12345')) print(conn:send('6')) print(conn.buffered)")
        fixture.host.bufferLimit = 5
        try fixture.message()
        #expect(fixture.host.log.map { $0.split(separator: " ").last } == ["true", "nil\toverflow", "5"])
        #expect(fixture.host.effects == ["send #1 text 12345"])
    }

    /// Applying what waits may make room, in the server's queue and in the outbox; both are asked again.
    @Test func asksAgainOnceTheEffectsAreApplied() throws {
        let fixture = try Fixture(
            handler: "conn:send(('x'):rep(100000)) print(conn:send('y', { key = 'k' })) print(conn:send('z'))"
        )
        fixture.host.unsettledAnswers = [.overflow, .unsettled, .accepted, .unsettled, .accepted]
        try fixture.message()
        #expect(fixture.host.log.map { $0.split(separator: " ").last } == ["true", "nil\toverflow"])
        #expect(fixture.host.effects == ["send #1 text 100000 bytes", "send #1 text y key k"])
    }

    /// On a closed connection the calls say so, and what it was can still be read.
    @Test func staysReadableAfterClose() throws {
        let fixture = try Fixture(
            """
            local old
            return {
                connect = function(conn) old = conn conn.state.name = "ada" end,
                message = function(conn)
                    print(old.open, old.id, old.path, old.state.name)
                    print(old:send("x"))
                    print(old:close())
                end,
                close = function(conn) print(conn == old, conn.open, conn.path, conn.state.name) end,
            }
            """,
            connections: 2...2
        )
        try fixture.connect(1)
        try fixture.close(1)
        try fixture.message(from: 2)
        #expect(
            fixture.host.log == [
                "info test.lua:9 #1 true\tfalse\t/chat\tada",
                "info test.lua:5 #2 false\tccccccccccccccccccccc1\t/chat\tada",
                "info test.lua:6 #2 nil\tclosed",
                "info test.lua:7 #2 nil\tclosed",
            ]
        )
        #expect(fixture.host.effects == [])
    }

    /// Visible at once to the caller.
    @Test func closeCountsAtTheCall() throws {
        #expect(
            try printed("conn.open, conn:send('x')", after: "conn:send('before') conn:close()") == "false\tnil\tclosed"
        )
    }

    @Test(arguments: [
        ("conn:send()", "conn:send: data must be a string or a table, not missing"),
        ("conn:send(nil)", "conn:send: data must be a string or a table, not nil"),
        ("conn:send(12)", "conn:send: data must be a string or a table, not number"),
        ("conn:send(conn)", "conn:send: data must be a string or a table, not conn"),
        ("conn:send({ print })", "conn:send: data[1] is a function, which JSON cannot hold"),
        ("conn:send({}, 'binary')", "conn:send: a table is sent as JSON, which is text: leave \"binary\" away"),
        (
            "conn:send({}, { kind = 'binary' })",
            "conn:send: a table is sent as JSON, which is text: leave \"binary\" away"
        ),
        ("conn:send('ab\\xC3x')", "conn:send: text must be UTF-8, and byte 3 is not; pass \"binary\" to send bytes"),
        (
            "conn:send('12345678\\xED\\xA0\\x80')",
            "conn:send: text must be UTF-8, and byte 9 is not; pass \"binary\" to send bytes"
        ),
        ("conn:send('x', 'txt')", "conn:send: kind must be \"text\" or \"binary\", not \"txt\""),
        ("conn:send('x', 1)", "conn:send: kind must be \"text\" or \"binary\", not a number"),
        ("conn:send('x', { kind = 1 })", "conn:send: kind must be \"text\" or \"binary\", not a number"),
        ("conn:send('x', { kid = 'text' })", "conn:send: unknown option \"kid\": did you mean \"kind\"?"),
        ("conn:send('x', { except = conn })", "conn:send: unknown option \"except\""),
        ("conn:send('x', { key = 1 })", "conn:send: key must be a string, not number"),
        ("conn:send('x', { key = {} })", "conn:send: key must be a string, not table"),
        ("conn:send('x', { key = '' })", "conn:send: key must have 1 to 256 bytes, not 0"),
        ("conn:send('x', { key = ('k'):rep(257) })", "conn:send: key must have 1 to 256 bytes, not 257"),
        ("conn:send('x', { compress = 1 })", "conn:send: compress must be true or false, not a number"),
        ("conn:send('x', { compres = true })", "conn:send: unknown option \"compres\": did you mean \"compress\"?"),
        ("conn:send('x', { 'binary' })", "conn:send: the keys of the options must be strings, not number"),
        ("conn:send('x', { ['kind\\0'] = 'text' })", "conn:send: unknown option \"kind\\x00\": did you mean \"kind\"?"),
        ("conn:send('x', 'text\\0')", "conn:send: kind must be \"text\" or \"binary\", not \"text\\x00\""),
        ("conn.send('x')", "conn.send was called without a conn: write conn:send(...)"),
        ("conn.close(1000)", "conn.close was called without a conn: write conn:close(...)"),
        ("conn.send(io)", "undefined global 'io'"),
        (
            "conn:close(1005)",
            "conn:close: 1005 is no code to close with: 1000 to 1014 but 1004, 1005 and 1006, or 3000 to 4999"
        ),
        ("conn:close(1000, '\\xFF')", "conn:close: the reason must be UTF-8, and byte 1 is not"),
        ("conn:close('x')", "conn:close: code must be a whole number such as 1000 or 4000, not string"),
        ("conn:close('1000')", "conn:close: code must be a whole number such as 1000 or 4000, not string"),
        ("conn:close(1000.5)", "conn:close: code must be a whole number such as 1000 or 4000, not 1000.5"),
        ("conn:close(conn)", "conn:close: code must be a whole number such as 1000 or 4000, not conn"),
        ("conn:close(1000, {})", "conn:close: reason must be a string, not table"),
        ("conn:close(1000, 7)", "conn:close: reason must be a string, not number"),
        ("return conn:send(print)", "conn:send: data must be a string or a table, not function"),
        ("conn.state = 1", "conn.state must be a table, not number"),
        ("conn.state = nil", "conn.state must be a table, not nil"),
        ("conn.name = 'ada'", "conn.name cannot be set: use conn.state for the script's own data"),
        ("conn.id = 'x'", "conn.id cannot be set: use conn.state for the script's own data"),
        ("conn['state\\0'] = {}", "conn.state\\x00 cannot be set: use conn.state for the script's own data"),
        ("return conn['id\\n']", "unknown field of conn: \"id\\x0A\": did you mean \"id\"?"),
        ("conn[1] = 'x'", "conn.number cannot be set: use conn.state for the script's own data"),
        ("return conn.name", "unknown field of conn: \"name\": use conn.state for the script's own data"),
        ("return conn.sate", "unknown field of conn: \"sate\": did you mean \"state\"?"),
        ("return conn[1]", "a conn has no field of type number: use conn.state for the script's own data"),
        ("conn:flush()", "field of conn: \"flush\" is reserved for a later version"),
        ("conn:call()", "field of conn: \"call\" is reserved for a later version"),
        ("conn:expire()", "field of conn: \"expire\" is reserved for a later version"),
    ])
    func misuseRaisesAtTheCaller(body: String, message: String) throws {
        let error = try failure(of: body)
        #expect(error.message == "test.lua:1: \(message)")
        #expect(error.kind == .runtime)
        #expect(error.line == 1)
    }

    /// RFC 6455, section 7.4.
    @Test func refusesTheCodesThatMayNotBeSent() throws {
        let fixture = try Fixture(
            handler: """
                local refused = {}
                for code = -1, 5001 do
                    if not pcall(conn.close, conn, code) then refused[#refused + 1] = code end
                end
                print(#refused, table.concat(refused, ",", 1002, 1006))
                """
        )
        try fixture.message()
        // All of 5,003 but 1000-1003, 1007-1014 and 3000-4999.
        #expect(fixture.host.log.last == "info test.lua:5 #1 2991\t1004,1005,1006,1015,1016")
    }

    /// A long text that came is not checked again; nothing else is taken for it.
    @Test func sendsOnlyTextThatIsUTF8WhateverCame() throws {
        let fixture = try Fixture(
            """
            local kept
            return { message = function(c, data, kind)
              if kind == "text" then
                kept = data
                c:send(data)
                data = nil
                c:send((kept:sub(1, -2) .. "\\xFF"))
              else
                c:send(kept)
                c:send(data)
              end
            end }
            """
        )
        let long = String(repeating: "é", count: 1000)
        let first = #expect(throws: ScriptError.self) { try fixture.message(long) }
        #expect(first?.message.hasPrefix("test.lua:7: conn:send: text must be UTF-8, and byte 1999") == true)
        var bytes = Array(long.utf8)
        bytes[0] = 0xFF
        let second = #expect(throws: ScriptError.self) {
            try bytes.withUnsafeBytes { _ = try fixture.vm.message(ConnectionID(rawValue: 1), $0, isText: false) }
        }
        #expect(second?.message.hasPrefix("test.lua:10: conn:send: text must be UTF-8, and byte 1 ") == true)
        fixture.host.applyEffects()
        #expect(fixture.host.effects == ["send #1 text 2000 bytes", "send #1 text 2000 bytes"])
    }
}
