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
import Synchronization
import Testing

struct ScriptRunnerTests {
    @Test func checksStatesUnderDevelopment() throws {
        let script = "return { message = function(conn) conn.state.f = print end }"
        for isDevelopment in [true, false] {
            let house = try TestHouse(script, isDevelopment: isDevelopment)
            try house.connect().send("x")
            let warnings = house.log.lines.filter {
                $0.text.hasPrefix("after message: conn.state.f: a function cannot be kept")
            }
            #expect(warnings.map(\.level) == (isDevelopment ? [.warning] : []))
        }
    }

    /// Some go at once, others wait until the handler is over: nobody sees the difference.
    @Test(arguments: [1, 2])
    func messagesKeepTheirOrderWhateverTheirWay(loops: Int) throws {
        let house = try TestHouse(
            """
            return { message = function(c)
              c:send("1")
              c:send("2")
              ws.broadcast("3")
              c:send("4")
              c:send("5", { key = "k" })
              c:send("6", "binary")
              c:send("7")
              if c.buffered == 0 then c:send("nothing is buffered") end
            end }
            """,
            loops: loops
        )
        let client = try house.connect()
        house.run()
        client.send("go")
        house.run()
        client.take()
        let (texts, last) = (["1", "2", "3", "4", "5"], "7")
        #expect(client.received == texts.map { .text($0) } + [.binary(Array("6".utf8)), .text(last)])
    }

    /// `burn` takes far more than 4 ms of CPU time on any machine, so that a tick of the clock lands in it.
    private static let burner = """
        return { message = function(conn, data)
          if data == "burn" then for _ = 1, 3e7 do end end
          conn:send(data)
        end }
        """

    private func limits() -> RouteConfiguration {
        var configuration = RouteConfiguration()
        configuration.eventCPU = .seconds(5)
        return configuration
    }

    /// Lets the VM rest and go on. It may use its slice again: the CPU time runs on, so a tick may land in any event.
    private func goOn(_ house: TestHouse, turns: Int = 4) {
        for _ in 0..<turns {
            house.loops[0].advanceTime(by: .microseconds(200))
            house.run()
        }
    }

    @Test func aScriptThatHasUsedItsSliceRestsAndThenGoesOn() throws {
        let house = try TestHouse(Self.burner, configuration: self.limits(), sliceTicks: 1)
        let client = try house.connect()
        client.send(["a", "burn", "b", "c"])
        // The burst is answered up to where the slice ended; the rest waits, and no task of this turn runs it.
        #expect(client.texts == ["a", "burn"])
        house.run()
        #expect(client.texts == ["a", "burn"])
        self.goOn(house)
        #expect(client.texts == ["a", "burn", "b", "c"])
    }

    /// What a handler of the version before uses is the route's all the same.
    @Test func aHandlerOfAnOlderVersionUsesTheSliceToo() throws {
        let house = try TestHouse(
            "return { message = function(c) ws.sleep(1) for _ = 1, 3e7 do end c:send('old') end }",
            configuration: self.limits(),
            sliceTicks: 1
        )
        let (client, other) = (try house.connect(), try house.connect())
        client.send("go")
        house.run()
        try house.reload("return { message = function(c, data) c:send(data) end }")
        house.loops[0].advanceTime(by: .seconds(1))
        other.send("new")
        #expect(client.texts == ["old"])
        #expect(other.texts == [])
        self.goOn(house)
        #expect(other.texts == ["new"])
    }

    @Test func stopsReadingWhileAsManyMessagesWaitAsMay() throws {
        var configuration = self.limits()
        configuration.queueMessages = 4
        let house = try TestHouse(Self.burner, configuration: configuration, sliceTicks: 1)
        let client = try house.connect()
        client.send(["burn"] + (0..<20).map(String.init))
        #expect(!client.transport.isReading)
        #expect(client.texts == ["burn"])
        self.goOn(house, turns: 20)
        #expect(client.texts == ["burn"] + (0..<20).map(String.init))
        #expect(client.transport.isReading)
        #expect(house.ledger.bytes == 0)
    }

    @Test func stopsReadingEverywhereWhileTooMuchWaitsForTheScript() throws {
        var configuration = self.limits()
        configuration.scriptQueueBytes = 1000
        let house = try TestHouse(Self.burner, configuration: configuration, sliceTicks: 1)
        let (busy, other) = (try house.connect(), try house.connect())
        busy.send("burn")
        busy.send(String(repeating: "x", count: 1001))
        other.send("y")
        #expect(!busy.transport.isReading)
        #expect(!other.transport.isReading)
        self.goOn(house)
        #expect(other.texts == ["y"])
        #expect(busy.transport.isReading && other.transport.isReading)
    }

