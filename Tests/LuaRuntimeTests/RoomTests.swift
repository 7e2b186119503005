//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct RoomTests {
    // MARK: - Joining and leaving

    @Test func joinGivesTheRoomAndCountsAtTheCall() throws {
        let fixture = try Fixture(
            handler: "local room = conn:join('a') print(room, room.name, room.count, room == conn:join('a'))"
        )
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 room a\ta\t1\ttrue"])
        // The second time nothing happens.
        #expect(fixture.host.effects == ["join #1 a"])
    }

    @Test func leaveCountsAtTheCall() throws {
        let fixture = try Fixture(
            handler: "conn:join('a') print(conn:leave('a'), ws.room('a').count) print(conn:leave('a'))"
        )
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 true\t0", "info test.lua:1 #1 true"])
        #expect(fixture.host.effects == ["join #1 a", "leave #1 a"])
    }

    @Test func effectsComeInTheOrderOfTheCalls() throws {
        let fixture = try Fixture(
            handler: """
                conn:send('1') conn:join('a') ws.room('a'):broadcast('2') conn:leave('a')
                ws.broadcast('3') conn:join('b') conn:close()
                """
        )
        try fixture.message()
        #expect(
            fixture.host.effects == [
                "send #1 text 1", "join #1 a", "broadcast text 2 to [\"a\"] except []", "leave #1 a",
                "broadcast text 3 except []", "join #1 b", "close #1 1000 ",
            ]
        )
    }

    @Test func aConnectionInAsManyRoomsAsItMayIsRefusedTheNext() throws {
        let fixture = try Fixture(
            handler: "conn:join('a') conn:join('b') print(conn:join('c')) print(conn:join('b'), #conn.rooms)"
        )
        fixture.host.roomLimit = 2
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 nil\tfull", "info test.lua:1 #1 room b\t2"])
        #expect(fixture.host.effects == ["join #1 a", "join #1 b"])
    }

    @Test func onAClosedConnectionJoinGivesTheRoomAndLeaveSaysSo() throws {
        let fixture = try Fixture(
            handler: """
                conn:join('a') conn:close()
                print(conn:join('b'), ws.room('a').count, ws.room('b').count)
                print(conn:leave('a'))
                """
        )
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:2 #1 room b\t0\t0", "info test.lua:3 #1 nil\tclosed"])
        #expect(fixture.host.effects == ["join #1 a", "close #1 1000 "])
    }

    @Test func roomsIsAFreshListOfNames() throws {
        let body = """
            conn:join('b') conn:join('a')
            local one, two = conn.rooms, conn.rooms
            table.sort(one)
            print(type(one), one == two, table.concat(one, ','))
            """
        #expect(try printed("#conn.rooms", after: body + " conn:leave('b')") == "1")
        let fixture = try Fixture(handler: body)
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:4 #1 table\tfalse\ta,b"])
    }

    @Test func inCloseTheRoomsAreThoseThatItWasIn() throws {
        let fixture = try Fixture(
            """
            return {
                message = function(conn) conn:join('a') end,
                close = function(conn) print(conn.rooms[1], #conn.rooms, ws.room('a').count) end,
            }
            """
        )
        try fixture.message()
        try fixture.close()
        #expect(fixture.host.log == ["info test.lua:3 #1 a\t1\t0"])
    }

    /// Any bytes will do, up to the limit.
    @Test(arguments: [("'\\0'", 1), ("('\u{20AC}'):rep(85) .. 'x'", 256), ("('x'):rep(256)", 256)])
    func namesAreBytes(name: String, length: Int) throws {
        #expect(try printed("#conn:join(\(name)).name, conn.rooms[1] == \(name)") == "\(length)\ttrue")
    }

    // MARK: - The object

    @Test(arguments: [
        (
            "ws.room('a') == ws.room('a'), ws.room('a') == ws.room('b'), ws.room('a') ~= ws.room('a')",
            "true\tfalse\tfalse"
        ),
        ("ws.room('a') == 'a', ws.room('a') == conn, conn == ws.room('a')", "false\tfalse\tfalse"),
        ("ws.room('a', 'test') == ws.room('a'), ws.room('a', nil) == ws.room('a')", "true\ttrue"),
        ("ws.room('a', 'other') == ws.room('a'), ws.room('a', 'other') == ws.room('a', 'other')", "false\ttrue"),
        ("ws.room('ab', 'c') == ws.room('a', 'bc')", "false"),
        ("ws.room('a'), ws.room('a', 'other')", "room a\troom a of other"),
        ("type(ws.room('a')), getmetatable(ws.room('a'))", "userdata\tfalse"),
        ("ws.room('a').name, ws.room('a').count, ws.room('a', 'other').count", "a\t0\t7"),
        ("ws.room('a', 'other').name, ws.room('b', 'other').count", "a\t0"),
    ])
    func isEqualByName(expressions: String, result: String) throws {
        let fixture = try Fixture(handler: "print(\(expressions))")
        fixture.host.routes = ["other": 3, "c": 4, "bc": 5]
        fixture.host.otherRooms = [3: ["a": 7]]
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 \(result)"])
    }

    @Test func roomsCanBeMadeAtTheTopLevel() throws {
        let fixture = try Fixture(
            """
            local lobby, other, none = ws.room('lobby'), ws.room('x', 'late'), ws.room('y', 'never')
            assert(lobby.count == 0)
            for _ in ws.rooms() do error() end
            for _ in lobby:conns() do error() end
            return { message = function(conn)
                conn:join('lobby')
                print(lobby.count, other:broadcast('x'))
                print(pcall(function() return none.count end))
            end }
            """
        )
        fixture.host.routes = ["late": 1]
        fixture.host.otherRooms = [1: ["x": 2]]
        try fixture.message()
        #expect(
            fixture.host.log == [
                "info test.lua:7 #1 1\t2",
                "info test.lua:8 #1 false\ttest.lua:8: room.count: there is no route \"never\"",
            ]
        )
        #expect(fixture.host.effects == ["join #1 lobby", "broadcast text x route 1 to [\"x\"] except []"])
    }

    // MARK: - Broadcasts

    @Test(arguments: [
        ("ws.room('a'):broadcast('x')", "broadcast text x to [\"a\"] except []", "2"),
        ("ws.room('a'):broadcast('x', 'binary')", "broadcast binary x to [\"a\"] except []", "2"),
        ("ws.room('a'):broadcast('x', { kind = 'binary' })", "broadcast binary x to [\"a\"] except []", "2"),
        (
            "ws.room('a'):broadcast('x', { key = 'k', compress = false })",
            "broadcast text x to [\"a\"] except [] plain key k", "2"
        ),
        ("ws.room('a'):broadcast('x', { except = conn })", "broadcast text x to [\"a\"] except [1]", "1"),
        (
            "ws.room('a'):broadcast('x', { except = { ws.room('b') } })",
            "broadcast text x to [\"a\"] except [] and [\"b\"]", "1"
        ),
        (
            "ws.broadcast('x', { except = ws.room('a') })", "broadcast text x except [] and [\"a\"]", "2"
        ),
        (
            "ws.broadcast('x', { except = { conn, ws.room('b'), ws.room('c') }, key = 'k' })",
            "broadcast text x except [1] and [\"b\", \"c\"] key k", "1"
        ),
        ("ws.broadcast('x', { rooms = { 'a', 'b' } })", "broadcast text x to [\"a\", \"b\"] except []", "3"),
        (
            "ws.broadcast('x', { rooms = { ws.room('a'), 'b' }, except = ws.room('b') })",
            "broadcast text x to [\"a\", \"b\"] except [] and [\"b\"]", "1"
        ),
        ("ws.room('x', 'other'):broadcast('x')", "broadcast text x route 3 to [\"x\"] except []", "7"),
        (
            "ws.room('x', 'other'):broadcast('x', { except = ws.room('y', 'other') })",
            "broadcast text x route 3 to [\"x\"] except [] and [\"y\"]", "7"
        ),
    ])
    func broadcasts(call: String, effect: String, count: String) throws {
        // 1 and 2 are in a, 2 and 3 in b.
        let fixture = try Fixture(handler: "print(\(call))", connections: 1...4)
        fixture.host.rooms = [
            "a": [.init(rawValue: 1), .init(rawValue: 2)], "b": [.init(rawValue: 2), .init(rawValue: 3)],
        ]
        fixture.host.routes = ["other": 3]
        fixture.host.otherRooms = [3: ["x": 7]]
        try fixture.message()
        #expect(fixture.host.effects == [effect])
        #expect(fixture.host.log == ["info test.lua:1 #1 \(count)"])
    }

    @Test(arguments: [
        "ws.room('nobody'):broadcast('x')", "ws.broadcast('x', { rooms = {} })", "ws.room('x', 'other'):broadcast('x')",
        "ws.room('nobody'):disconnect()",
    ])
    func whatReachesNobodyHasNoEffect(call: String) throws {
        let fixture = try Fixture(handler: "print(\(call))")
        fixture.host.routes = ["other": 3]
        try fixture.message()
        #expect(fixture.host.effects == [])
        #expect(fixture.host.log == ["info test.lua:1 #1 0"])
    }

    /// The names lie behind the key and in front of the next effect.
    @Test(arguments: [1, 2, 3, 6, 7, 8, 255, 256])
    func namesOfAnyLengthFit(length: Int) throws {
        let fixture = try Fixture(
            handler: """
                local name = ('n'):rep(\(length))
                conn:join(name) ws.room(name):broadcast('x', { key = 'k', except = { ws.room('e'), ws.room('ee') } })
                conn:send('y')
                """
        )
        try fixture.message()
        let name = String(repeating: "n", count: length)
        let shown = name.count > 200 ? "\(name.count) bytes" : name
        #expect(
            fixture.host.effects == [
                "join #1 \(shown)", "broadcast text x to [\"\(name)\"] except [] and [\"e\", \"ee\"] key k",
                "send #1 text y",
            ]
        )
    }

    // MARK: - Lists

    @Test func connsIsASnapshotOfTheRoom() throws {
        let fixture = try Fixture(
            handler: """
                local room = ws.room('a')
                for c in room:conns() do
                    c:leave('a')
                    for d in ws.conns() do if d ~= c and d ~= conn then d:close() end end
                    print(c == conn, room.count)
                end
                """,
            connections: 1...3
        )
        fixture.host.rooms = ["a": [.init(rawValue: 1), .init(rawValue: 2)]]
        try fixture.message()
        #expect(fixture.host.effects == ["leave #1 a", "close #2 1000 ", "close #3 1000 "])
        #expect(fixture.host.log == ["info test.lua:5 #1 true\t0"])
    }

    @Test func roomsIsASnapshotOfThoseWithMembers() throws {
        let fixture = try Fixture(
            handler: """
                conn:join('a') conn:join('b') conn:join('c') conn:leave('b')
                for name in ws.rooms() do
                    print(name, ws.room(name).count)
                    conn:leave('c') conn:join('d')
                end
                """
        )
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:3 #1 a\t1"])
    }

    // MARK: - Disconnect

    @Test(arguments: [
        ("", "1000 "), ("nil, nil", "1000 "), ("4000, 'why'", "4000 why"),
        ("1000, ('x'):rep(124)", "1000 \(String(repeating: "x", count: 123))"),
    ])
    func disconnectsAllAtTheCall(arguments: String, effect: String) throws {
        let fixture = try Fixture(
            handler: """
                local room = ws.room('a')
                print(room:disconnect(\(arguments)), room.count, conn.open, conn:send('x'))
                """,
            connections: 1...3
        )
        fixture.host.rooms = ["a": [.init(rawValue: 1), .init(rawValue: 3)]]
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:2 #1 2\t0\tfalse\tnil\tclosed"])
        #expect(fixture.host.effects == ["disconnect [\"a\"] \(effect) note 43"])
    }

    // MARK: - Misuse

    @Test(arguments: [
        ("conn:join()", "conn:join: name must be a string, not missing"),
        ("conn:join(1)", "conn:join: name must be a string, not number"),
        ("conn:join(ws.room('a'))", "conn:join: name must be a string, not Room: pass room.name"),
        ("conn:join('')", "conn:join: a room's name must have 1 to 256 bytes, not 0"),
        ("conn:join(('x'):rep(257))", "conn:join: a room's name must have 1 to 256 bytes, not 257"),
        ("conn.join('a')", "conn.join was called without a conn: write conn:join(...)"),
        ("conn:leave()", "conn:leave: name must be a string, not missing"),
        ("conn:leave(('x'):rep(257))", "conn:leave: a room's name must have 1 to 256 bytes, not 257"),
        ("conn.leave('a')", "conn.leave was called without a conn: write conn:leave(...)"),
        ("conn.rooms = {}", "conn.rooms cannot be set: use conn.state for the script's own data"),
        ("ws.room()", "ws.room: name must be a string, not missing"),
        ("ws.room(conn)", "ws.room: name must be a string, not conn"),
        ("ws.room('')", "ws.room: a room's name must have 1 to 256 bytes, not 0"),
        ("ws.room('a', 1)", "ws.room: route must be a string, not number"),
        ("ws.room('a', 'nowhere')", "ws.room: there is no route \"nowhere\""),
        ("ws.room('a', '')", "ws.room: there is no route \"\""),
        ("ws.room('a').broadcast('x')", "room.broadcast was called without a Room: write room:broadcast(...)"),
        ("ws.room('a').conns()", "room.conns was called without a Room: write room:conns(...)"),
        ("ws.room('a').disconnect(1000)", "room.disconnect was called without a Room: write room:disconnect(...)"),
        ("ws.room('a'):send('x')", "room.send does not exist: write room:broadcast(...)"),
        ("ws.room('a'):join(conn)", "room.join does not exist: write conn:join(room.name)"),
        ("ws.room('a'):leave(conn)", "room.leave does not exist: write conn:leave(room.name)"),
        ("return ws.room('a').nmae", "unknown field of a Room: \"nmae\": did you mean \"name\"?"),
        ("return ws.room('a').members", "unknown field of a Room: \"members\""),
        ("return ws.room('a')[1]", "a Room has no field of type number"),
        ("ws.room('a').topic = 'x'", "a Room cannot be given fields: use a variable of the script"),
        ("ws.room('a'):broadcast()", "room:broadcast: data must be a string or a table, not missing"),
        ("ws.room('a'):broadcast('x', 'txt')", "room:broadcast: kind must be \"text\" or \"binary\", not \"txt\""),
        (
            "ws.room('a'):broadcast('\\x80')",
            "room:broadcast: text must be UTF-8, and byte 1 is not; pass \"binary\" to send bytes"
        ),
        ("ws.room('a'):broadcast('x', { rooms = { 'b' } })", "room:broadcast: unknown option \"rooms\""),
        (
            "ws.room('a'):broadcast('x', { excpt = conn })",
            "room:broadcast: unknown option \"excpt\": did you mean \"except\"?"
        ),
        (
            "ws.room('a'):broadcast('x', { except = 'b' })",
            "room:broadcast: except must be a conn, a Room or a list of these, not string"
        ),
        (
            "ws.room('a'):broadcast('x', { except = ws.room('b', 'other') })",
            "room:broadcast: except must be a conn, a Room or a list of these, not a Room of another route"
        ),
        (
            "ws.room('a', 'other'):broadcast('x', { except = ws.room('b') })",
            "room:broadcast: except must be a conn, a Room or a list of these, not a Room of another route"
        ),
        ("ws.broadcast('x', { rooms = 'a' })", "ws.broadcast: rooms must be a list of names or Rooms, not string"),
        (
            "ws.broadcast('x', { rooms = ws.room('a') })",
            "ws.broadcast: rooms must be a list of names or Rooms, not Room"
        ),
        (
            "ws.broadcast('x', { rooms = { conn } })",
            "ws.broadcast: rooms must be a list of names or Rooms, not conn"
        ),
        (
            "ws.broadcast('x', { rooms = { a = true } })",
            "ws.broadcast: rooms must be a list of names or Rooms, not a table with other keys than 1, 2, 3 and so on"
        ),
        (
            "ws.broadcast('x', { rooms = { nil, 'a' } })",
            "ws.broadcast: rooms must be a list of names or Rooms, not a list with nil in it"
        ),
        (
            "ws.broadcast('x', { rooms = { ws.room('a', 'other') } })",
            "ws.broadcast: rooms must be a list of names or Rooms, not a Room of another route"
        ),
        ("ws.broadcast('x', { rooms = { '' } })", "ws.broadcast: a room's name must have 1 to 256 bytes, not 0"),
        (
            "ws.room('a', 'other'):conns()",
            "room:conns is for rooms of this script's own route: one of another has broadcast and count"
        ),
        (
            "ws.room('a', 'other'):disconnect()",
            "room:disconnect is for rooms of this script's own route: one of another has broadcast and count"
        ),
        (
            "ws.room('a'):disconnect(1005)",
            "room:disconnect: 1005 is no code to close with: 1000 to 1014 but 1004, 1005 and 1006, or 3000 to 4999"
        ),
        ("ws.room('a'):disconnect(1000, '\\xFF')", "room:disconnect: the reason must be UTF-8, and byte 1 is not"),
    ])
    func misuseRaisesAtTheCaller(body: String, message: String) throws {
        let fixture = try Fixture(handler: body)
        fixture.host.routes = ["other": 3]
        let error = #expect(throws: ScriptError.self) { try fixture.message("data") }
        #expect(error?.message == "test.lua:1: \(message)")
        #expect(fixture.host.effects == [])
    }

    @Test(arguments: [
        ("ws.room('a'):broadcast('x')", "room:broadcast has no effect while the script loads"),
        ("ws.room('a'):disconnect()", "room:disconnect has no effect while the script loads"),
        ("for c in ws.conns() do c:join('a') end", "conn:join has no effect while the script loads"),
        ("for c in ws.conns() do c:leave('a') end", "conn:leave has no effect while the script loads"),
        ("ws.room('a', '')", "ws.room: there is no route \"\""),
    ])
    func effectsAreNotForTheTopLevel(call: String, message: String) throws {
        let fixture = try Fixture("print(pcall(function() \(call) end)) return {}")
        #expect(fixture.host.log == ["info test.lua:1 false\ttest.lua:1: \(message)"])
        #expect(fixture.host.rooms.isEmpty)
    }
}
