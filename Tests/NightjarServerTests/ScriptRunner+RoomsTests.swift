//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import CAllocationCounter
import Logging
import LuaRuntime
import NIOCore
import NIOEmbedded
import NightjarServer
import Testing

struct ScriptRunnerRoomsTests {
    /// Each message is Lua, so that a test says what happens where it happens.
    private static let evaluate = """
        local orders = {}
        local script = {}
        function script.connect(conn) if orders.connect then orders.connect(conn) end end
        function script.message(conn, data) orders[data](conn) end
        function script.close(conn, code) if orders.close then orders.close(conn, code) end end
        """

    /// A house whose script does on a message what stands under that key.
    private func house(
        _ orders: String,
        loops: Int = 1,
        configuration: RouteConfiguration = RouteConfiguration()
    ) throws -> TestHouse {
        let script = "\(Self.evaluate)\n\(orders)\nreturn script"
        return try TestHouse(script, loops: loops, configuration: configuration)
    }

    @Test(arguments: [1, 2, 3])
    func aBroadcastReachesTheRoomAsItWasAtTheCall(loops: Int) throws {
        let house = try self.house(
            """
            function orders.go(conn)
              local room = conn:join("a")
              room:broadcast("in " .. room.count)
              conn:leave("a")
              room:broadcast("out " .. room.count)
              conn:join("b"):broadcast("b " .. #conn.rooms)
            end
            function orders.join(conn) conn:join("a") end
            """,
            loops: loops
        )
        let (one, two) = (try house.connect(), try house.connect(on: loops - 1))
        two.send("join")
        house.run()
        one.send("go")
        house.run()
        #expect(one.texts == ["in 2", "b 1"])
        #expect(two.texts == ["in 2", "out 1"])
    }

    /// What goes to a room and its last member's leave are of one event: the frame still finds the way to the other loop.
    @Test(arguments: [1, 2])
    func whatWasBroadcastBeforeTheEndArrives(loops: Int) throws {
        let house = try self.house(
            """
            function orders.all(conn) ws.broadcast("bye") conn:close() end
            function orders.room(conn) conn:join("a"):broadcast("bye") conn:close(4000, "why") end
            function orders.sweep(conn) local a = conn:join("a") a:broadcast("bye") a:disconnect(4000, "why") end
            function orders.close(conn, code) print(code) end
            """,
            loops: loops
        )
        for (order, code) in [("all", 1000), ("room", 4000), ("sweep", 4000)] {
            let client = try house.connect()
            client.send(order)
            house.run()
            #expect(client.texts == ["bye"])
            #expect(client.close == .close(UInt16(code), code == 1000 ? "" : "why"))
            client.acknowledgeClose()
            client.transport.close()
            house.run()
        }
        #expect(house.log.texts(.info) == ["1000", "4000", "4000"])
        #expect(house.runner.rooms.count == 0)
    }

    @Test(arguments: [1, 2])
    func severalBroadcastsOfOneTickLeaveInOneWrite(loops: Int) throws {
        let house = try self.house(
            """
            function orders.connect(conn) conn:join("a") conn:join("b") end
            function orders.go(conn)
              ws.room("a"):broadcast("1") ws.room("b"):broadcast("2") ws.broadcast("3")
              ws.broadcast("4", { rooms = { "b", "a" } })
            end
            """,
            loops: loops
        )
        let (one, two) = (try house.connect(), try house.connect())
        house.run()
        let writes = (one.transport.writes, two.transport.writes)
        one.send("go")
        house.run()
        #expect(one.texts == ["1", "2", "3", "4"])
        #expect(two.texts == ["1", "2", "3", "4"])
        #expect(one.transport.writes == writes.0 + 1)
        #expect(two.transport.writes == writes.1 + 1)
    }

    @Test(arguments: [1, 2])
    func disconnectClosesEachOnceAndNobodyElse(loops: Int) throws {
        let house = try self.house(
            """
            function orders.join(conn) conn:join("a") end
            function orders.go(conn)
              conn:send(ws.room("a"):disconnect(4321, "enough") .. " " .. ws.room("a"):disconnect())
            end
            function orders.close(conn, code) print("closed", code, conn.rooms[1], ws.room("a").count) end
            """,
            loops: loops
        )
        let members = try (0..<3).map { try house.connect(on: $0 % loops) }
        let other = try house.connect()
        for member in members { member.send("join") }
        house.run()
        other.send("go")
        // What they send in the meantime finds no handler any more.
        for member in members { member.send("join") }
        house.run()
        #expect(other.texts == ["3 0"])
        for member in members {
            #expect(member.close == .close(4321, "enough"))
            member.acknowledgeClose()
            member.transport.close()
        }
        house.run()
        #expect(house.log.texts(.info) == Array(repeating: "closed\t4321\ta\t0", count: 3))
        #expect(house.runner.openCount == 1)
        #expect(other.close == nil)
    }

    @Test(arguments: [1, 2])
    func afterTheEndAConnectionIsInNoRoom(loops: Int) throws {
        let house = try self.house(
            """
            function orders.connect(conn) conn:join("a") conn:join("b") end
            function orders.go(conn)
              conn:close()
              print(#conn.rooms, ws.room("a").count, conn:join("c"), conn:leave("a"))
            end
            function orders.close(conn)
              local rooms = conn.rooms
              table.sort(rooms)
              print(table.concat(rooms, ","), ws.room("a").count, conn:join("c").count)
            end
            """,
            loops: loops
        )
        let (closed, gone) = (try house.connect(), try house.connect())
        house.run()
        closed.send("go")
        house.run()
        #expect(house.log.texts(.info) == ["0\t1\troom c\tnil\tclosed"])
        gone.transport.close()
        closed.transport.close()
        house.run()
        #expect(house.log.texts(.info).dropFirst() == ["a,b\t0\t0", "a,b\t0\t0"])
        #expect(house.runner.rooms.count == 0)
        #expect(house.workers[0].rooms[0].count == 0)
    }

