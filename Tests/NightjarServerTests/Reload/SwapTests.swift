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

extension String {
    /// A variant of a script.
    fileprivate func replacing(_ text: String, with other: String) -> String {
        guard let range = self.firstRange(of: text) else { return self }
        return self.replacingCharacters(in: range, with: other)
    }

    private func replacingCharacters(in range: Range<String.Index>, with other: String) -> String {
        var copy = self
        copy.replaceSubrange(range, with: other)
        return copy
    }
}

/// The exchange of a script's version, on loops whose time stands still until it is moved.
struct SwapTests {
    /// Answers with its own number and what it keeps.
    private static func counter(_ number: Int, extra: String = "") -> String {
        """
        local count = 0
        return {
          connect = function(conn) conn:send("connect \(number)") end,
          message = function(conn, data) count = count + 1; conn:send("\(number) " .. data .. " " .. count) end,
          save = function() return { count = count } end,
          load = function(saved, info)
            if saved then count = saved.count; print("load", info.from, info.to) end
          end,
          \(extra)
        }
        """
    }

    @Test(arguments: [1, 2]) func whatIsSavedGoesOnAndConnectionsStay(loops: Int) throws {
        let house = try TestHouse(Self.counter(1), loops: loops)
        let client = try house.connect()
        client.send("a")
        house.run()
        try house.reload(Self.counter(2))
        client.send("b")
        house.run()
        // `connect` is not run again.
        #expect(client.texts == ["connect 1", "1 a 1", "2 b 2"])
        #expect(house.log.texts(.info) == ["load\t1\t2"])
        #expect(house.log.lines.last?.metadata["version"] == "2")
        #expect(house.runner.version == 2)
        #expect(client.close == nil)
    }

    @Test(arguments: [1, 2]) func eventsWaitDuringTheSwap(loops: Int) throws {
        let house = try TestHouse(Self.counter(1), loops: loops)
        let client = try house.connect()
        house.run()
        try house.beginSwap(to: Self.counter(2))
        client.send(["a", "b"])
        let late = try house.connect()
        house.run()
        #expect(client.texts == ["connect 1"])
        #expect(late.texts == [])
        house.runner.commitSwap()
        house.run()
        #expect(client.texts == ["connect 1", "2 a 1", "2 b 2"])
        #expect(late.texts == ["connect 2"])
        #expect(house.ledger.bytes == 0)
    }

    @Test func anAbortedSwapLeavesTheOldVersion() throws {
        let house = try TestHouse(Self.counter(1))
        let client = try house.connect()
        try house.beginSwap(to: Self.counter(2))
        client.send("a")
        house.runner.abortSwap()
        house.run()
        #expect(client.texts == ["connect 1", "1 a 1"])
        #expect(house.runner.version == 1)
    }

