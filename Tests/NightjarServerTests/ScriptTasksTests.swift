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

/// Handlers that wait and timers, on loops whose time stands still until it is moved.
struct ScriptTasksTests {
    private static let sleeper = """
        return {
          message = function(conn, data)
            if data == "sleep" then ws.sleep(0.05) end
            conn:send(data)
          end,
          close = function(conn, code) print("closed", code) end,
        }
        """

    private func advance(_ house: TestHouse, milliseconds: Int64) {
        for _ in 0..<milliseconds {
            house.loops.forEach { $0.advanceTime(by: .milliseconds(1)) }
        }
        house.run()
    }

    @Test(arguments: [1, 2]) func aConnectionsEventsWaitBehindItsHandler(loops: Int) throws {
        let house = try TestHouse(Self.sleeper, loops: loops)
        let (client, other) = (try house.connect(), try house.connect())
        client.send(["a", "sleep", "b", "c"])
        house.run()
        #expect(client.texts == ["a"])
        other.send("x")
        house.run()
        #expect(other.texts == ["x"])
        self.advance(house, milliseconds: 49)
        #expect(client.texts == ["a"])
        self.advance(house, milliseconds: 2)
        #expect(client.texts == ["a", "sleep", "b", "c"])
        client.send("d")
        house.run()
        #expect(client.texts.last == "d")
    }

    @Test func handlersThatWaitOneAfterTheOtherKeepTheOrder() throws {
        let house = try TestHouse(Self.sleeper)
        let client = try house.connect()
        client.send(["sleep", "1", "sleep", "2", "sleep", "3"])
        self.advance(house, milliseconds: 200)
        #expect(client.texts == ["sleep", "1", "sleep", "2", "sleep", "3"])
    }

    @Test func closeComesAfterTheHandlerThatRuns() throws {
        let house = try TestHouse(Self.sleeper)
        let client = try house.connect()
        client.send("sleep")
        client.transport.close()
        house.run()
        #expect(house.log.texts(.info) == [])
        self.advance(house, milliseconds: 60)
        #expect(house.log.texts(.info) == ["closed\t1006"])
        #expect(house.runner.membersByID.isEmpty)
    }

    @Test func readingStopsWhileTheQueueIsFull() throws {
        var configuration = RouteConfiguration()
        configuration.queueMessages = 4
        let house = try TestHouse(Self.sleeper, configuration: configuration)
        let client = try house.connect()
        client.send("sleep")
        client.send((0..<20).map(String.init))
        house.run()
        #expect(!client.transport.isReading)
        self.advance(house, milliseconds: 60)
        #expect(client.texts == ["sleep"] + (0..<20).map(String.init))
        #expect(client.transport.isReading)
        #expect(house.ledger.bytes == 0)
    }

    @Test func theHandlerEndsWhenItIsTooOld() throws {
        var configuration = RouteConfiguration()
        configuration.wall = .milliseconds(100)
        let house = try TestHouse(
            "return { message = function(conn, data) pcall(ws.sleep, 60) conn:send('never') end }",
            configuration: configuration
        )
        let client = try house.connect()
        client.send("x")
        self.advance(house, milliseconds: 99)
        #expect(house.log.texts(.error).isEmpty)
        self.advance(house, milliseconds: 2)
        #expect(house.log.texts(.error) == ["script error"])
        #expect(client.texts == [])
        #expect(house.workers[0].counters[.exceeded(.wall)] == 1)
        client.send("y")
        #expect(house.runner.pending.handlers == 1)
    }

    @Test func aConnectHandlerThatFailsLaterClosesWith1011() throws {
        let house = try TestHouse("return { connect = function() ws.sleep(0.01) error('no') end }")
        let client = try house.connect()
        house.run()
        #expect(client.close == nil)
        self.advance(house, milliseconds: 12)
        #expect(client.close == .close(1011, "the connect handler failed"))
    }

    // MARK: - receive

    private static let login = """
        return {
          connect = function(conn)
            conn:send("name?")
            local name, why = conn:receive("50ms")
            conn:send("hello " .. (name or why))
          end,
          message = function(conn, data) conn:send("message " .. data) end,
        }
        """

    @Test(arguments: [1, 2]) func receiveTakesTheNextMessage(loops: Int) throws {
        let house = try TestHouse(Self.login, loops: loops)
        let client = try house.connect()
        house.run()
        client.send(["ada", "hi"])
        house.run()
        #expect(client.texts == ["name?", "hello ada", "message hi"])
        #expect(house.ledger.bytes == 0)
    }

    @Test func receiveTimesOutAndLosesNothing() throws {
        let house = try TestHouse(Self.login)
        let client = try house.connect()
        self.advance(house, milliseconds: 52)
        client.send("late")
        house.run()
        #expect(client.texts == ["name?", "hello timeout", "message late"])
    }

    @Test func receiveIsToldOfTheEnd() throws {
        let house = try TestHouse(
            "return { connect = function(conn) print(conn:receive()) end, close = function() print('close') end }"
        )
        let client = try house.connect()
        house.run()
        client.sendClose()
        house.run()
        #expect(house.log.texts(.info) == ["nil\tclosed", "close"])
    }

    @Test func receiveIsToldThatTheScriptClosed() throws {
        let house = try TestHouse(
            """
            return { connect = function(conn)
              ws.after(0, function() conn:close(4000) end)
              print(conn:receive())
            end }
            """
        )
        let client = try house.connect()
        self.advance(house, milliseconds: 1)
        #expect(house.log.texts(.info) == ["nil\tclosed"])
        #expect(client.close == .close(4000, ""))
    }

