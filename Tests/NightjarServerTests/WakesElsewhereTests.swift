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

/// `ws.wake` in a route that has a VM on each loop.
struct WakesElsewhereTests {
    private static let script = """
        local script = {}
        function script.message(conn, data)
          local order, what = data:match("^(%l+) ?(.*)$")
          if order == "wait" then
            local value, why = ws.wait("news", what ~= "" and what or nil)
            if type(value) == "table" then value = tostring(value.room) end
            ws.broadcast(conn.path .. ws.instance .. " got " .. tostring(value or why))
          elseif order == "wake" then
            ws.broadcast("before")
            conn:send("woke " .. ws.wake("news", what))
            ws.broadcast("after")
          elseif order == "room" then
            ws.wake("news", { room = ws.room("a") })
          elseif order == "conn" then
            conn:send(select(2, pcall(ws.wake, "news", { who = conn })))
          end
        end
        return script
        """

    private func town(_ loops: Int) throws -> TestTown {
        try TestTown(loops: loops, [("all", Self.script, .perCore)])
    }

    @Test(arguments: [1, 2, 3])
    func wakesTheHandlersOfAllVMsOnce(loops: Int) throws {
        let town = try self.town(loops)
        let clients = try (0..<2 * loops).map { try town.connect(to: "all", on: $0 % loops) }
        let speaker = try town.connect(to: "all", on: loops - 1)
        for client in clients { client.send("wait") }
        town.run()
        speaker.send("wake up")
        town.run()
        #expect(speaker.texts.contains("woke \(2 * loops)"))
        for client in clients {
            let told = client.texts.filter { $0.contains("got") }.sorted()
            #expect(told == (1...loops).flatMap { ["/all\($0) got up", "/all\($0) got up"] })
        }
        speaker.send("wake again")
        town.run()
        #expect(speaker.texts.contains("woke 0"))
        #expect(speaker.texts.count { $0.contains("got") } == 2 * loops)
        #expect(town.log.texts(.error) == [])
    }

    /// What the script has sent before it wakes the others is there when they go on.
    @Test func comesInTheOrderOfTheCalls() throws {
        let town = try self.town(2)
        let waiting = try town.connect(to: "all", on: 1)
        let speaker = try town.connect(to: "all", on: 0)
        waiting.send("wait")
        town.run()
        speaker.send("wake up")
        town.run()
        #expect(waiting.texts == ["before", "/all2 got up", "after"])
    }

    @Test func wakesThemInTheOrderInWhichTheyBeganToWait() throws {
        let script = """
            return { message = function(conn, data)
              if data == "wake" then ws.wake("x") else ws.wait("x") ws.broadcast(data) end
            end }
            """
        let town = try TestTown(loops: 2, [("all", script, .perCore)])
        let clients = try (0..<5).map { _ in try town.connect(to: "all", on: 1) }
        let speaker = try town.connect(to: "all", on: 0)
        for number in [3, 0, 4, 1, 2] { clients[number].send("\(number)") }
        town.run()
        speaker.send("wake")
        town.run()
        #expect(speaker.texts == ["3", "0", "4", "1", "2"])
    }

    @Test func countsNobodyWhoWaitsNoMore() throws {
        let town = try self.town(2)
        let waiting = try town.connect(to: "all", on: 1)
        let speaker = try town.connect(to: "all", on: 0)
        waiting.send("wait 50ms")
        town.run()
        for loop in town.loops { loop.advanceTime(by: .milliseconds(60)) }
        town.run()
        #expect(waiting.texts == ["/all2 got timeout"])
        speaker.send("wake up")
        town.run()
        #expect(speaker.texts.contains("woke 0"))
        let route = try #require(town.routes["all"])
        #expect(route.census.waiting(for: Array("news".utf8), besides: 0).isEmpty)
    }

    @Test func aRoomCrossesAndAConnDoesNot() throws {
        let town = try self.town(2)
        let waiting = try town.connect(to: "all", on: 1)
        let speaker = try town.connect(to: "all", on: 0)
        waiting.send("wait")
        town.run()
        speaker.send("room")
        town.run()
        #expect(waiting.texts == ["/all2 got room a"])
        speaker.send("conn")
        town.run()
        #expect(speaker.texts.last == "ws.wake: value.who: a conn cannot be kept; keep its id")
    }
}
