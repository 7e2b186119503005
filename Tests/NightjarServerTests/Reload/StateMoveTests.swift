//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import LuaRuntime
import NIOCore
import NIOEmbedded
import NightjarServer
import Testing

/// What becomes of `conn.state` when another version of the script serves.
struct StateMoveTests {
    private static func script(_ number: Int) -> String {
        """
        return {
          connect = function(conn, req) conn.state.name = req.query.name; conn.state.list = { 1, { conn } } end,
          message = function(conn, data)
            conn.state.count = (conn.state.count or 0) + 1
            local list = conn.state.list
            conn:send("\(number) " .. conn.state.name .. " " .. conn.state.count .. " " .. tostring(list[2][1] == conn))
          end,
        }
        """
    }

    @Test(arguments: [1, 2]) func statesComeOverAtTheirFirstUse(loops: Int) throws {
        let house = try TestHouse(Self.script(1), loops: loops)
        let client = try house.connect(target: "/test?name=ann")
        client.send("x")
        house.run()
        try house.beginSwap(to: Self.script(2))
        client.send("x")
        // Before the loop had time to move it.
        house.runner.commitSwap()
        house.run()
        client.send("x")
        house.run()
        #expect(client.texts == ["1 ann 1 true", "2 ann 2 true", "2 ann 3 true"])
    }

    @Test func statesComeOverWhenTheLoopHasTimeAndTheOldVMCloses() throws {
        let house = try TestHouse(Self.script(1))
        let clients = try (0..<50).map { try house.connect(target: "/test?name=n\($0)") }
        try house.reload(Self.script(2))
        house.settle()
        #expect(house.runner.retiredCount == 0)
        for (number, client) in clients.enumerated() {
            client.send("x")
            #expect(client.texts == ["2 n\(number) 1 true"])
        }
    }

    @Test func statesComeOverSeveralReloadsAtOnce() throws {
        let house = try TestHouse(Self.script(1))
        let client = try house.connect(target: "/test?name=ann")
        for number in 2...5 {
            try house.beginSwap(to: Self.script(number))
            house.runner.commitSwap()
        }
        client.send("x")
        #expect(client.texts == ["5 ann 1 true"])
        house.settle()
        #expect(house.runner.retiredCount == 0)
    }

    @Test func anotherConnectionsStateIsThereToo() throws {
        let house = try TestHouse(Self.script(1))
        let (ann, _) = (try house.connect(target: "/test?name=ann"), try house.connect(target: "/test?name=bob"))
        house.run()
        try house.beginSwap(
            to: """
                return { message = function(conn)
                  local names = {}
                  for other in ws.conns() do names[#names + 1] = other.state.name end
                  table.sort(names)
                  conn:send(table.concat(names, ' '))
                end }
                """
        )
        house.runner.commitSwap()
        ann.send("x")
        #expect(ann.texts == ["ann bob"])
    }

    @Test func loadSeesStatesAndAFailingOneTakesNone() throws {
        let house = try TestHouse(Self.script(1))
        let client = try house.connect(target: "/test?name=ann")
        house.run()
        #expect(throws: ScriptError.self) {
            try house.reload(
                """
                return { load = function()
                  for conn in ws.conns() do print(conn.state.name) conn.state.name = 'x' end
                  error('no')
                end }
                """
            )
        }
        #expect(house.log.texts(.info) == ["ann"])
        client.send("x")
        #expect(client.texts == ["1 ann 1 true"])
    }

    @Test func whatCannotBeKeptIsFoundBefore() throws {
        let house = try TestHouse(
            """
            local shared = {}
            return { connect = function(conn, req)
              if req.query.name == 'f' then conn.state.a = { b = print } else conn.state.s = shared end
            end }
            """
        )
        let client = try house.connect(target: "/test?name=f")
        house.run()
        func check() throws {
            let future = house.runner.checkStates()
            house.settle()
            try future.wait()
        }
        let error = #expect(throws: RefusedState.self) { try check() }
        #expect(error?.reason.contains("conn.state.a.b: a function cannot be kept") == true, "\(error?.reason ?? "")")
        client.transport.close()
        house.run()
        _ = try house.connect()
        try check()
        _ = try house.connect()
        let other = #expect(throws: RefusedState.self) { try check() }
        #expect(other?.reason.contains("conn.state.s: a table that is reached twice") == true, "\(other?.reason ?? "")")
    }

    @Test func whatTurnedBadIsLeftOutAndToldOf() throws {
        let house = try TestHouse("return { connect = function(conn) conn.state.a = { b = print } end }")
        let client = try house.connect()
        house.run()
        try house.reload("return { message = function(conn) conn:send(tostring(next(conn.state))) end }")
        house.settle()
        client.send("x")
        #expect(client.texts == ["nil"])
        #expect(house.log.texts(.warning) == ["a connection's state was left out of the reload"])
        let reason = house.log.lines.last { $0.level == .warning }?.metadata["reason"]
        #expect("\(reason ?? "")".contains("conn.state.a.b: a function cannot be kept"))
        #expect(house.runner.retiredCount == 0)
    }

    @Test func aStateStaysWhereAHandlerUsesIt() throws {
        let house = try TestHouse(
            "return { message = function(conn) conn.state.n = 1 ws.sleep(0.05) conn.state.n = conn.state.n + 1 end }"
        )
        let (client, other) = (try house.connect(), try house.connect())
        client.send("x")
        house.run()
        try house.reload(
            """
            return { message = function(conn, data)
              if data ~= 'all' then return conn:send('has ' .. conn.state.n) end
              for other in ws.conns() do
                if other ~= conn then conn:send('sees ' .. other.state.n); other.state.n = 7 end
              end
            end }
            """
        )
        house.settle()
        other.send("all")
        house.run()
        #expect(other.texts == ["sees 1"])
        for _ in 0..<60 { house.loops[0].advanceTime(by: .milliseconds(1)) }
        client.send("y")
        house.run()
        #expect(client.texts == ["has 2"])
        house.settle()
        #expect(house.runner.retiredCount == 0)
    }

    @Test func theStateOfAnUpgradeComesOverToo() throws {
        let fixture = try HTTPFixture(
            script: "return { upgrade = function() ws.sleep(0.02) return { name = 'ann' } end }"
        )
        fixture.request([
            "GET /test HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ])
        fixture.house.run()
        try fixture.house.reload("return { connect = function(conn) conn:send('hello ' .. conn.state.name) end }")
        for _ in 0..<30 { fixture.house.loops[0].advanceTime(by: .milliseconds(1)) }
        fixture.house.settle()
        #expect(try fixture.sent().hasSuffix("hello ann"))
        #expect(fixture.house.runner.retiredCount == 0)
    }
}