    // MARK: - Timers

    @Test func everyRunsAtItsInterval() throws {
        let house = try TestHouse(
            """
            return { load = function()
              ws.every("10ms", function(dt) print(math.floor(dt * 1000 + 0.5)) end)
            end }
            """
        )
        self.advance(house, milliseconds: 35)
        #expect(house.log.texts(.info) == ["10", "10", "10"])
    }

    @Test func neverRunsATimerTwiceAtOnce() throws {
        let house = try TestHouse(
            """
            return { load = function()
              local n = 0
              ws.every("10ms", function() n = n + 1 print("begin", n) ws.sleep("35ms") print("end", n) end)
            end }
            """
        )
        self.advance(house, milliseconds: 100)
        #expect(house.log.texts(.info) == ["begin\t1", "end\t1", "begin\t2", "end\t2", "begin\t3"])
    }

    @Test func afterRunsOnceAndCancelStops() throws {
        let house = try TestHouse(
            """
            return { load = function()
              ws.after("10ms", print, "x")
              local t = ws.after("20ms", function() print("cancelled") end)
              ws.after("15ms", function() print(t:cancel()) end)
            end }
            """
        )
        self.advance(house, milliseconds: 100)
        #expect(house.log.texts(.info) == ["", "true"])
        #expect(house.runner.pending.timers == 0)
    }

    @Test func countsTimersAndHandlersThatWait() throws {
        var configuration = RouteConfiguration()
        configuration.timers = 2
        configuration.handlers = 1
        let house = try TestHouse(
            """
            return { message = function(conn, data)
              if data == "timer" then conn:send(tostring(select(2, pcall(ws.after, 1, print)))) return end
              conn:send(tostring(select(2, pcall(ws.sleep, 1))))
            end }
            """,
            configuration: configuration
        )
        let client = try house.connect()
        client.send(["timer", "timer", "timer"])
        #expect(client.texts.last == "ws.after: this script has as many timers as it may (limits.timers)")
        client.send("sleep")
        let other = try house.connect()
        other.send("sleep")
        let sentence = "too many handlers or spawned bodies of this script wait already (limits.handlers)"
        #expect(other.texts == ["ws.sleep: \(sentence)"])
        #expect(house.workers[0].counters[.exceeded(.timers)] == 1)
        #expect(house.workers[0].counters[.exceeded(.handlers)] == 1)
    }

    @Test func alarmsThatMeanNothingAreDropped() throws {
        let house = try TestHouse(
            "return { message = function() for _ = 1, 1000 do ws.after(3600, print):cancel() end end }"
        )
        let client = try house.connect()
        for _ in 0..<20 { client.send("x") }
        #expect(house.runner.pending.alarms < 1200)
    }

    // MARK: - spawn

    @Test func spawnedBodiesStartWhenTheHandlerYields() throws {
        let house = try TestHouse(
            """
            return { message = function(conn)
              ws.spawn(function(name) conn:send("spawned " .. name) end, "a")
              conn:send("first")
              ws.sleep(0.01)
              conn:send("last")
            end }
            """
        )
        let client = try house.connect()
        client.send("x")
        house.run()
        #expect(client.texts == ["first", "spawned a"])
        self.advance(house, milliseconds: 12)
        #expect(client.texts == ["first", "spawned a", "last"])
    }

    @Test func spawnedBodiesHaveNoWall() throws {
        var configuration = RouteConfiguration()
        configuration.wall = .milliseconds(20)
        let house = try TestHouse(
            "return { load = function() ws.spawn(function() for i = 1, 3 do ws.sleep(0.1) print(i) end end) end }",
            configuration: configuration
        )
        self.advance(house, milliseconds: 400)
        #expect(house.log.texts(.info) == ["1", "2", "3"])
    }

    // MARK: - wait and wake

    @Test func wakesAllThatWaitForAName() throws {
        let house = try TestHouse(
            """
            return { message = function(conn, data)
              if data == "wake" then conn:send(tostring(ws.wake("go", "now"))) return end
              conn:send(tostring(ws.wait("go", "50ms")))
            end }
            """
        )
        let (one, two, three) = (try house.connect(), try house.connect(), try house.connect())
        one.send("wait")
        two.send("wait")
        three.send(["wake", "wake"])
        house.run()
        #expect(three.texts == ["2", "0"])
        #expect(one.texts == ["now"] && two.texts == ["now"])
        one.send("wait")
        self.advance(house, milliseconds: 60)
        #expect(one.texts == ["now", "nil"])
        three.send("wake")
        #expect(three.texts.last == "0")
    }

    @Test func countsMessagesThatNothingTakes() throws {
        let house = try TestHouse("return { on = { say = function(conn, msg) conn:send(msg) end } }")
        let client = try house.connect()
        client.send([#"{"type":"say","n":1}"#, "x", "y"])
        #expect(client.texts.count == 1)
        #expect(house.workers[0].counters[.messagesUnhandled] == 2)
    }

    // MARK: - The end

    @Test func theEndOfTheServerEndsWhatWaits() throws {
        let house = try TestHouse(
            """
            return {
              message = function() pcall(ws.sleep, 1000) print("not reached") end,
              close = function(conn) print("close") pcall(ws.sleep, 1000) end,
            }
            """
        )
        let client = try house.connect()
        client.send("x")
        client.transport.close()
        house.run()
        #expect(!house.runner.isIdle)
        house.runner.beginEnding()
        house.run()
        #expect(house.runner.isIdle)
        #expect(house.log.texts(.info) == ["close"])
        #expect(house.log.texts(.error) == [])
    }
}