    @Test func whatIsNoPlainDataRefusesTheReloadByItsKey() throws {
        let house = try TestHouse(
            """
            return {
              save = function() return { players = { { turn = print } } } end,
              message = function(conn, data) conn:send(data) end,
            }
            """
        )
        let client = try house.connect()
        let error = #expect(throws: ScriptError.self) { try house.reload(Self.counter(2)) }
        #expect(error?.handler == "save")
        #expect(
            error?.message.contains("save().players[1].turn: a function cannot be kept") == true,
            "\(error?.message ?? "")"
        )
        client.send("on")
        #expect(client.texts == ["on"])
    }

    @Test func whatIsNoTableIsNotSaved() throws {
        let house = try TestHouse("return { save = function() return 7 end }")
        let error = #expect(throws: ScriptError.self) { try house.reload(Self.counter(2)) }
        #expect(error?.message == "test.lua:1: save must return a table, not a number")
    }

    @Test func aFailingLoadLeavesNothingBehind() throws {
        let house = try TestHouse(Self.counter(1, extra: "_x = 1,"))
        let client = try house.connect()
        client.send("a")
        let error = #expect(throws: ScriptError.self) {
            try house.reload(
                """
                return { load = function()
                  ws.every(0.01, function() print('ghost') end); ws.spawn(print, 'ghost')
                  error('no')
                end }
                """
            )
        }
        #expect(error?.message == "test.lua:3: no")
        #expect(error?.handler == "load")
        #expect(error?.version == 2)
        client.send("b")
        house.advance(by: .seconds(1))
        #expect(client.texts == ["connect 1", "1 a 1", "1 b 2"])
        #expect(house.log.texts(.info) == [])
        #expect(house.runner.pending.timers == 0)
        try house.reload(Self.counter(2))
        client.send("c")
        #expect(client.texts.last == "2 c 3")
    }

    @Test(arguments: [
        ("conn:send('x')", "conn:send has no effect in save"),
        ("ws.broadcast('x')", "ws.broadcast has no effect in save"),
        ("ws.after(1, print)", "ws.after has no effect in save"), ("ws.spawn(print)", "ws.spawn has no effect in save"),
        ("ws.sleep(1)", "ws.sleep cannot wait in save"), ("ws.wake('x')", "ws.wake has no effect in save"),
        ("ws.shared.set('a', 1)", "ws.shared.set has no effect in save"),
        ("coroutine.yield()", "coroutine.yield: save is not a coroutine of the script's own"),
    ]) func saveHasNoEffects(call: String, message: String) throws {
        let house = try TestHouse(
            """
            local conn
            return {
              connect = function(c) conn = c end,
              save = function() print('saving', conn.open); \(call) end,
            }
            """
        )
        _ = try house.connect()
        let error = #expect(throws: ScriptError.self) { try house.reload(Self.counter(2)) }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(house.log.texts(.info) == ["saving\ttrue"])
    }

    @Test func saveAndLoadHaveTheTimeOfAnEvent() throws {
        let house = try TestHouse("return { save = function() while true do end end }")
        let error = #expect(throws: ScriptError.self) { try house.reload(Self.counter(2)) }
        #expect(error?.kind == .deadline)
        #expect(error?.message.contains("save ran longer than 100 ms") == true, "\(error?.message ?? "")")
    }

    @Test func theSnapshotTakesThePlaceOfAFailingSave() throws {
        let house = try TestHouse(Self.counter(1))
        let client = try house.connect()
        client.send("a")
        house.run()
        let saved = try #require(try house.runner.vm?.save())
        try house.beginSwap(to: Self.counter(2).replacing("return { count = count }", with: "error('no')"))
        house.runner.commitSwap()
        #expect(throws: ScriptError.self) { try house.beginSwap(to: Self.counter(1), version: 1) }
        try house.beginSwap(to: Self.counter(1), version: 1, snapshot: saved)
        house.runner.commitSwap()
        client.send("b")
        house.run()
        #expect(client.texts.last == "1 b 2")
        #expect(house.log.texts(.info).last == "load\t2\t1")
        #expect(house.log.texts(.warning) == ["save failed: the last snapshot takes its place"])
        #expect(house.runner.version == 1)
    }

    // MARK: - Timers, tasks

    @Test func aFailingSaveLeavesTimersAndBodies() throws {
        let house = try TestHouse(
            """
            return {
              load = function()
                ws.every(0.01, function() print('tick') end)
                ws.spawn(function() ws.sleep(0.015) print('body') end)
              end,
              save = function() error('no') end,
            }
            """
        )
        house.run()
        #expect(throws: ScriptError.self) { try house.reload("return {}") }
        house.loops[0].advanceTime(by: .milliseconds(20))
        #expect(house.log.texts(.info) == ["tick", "body", "tick"])
    }

    @Test func timersDieWithTheirVersionAndLoadMakesTheNew() throws {
        func script(_ number: Int) -> String {
            "return { load = function() ws.every(0.01, function() print('tick \(number)') end) end }"
        }
        let house = try TestHouse(script(1))
        house.loops[0].advanceTime(by: .milliseconds(10))
        try house.beginSwap(to: script(2))
        // Neither rings before it is clear which of the two serves.
        house.loops[0].advanceTime(by: .milliseconds(10))
        #expect(house.log.texts(.info) == ["tick 1"])
        house.runner.commitSwap()
        house.loops[0].advanceTime(by: .milliseconds(20))
        #expect(house.log.texts(.info) == ["tick 1", "tick 2", "tick 2", "tick 2"])
        #expect(house.runner.pending.timers == 1)
        try house.beginSwap(to: script(3))
        house.runner.abortSwap()
        house.loops[0].advanceTime(by: .milliseconds(10))
        #expect(house.log.texts(.info).last == "tick 2")
        #expect(house.runner.pending.timers == 1)
    }

    @Test func spawnedBodiesEndWithTheirVersion() throws {
        let house = try TestHouse(
            """
            return { message = function() ws.spawn(function()
              local c <close> = setmetatable({}, { __close = function() print("over") end })
              ws.sleep(1) print("never")
            end) end }
            """
        )
        let client = try house.connect()
        client.send("a")
        house.run()
        #expect(house.runner.pending.handlers == 1)
        try house.reload(Self.counter(2))
        #expect(house.log.texts(.info).contains("over"))
        #expect(house.log.texts(.error) == [])
        #expect(house.runner.pending.handlers == 0)
        house.settle()
        #expect(house.runner.retiredCount == 0)
    }

    private static let waiting = """
        return {
          message = function(conn, data)
            if data == "sleep" then ws.sleep(0.05) conn:send("slept 1") end
            if data == "receive" then
              local got, why = conn:receive()
              conn:send("got " .. tostring(got) .. " " .. tostring(why))
              got, why = conn:receive()
              conn:send("then " .. tostring(got) .. " " .. tostring(why))
            end
            if data == "wait" then conn:send("woken " .. ws.wait("n")) end
          end,
          save = function() return {} end,
        }
        """

    @Test(arguments: [1, 2]) func aHandlerThatWaitsEndsInItsVersionAndItsConnectionsEventsWait(loops: Int) throws {
        let house = try TestHouse(Self.waiting, loops: loops)
        let (client, other) = (try house.connect(), try house.connect())
        client.send(["sleep", "a"])
        house.run()
        try house.reload(Self.counter(2).replacing("saved.count", with: "0"))
        client.send("b")
        other.send("x")
        house.run()
        #expect(other.texts == ["2 x 1"])
        #expect(client.texts == [])
        house.settle()
        #expect(house.runner.retiredCount == 1)
        for _ in 0..<60 { house.loops.forEach { $0.advanceTime(by: .milliseconds(1)) } }
        house.settle()
        #expect(client.texts == ["slept 1", "2 a 2", "2 b 3"])
        #expect(house.runner.retiredCount == 0)
        #expect(house.ledger.bytes == 0)
    }

    @Test func receiveAnswersReloadedAtOnce() throws {
        let house = try TestHouse(Self.waiting)
        let client = try house.connect()
        client.send("receive")
        house.run()
        try house.reload(Self.counter(2).replacing("saved.count", with: "0"))
        client.send("a")
        house.run()
        #expect(client.texts == ["got nil reloaded", "then nil reloaded", "2 a 1"])
    }

    @Test func aNewVersionWakesHandlersOfTheOld() throws {
        let house = try TestHouse(Self.waiting)
        let (client, other) = (try house.connect(), try house.connect())
        client.send("wait")
        house.run()
        try house.reload("return { message = function(conn, data) conn:send(tostring(ws.wake('n', data))) end }")
        other.send("hello")
        house.run()
        #expect(client.texts == ["woken hello"])
        #expect(other.texts == ["1"])
    }

    @Test func handlersMayNotWaitForEverOverReloads() throws {
        let house = try TestHouse("return { message = function() ws.sleep(20) end }")
        let client = try house.connect()
        client.send("x")
        house.run()
        for version in 2...(ScriptRunner.mostRetired + 3) {
            // Each version has a handler that waits.
            try house.reload("return { message = function() ws.sleep(20) end }", version: version)
            try house.connect().send("x")
            house.run()
            house.settle()
        }
        #expect(house.runner.retiredCount <= ScriptRunner.mostRetired)
        // Told once in a while, and counted each time.
        #expect(house.log.texts(.warning) == ["handlers ended: they waited over 8 reloads"])
        #expect(house.workers[0].counters[.exceeded(.versions)] == 2)
        #expect(house.log.texts(.error) == [])
    }

    @Test func closeGoesToTheVersionThatServes() throws {
        let house = try TestHouse(Self.counter(1))
        let client = try house.connect()
        client.send("a")
        try house.reload("return { close = function(conn, code) print('closed', code) end }")
        client.transport.close()
        house.run()
        #expect(house.log.texts(.info) == ["closed\t1006"])
        #expect(house.runner.membersByID.isEmpty)
    }

    @Test func roomsAndBroadcastsGoOn() throws {
        let house = try TestHouse("return { connect = function(conn) conn:join('r') end }")
        let (client, other) = (try house.connect(), try house.connect())
        house.run()
        try house.reload(
            """
            return { message = function(conn, data)
              conn:send(ws.room('r').count .. conn.rooms[1])
              ws.room('r'):broadcast(data, { except = conn })
            end }
            """
        )
        client.send("hi")
        house.run()
        #expect(client.texts == ["2r"])
        #expect(other.texts == ["hi"])
    }

    @Test func settingsAreTakenAnew() throws {
        let house = try TestHouse(Self.counter(1))
        let client = try house.connect()
        house.run()
        var configuration = RouteConfiguration()
        configuration.rooms = 1
        let route = Route(replacing: house.route, pattern: try PathPattern("/other"), configuration: configuration)
        try house.reload(
            "return { message = function(conn) conn:join('a') conn:send(tostring(select(2, conn:join('b')))) end }",
            route: route
        )
        house.workers[0].exchange(route, router: Router([route]))
        client.send("x")
        house.run()
        #expect(client.texts.last == "full")
        #expect(client.connection.route === route)
        #expect(house.log.lines.last?.metadata["route"] == "/other")
        #expect(route.handlers.contains(.message))
    }
}
