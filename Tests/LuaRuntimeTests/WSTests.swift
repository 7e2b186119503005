//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct WSTests {
    @Test(arguments: [
        ("ws.broadcast('x')", "broadcast text x except []", "3"),
        ("ws.broadcast('x', 'binary')", "broadcast binary x except []", "3"),
        ("ws.broadcast('x', { kind = 'binary' })", "broadcast binary x except []", "3"),
        ("ws.broadcast('x', { except = conn })", "broadcast text x except [1]", "2"),
        ("ws.broadcast({ 1, {} })", "broadcast text [1,{}] except []", "3"),
        ("ws.broadcast({ a = 1 }, { except = conn, key = 'k' })", "broadcast text {\"a\":1} except [1] key k", "2"),
        ("ws.broadcast('x', { except = {} })", "broadcast text x except []", "3"),
        ("ws.broadcast('x', { key = 'k', except = conn })", "broadcast text x except [1] key k", "2"),
        ("ws.broadcast('x', { compress = false })", "broadcast text x except [] plain", "3"),
        ("ws.broadcast('x', { except = list })", "broadcast text x except [1, 2]", "1"),
        ("ws.broadcast('', { kind = 'text', except = list })", "broadcast text  except [1, 2]", "1"),
    ])
    func broadcasts(call: String, effect: String, count: String) throws {
        let fixture = try Fixture(
            handler: "local list = {} for c in ws.conns() do list[#list + 1] = c end list[3] = nil print(\(call))",
            connections: 1...3
        )
        try fixture.message()
        #expect(fixture.host.effects == [effect])
        #expect(fixture.host.log == ["info test.lua:1 #1 \(count)"])
    }

    @Test func broadcastToNobodyHasNoEffect() throws {
        let fixture = try Fixture(handler: "print(ws.broadcast('x', { except = conn }))")
        try fixture.message()
        #expect(fixture.host.effects == [])
        #expect(fixture.host.log == ["info test.lua:1 #1 0"])
    }

    /// The iterator runs over those who were there at the call and still are.
    @Test func connsIsASnapshot() throws {
        let fixture = try Fixture(
            handler: "for c in ws.conns() do c:send('x') for d in ws.conns() do if d ~= c then d:close() end end end",
            connections: 1...3
        )
        try fixture.message()
        #expect(fixture.host.effects == ["send #1 text x", "close #2 1000 ", "close #3 1000 "])
    }

    @Test func connsOfNobody() throws {
        let fixture = try Fixture(handler: "conn:close() for c in ws.conns() do print(c) end print(ws.get(conn.id))")
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 nil"])
    }

    @Test func getFindsById() throws {
        #expect(try printed("ws.get(conn.id) == conn, ws.get('x'), ws.get('')") == "true\tnil\tnil")
    }

    @Test func tellsTheVersion() throws {
        #expect(try printed("ws.version, require 'ws' == ws, getmetatable(ws)") == "1.2.3\ttrue\tfalse")
    }

    @Test(arguments: [
        ("ws.broadcast()", "ws.broadcast: data must be a string or a table, not missing"),
        ("ws.broadcast(1)", "ws.broadcast: data must be a string or a table, not number"),
        ("ws.broadcast({ a = print })", "ws.broadcast: data.a is a function, which JSON cannot hold"),
        ("ws.broadcast({}, 'binary')", "ws.broadcast: a table is sent as JSON, which is text: leave \"binary\" away"),
        ("ws.broadcast('\\x80')", "ws.broadcast: text must be UTF-8, and byte 1 is not; pass \"binary\" to send bytes"),
        (
            "ws.broadcast('x', { except = 1 })",
            "ws.broadcast: except must be a conn, a Room or a list of these, not number"
        ),
        (
            "ws.broadcast('x', { except = { 1 } })",
            "ws.broadcast: except must be a conn, a Room or a list of these, not number"
        ),
        (
            "ws.broadcast('x', { except = { a = conn } })",
            "ws.broadcast: except must be a conn, a Room or a list of these, not a table with other keys than 1, 2, 3 and so on"
        ),
        (
            "ws.broadcast('x', { except = { conn, [conn] = true } })",
            "ws.broadcast: except must be a conn, a Room or a list of these, not a table with other keys than 1, 2, 3 and so on"
        ),
        (
            "ws.broadcast('x', { except = { nil, conn } })",
            "ws.broadcast: except must be a conn, a Room or a list of these, not a list with nil in it"
        ),
        ("ws.broadcast('x', { [true] = 1 })", "ws.broadcast: the keys of the options must be strings, not boolean"),
        (
            "ws.broadcast('x', { ['except\\0x'] = conn })",
            "ws.broadcast: unknown option \"except\\x00x\": did you mean \"except\"?"
        ),
        ("return ws['send\\0']", "unknown field of ws: \"send\\x00\""),
        ("ws.broadcast('x', { excpt = 1 })", "ws.broadcast: unknown option \"excpt\": did you mean \"except\"?"),
        ("ws.broadcast('x', { key = false })", "ws.broadcast: key must be a string, not boolean"),
        ("ws.broadcast('x', { compress = 'no' })", "ws.broadcast: compress must be true or false, not a string"),
        ("ws.get(1)", "ws.get: id must be a string, not number"),
        ("ws.get()", "ws.get: id must be a string, not missing"),
        (
            "ws.send('x')",
            "ws.send does not exist: write conn:send(...) for one connection, or ws.broadcast(...) for all"
        ),
        ("ws.close()", "ws.close does not exist: write conn:close(...) for one connection"),
        ("ws.brodcast('x')", "unknown field of ws: \"brodcast\": did you mean \"broadcast\"?"),
        ("ws.whatever()", "unknown field of ws: \"whatever\""),
        ("return ws[1]", "ws has no field of type number"),
        ("ws.mine = 1", "ws cannot be given new fields: use a variable of the script"),
        ("ws.room = 5", "ws.room cannot be written: use a variable of the script"),
        ("ws.instance = 5", "ws.instance cannot be written: use a variable of the script"),
        ("ws.json = nil", "ws.json cannot be written: use a variable of the script"),
        ("ws.json.encode = 5", "ws.json.encode cannot be written: use a variable of the script"),
        ("ws.shared.get = 5", "ws.shared.get cannot be written: use a variable of the script"),
        ("ws.log.warning('x')", "unknown field of ws.log: \"warning\": did you mean \"warn\"?"),
        ("ws.log.info = print", "ws.log.info cannot be written: use a variable of the script"),
        ("ws.log.mine = print", "ws.log cannot be given new fields: use a variable of the script"),
        ("ws.store.get()", "field of ws: \"store\" is reserved for a later version"),
        ("ws.fetch()", "field of ws: \"fetch\" is reserved for a later version"),
    ])
    func misuseRaisesAtTheCaller(body: String, message: String) throws {
        #expect(try failure(of: body).message == "test.lua:1: \(message)")
    }

    @Test(arguments: ["store", "alarm", "fetch", "jwt", "publish", "count", "gauge", "lock"])
    func refusesReservedNames(name: String) throws {
        let message = "field of ws: \"\(name)\" is reserved for a later version"
        #expect(try failure(of: "return ws.\(name)").message == "test.lua:1: \(message)")
    }

    @Test(arguments: [
        ("ws.broadcast('x')", "ws.broadcast has no effect while the script loads"),
        ("for c in ws.conns() do c:send('x') end", "conn:send has no effect while the script loads"),
        ("for c in ws.conns() do c:close() end", "conn:close has no effect while the script loads"),
    ])
    func effectsAreNotForTheTopLevel(call: String, message: String) throws {
        let fixture = try Fixture("print(pcall(function() \(call) end)) return {}")
        #expect(fixture.host.log == ["info test.lua:1 false\ttest.lua:1: \(message)"])
    }
}