    /// Of several VMs each has its own loop's connections wait, and no others.
    @Test func stopsReadingOnItsLoopAloneWhereEachHasAVM() throws {
        var configuration = self.limits()
        configuration.scriptQueueBytes = 1000
        configuration.instances = .perCore
        let house = try TestHouse(Self.burner, configuration: configuration, sliceTicks: 1)
        let (busy, other) = (try house.connect(), try house.connect())
        busy.send("burn")
        busy.send(String(repeating: "x", count: 1001))
        other.send("y")
        #expect(!busy.transport.isReading && !other.transport.isReading)
        let isCongestedEverywhere = house.route.census.isCongested.load(ordering: .relaxed)
        #expect(!isCongestedEverywhere)
        self.goOn(house)
        #expect(other.texts == ["y"])
        #expect(busy.transport.isReading && other.transport.isReading)
    }

    /// Nobody asks the script any more, so nothing that it does would make Lua collect.
    @Test func collectsWhatConnectionsLeave() throws {
        let house = try TestHouse("return { message = function(conn) conn.state.x = ('x'):rep(1000) .. conn.id end }")
        let before = try #require(house.runner.vm).memoryUsed
        let clients = try (0..<ScriptRunner.collectionThreshold).map { _ in try house.connect() }
        for client in clients { client.send("x") }
        for client in clients { client.transport.close() }
        house.run()
        let grown = try #require(house.runner.vm).memoryUsed - before
        #expect(grown > 300_000)
        house.advance(by: .seconds(1))
        for loop in house.loops { loop.advanceTime(by: .seconds(1)) }
        let left = try #require(house.runner.vm).memoryUsed - before
        #expect(left < grown / 4)
    }

    /// Or the next event would have to collect it all, for as long as that takes.
    @Test func collectsBeforeTheNextEventWhatBringsTheLimitNear() throws {
        let house = try TestHouse(
            """
            return { message = function(c, data)
              if data == "eat" then
                local t = {}
                for i = 1, 5e5 do t[i] = { i } end
              end
              c:send(("%d"):format(collectgarbage("count") // 1024))
            end }
            """,
            configuration: self.limits(),
            sliceTicks: 1
        )
        let client = try house.connect()
        client.send(["eat", "what is left?"])
        let first = try #require(client.texts.first.flatMap(Int.init))
        #expect(first > 32 && client.texts.count == 1)
        self.goOn(house, turns: 2000)
        let second = try #require(client.texts.last.flatMap(Int.init))
        #expect(second < 4 && client.texts.count == 2)
    }

    @Test func whatADeadConnectionLeavesInTheQueueIsAccountedFor() throws {
        let house = try TestHouse(Self.burner, configuration: self.limits(), sliceTicks: 1)
        let (busy, other) = (try house.connect(), try house.connect())
        busy.send("burn")
        other.send(String(repeating: "x", count: 5000))
        other.transport.close()
        #expect(house.ledger.bytes >= 5000)
        self.goOn(house)
        #expect(house.ledger.bytes == 0)
        #expect(house.runner.membersByID.count == 1)
    }

    @Test func readsNothingOfANewcomerWhileTooMuchWaits() throws {
        var configuration = self.limits()
        configuration.scriptQueueBytes = 1000
        let house = try TestHouse(Self.burner, configuration: configuration, sliceTicks: 1)
        let (busy, newcomer) = (try house.connect(), try house.connect())
        busy.send(["burn", String(repeating: "x", count: 1001)])
        newcomer.send(String(repeating: "y", count: 5000))
        #expect(!newcomer.transport.isReading)
        #expect(house.ledger.bytes < 1001 + newcomer.connection.heldCapacity + 200)
        #expect(newcomer.connection.heldCapacity < 2 * 5000)
        self.goOn(house)
        #expect(newcomer.texts == [String(repeating: "y", count: 5000)])
    }

    @Test func passesMessagesOverAtTheEndButTellsEachClose() throws {
        var configuration = self.limits()
        configuration.eventCPU = .seconds(5)
        let house = try TestHouse(
            """
            return {
              message = function(conn, data)
                if data == "burn" then for _ = 1, 3e7 do end end
                print("message " .. data)
              end,
              close = function() print("close") end,
            }
            """,
            configuration: configuration,
            sliceTicks: 1
        )
        let client = try house.connect()
        client.send(["burn", "a", "b"])
        house.runner.beginEnding()
        client.transport.close()
        self.goOn(house)
        #expect(house.log.texts(.info) == ["message burn", "close"])
    }

    // MARK: - Effects and errors

    @Test(arguments: [1, 2])
    func broadcastsToTheOthersInOneOrder(loops: Int) throws {
        let house = try TestHouse(
            """
            return { message = function(conn, data)
              conn:send("before " .. data)
              conn:send(tostring(ws.broadcast("all " .. data)))
              conn:send(tostring(ws.broadcast("others " .. data, { except = conn })))
            end }
            """,
            loops: loops
        )
        let (one, two) = (try house.connect(), try house.connect())
        house.run()
        one.send("1")
        house.run()
        two.send("2")
        house.run()
        #expect(one.texts == ["before 1", "all 1", "2", "1", "all 2", "others 2"])
        #expect(two.texts == ["all 1", "others 1", "before 2", "all 2", "2", "1"])
    }