    @Test(arguments: [1, 2])
    func whoseConnectFailsIsInNoRoom(loops: Int) throws {
        let house = try self.house(
            "function orders.connect(conn) conn:join('a') error('no') end",
            loops: loops
        )
        let client = try house.connect()
        house.run()
        #expect(client.close == .close(1011, "the connect handler failed"))
        #expect(house.runner.rooms.count == 0)
        #expect(house.workers[0].rooms[0].count == 0)
    }

    /// The script's loop has let it in before it hears that the connection is gone.
    @Test func aLateJoinFindsNobody() throws {
        let house = try self.house("function orders.connect(conn) conn:join('a') end", loops: 2)
        let client = try house.connect()
        house.loops[0].run()
        house.loops[1].run()
        client.transport.close()
        house.run()
        #expect(house.workers[0].rooms[0].count == 0)
        #expect(house.runner.rooms.count == 0)
    }

    @Test func theLimitOfRoomsIsCountedAndTold() throws {
        var configuration = RouteConfiguration()
        configuration.rooms = 2
        let house = try self.house(
            """
            function orders.go(conn)
              for _, name in ipairs { "a", "b", "c", "d", "a" } do print(conn:join(name)) end
            end
            """,
            configuration: configuration
        )
        try house.connect().send("go")
        #expect(house.log.texts(.info).prefix(2) == ["room a", "room b"])
        #expect(house.log.texts(.info).suffix(1) == ["room a"])
        #expect(house.log.texts(.info).filter { $0 == "nil\tfull" }.count == 2)
        #expect(house.workers[0].counters[.exceeded(.rooms)] == 2)
        let line = house.log.lines.first { $0.metadata["limit"] == "rooms" }
        #expect(line?.text == "not joined: a connection is in 2 rooms")
    }

    /// One that reads too slowly is closed, or misses the frame, as the route says; the others get everything.
    @Test(arguments: [1, 2], SlowPolicy.allCases)
    func aSlowMemberHoldsUpNobody(loops: Int, slow: SlowPolicy) throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 1000
        configuration.slow = slow
        let house = try self.house(
            """
            function orders.connect(conn) conn:join("a") end
            function orders.go(conn) for i = 1, 3 do ws.room("a"):broadcast(i .. ("x"):rep(600)) end end
            """,
            loops: loops,
            configuration: configuration
        )
        let (fast, slowOne) = (try house.connect(), try house.connect())
        house.run()
        slowOne.transport.room = 0
        fast.send("go")
        house.run()
        #expect(fast.texts.map(\.first) == ["1", "2", "3"])
        slowOne.transport.makeRoom()
        house.run()
        #expect(slowOne.texts.map(\.first) == ["1"])
        #expect((slowOne.close != nil) == (slow == .close))
    }

    @Test func whoIsInNoRoomHoldsNothingForThem() throws {
        let house = try self.house(
            """
            function orders.join(conn) conn:join("a") conn:join("b") end
            function orders.leave(conn) conn:leave("b") conn:leave("a") end
            """
        )
        let client = try house.connect()
        let member = try #require(client.connection.member)
        #expect(client.connection.stays == nil && member.stays == nil)
        client.send("join")
        #expect(client.connection.stays != nil && member.stays != nil)
        client.send("leave")
        #expect(client.connection.stays == nil && member.stays == nil)
    }

    /// A broadcast to a room takes from the heap what one to the route does: the one frame, and what each queue needs.
    @Test(arguments: [1, 50])
    func aBroadcastToARoomCostsAsOneToTheRoute(count: Int) throws {
        guard nj_allocations_are_counted() else { return }
        let house = try self.house(
            """
            function orders.connect(conn) conn:join("a") end
            orders["to the route"] = function() ws.broadcast("x") end
            orders["to the room!"] = function() ws.room("a"):broadcast("x") end
            """
        )
        let clients = try (0..<count).map { _ in try house.connect() }
        house.run()
        let vm = try #require(house.runner.vm)
        func cost(of order: String) -> UInt64 {
            var least = UInt64.max
            for _ in 0..<20 {
                let burst = clients[0].frame(order)
                let (swift, lua) = (nj_allocations(), vm.allocations)
                clients[0].connection.receive(burst)
                house.loops[0].run()
                least = min(least, nj_allocations() - swift - (vm.allocations - lua))
                for client in clients { client.transport.forgetSent() }
            }
            return least
        }
        let route = cost(of: "to the route")
        #expect(cost(of: "to the room!") <= route)
    }

    /// However many rooms there are, and whoever is in them.
    @Test func joiningAndLeavingTakeNoMoreAmongMany() throws {
        guard nj_allocations_are_counted() else { return }
        let house = try self.house(
            """
            function orders.fill(conn) for i = 1, 900 do conn:join("filler " .. i) end end
            function orders.go(conn) for i = 1, 10 do conn:join("room") conn:leave("room") end end
            """
        )
        let (client, other) = (try house.connect(), try house.connect())
        let vm = try #require(house.runner.vm)
        func cost() -> UInt64 {
            var least = UInt64.max
            for _ in 0..<20 {
                let burst = client.frame("go")
                let (swift, lua) = (nj_allocations(), vm.allocations)
                client.connection.receive(burst)
                least = min(least, nj_allocations() - swift - (vm.allocations - lua))
            }
            return least
        }
        let alone = cost()
        other.send("fill")
        #expect(cost() <= alone)
    }
}