    @Test(arguments: [1, 2])
    func sharesALargeBroadcast(loops: Int) throws {
        let house = try TestHouse(
            "return { message = function(_, data) ws.broadcast(data:rep(100000)) end }",
            loops: loops
        )
        let clients = try (0..<3).map { _ in try house.connect() }
        house.run()
        clients[0].send("x")
        house.run()
        for client in clients {
            #expect(client.texts == [String(repeating: "x", count: 100_000)])
        }
    }

    @Test(arguments: [1, 2])
    func logsAnErrorWithItsPlaceAndKeepsTheConnection(loops: Int) throws {
        let house = try TestHouse(
            """
            return {
              message = function(conn, data)
                if data == "bad" then
                  local nothing
                  nothing.field = 1
                end
                conn:send(data)
              end,
              error = function(conn, err) conn:send(err.handler .. " " .. err.version .. " " .. err.message) end,
            }
            """,
            loops: loops
        )
        let client = try house.connect()
        client.send("bad")
        client.send("good")
        house.run()
        #expect(client.texts.last == "good")
        #expect(client.texts.first?.hasPrefix("message 1 test.lua:5: attempt to index a nil value") == true)
        let line = try #require(house.log.lines.first { $0.level == .error })
        #expect(line.text == "script error")
        #expect(line.metadata["script"] == "test.lua")
        #expect(line.metadata["route"] == "/test")
        #expect(line.metadata["version"] == "1")
        #expect(line.metadata["handler"] == "message")
        #expect("\(line.metadata["error"] ?? "")".hasPrefix("test.lua:5: attempt to index a nil value"))
        #expect("\(line.metadata["source"] ?? "")".contains("nothing.field = 1"))
        #expect("\(line.metadata["traceback"] ?? "")".contains("test.lua:5"))
        #expect("\(line.metadata["connection"] ?? "")".count == 22)
    }

    @Test(arguments: [1, 2])
    func closesWith1011WhenConnectFails(loops: Int) throws {
        let house = try TestHouse(
            "return { connect = function() error('no') end, close = function(c, code) print('closed', code) end }",
            loops: loops
        )
        let client = try house.connect()
        house.run()
        #expect(client.close == .close(1011, "the connect handler failed"))
        client.acknowledgeClose()
        client.transport.close()
        house.run()
        #expect(house.log.texts(.info) == ["closed\t1011"])
    }

    @Test func anErrorInTheErrorHandlerIsLoggedAndNoMore() throws {
        let house = try TestHouse(
            "return { message = function() error('first') end, error = function() error('second') end }"
        )
        let client = try house.connect()
        client.send("x")
        let errors = house.log.lines.filter { $0.level == .error }.map { "\($0.metadata["error"] ?? "")" }
        #expect(errors == ["test.lua:1: first", "test.lua:1: second"])
    }

    @Test(arguments: [1, 2])
    func buffersAreWhatTheScriptSees(loops: Int) throws {
        let house = try TestHouse(
            """
            return { message = function(conn, data)
              if data == "ask" then conn:send(tostring(conn.buffered)) return end
              conn:send(data)
              print(conn.buffered)
            end }
            """,
            loops: loops
        )
        let client = try house.connect()
        client.transport.room = 0
        client.send(String(repeating: "x", count: 1000))
        house.run()
        #expect(house.log.texts(.info) == ["1004"])
        client.transport.makeRoom()
        house.run()
        client.send("ask")
        house.run()
        #expect(client.texts.last == "0")
    }

    @Test(arguments: [1, 2])
    func whatConnectSendsIsCountedOnce(loops: Int) throws {
        let house = try TestHouse(
            """
            return {
              connect = function(conn) conn:send("hello") end,
              message = function(conn) conn:send(tostring(conn.buffered)) end,
            }
            """,
            loops: loops
        )
        let client = try house.connect()
        house.run()
        client.send("x")
        house.run()
        #expect(client.texts == ["hello", "0"])
    }

    @Test(arguments: [1, 2])
    func findsAndListsConnections(loops: Int) throws {
        let house = try TestHouse(
            """
            return { message = function(conn, data)
              local n = 0
              for other in ws.conns() do n = n + 1 end
              conn:send(n .. " " .. tostring(ws.get(conn.id) == conn) .. " " .. tostring(ws.get("nobody")))
              if data == "close" then conn:close() conn:send("never") end
            end }
            """,
            loops: loops
        )
        let (one, two) = (try house.connect(target: "/test?a=1"), try house.connect())
        house.run()
        one.send("close")
        house.run()
        two.send("x")
        house.run()
        #expect(one.texts == ["2 true nil"])
        #expect(two.texts == ["1 true nil"])
    }
}
