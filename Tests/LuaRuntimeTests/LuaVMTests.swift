//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct LuaVMTests {
    /// Every handler gets the arguments of lua-api, in their order.
    @Test func runsEveryHandler() throws {
        let fixture = try Fixture(
            """
            return {
                connect = function(conn, req) print("connect", conn.id, req.path) end,
                message = function(conn, data, kind) print("message", conn.id, data, kind) end,
                close = function(conn, code, reason, clean) print("close", conn.id, code, reason, clean) end,
                drain = function(conn) print("drain", conn.id) end,
                error = function(conn, err)
                    print("error", conn and conn.id, err.message, err.traceback, err.handler, err.version)
                end,
            }
            """
        )
        let id = ConnectionID(rawValue: 1)
        let error = ScriptError(
            kind: .runtime,
            message: "m",
            file: "f",
            line: 1,
            sourceLine: nil,
            traceback: "t",
            handler: "drain",
            version: 9
        )
        #expect(fixture.vm.handlers == [.connect, .message, .close, .drain, .error])
        _ = try fixture.vm.connect(id)
        try fixture.message("hello")
        try fixture.message("bytes", isText: false)
        _ = try fixture.vm.drain(id)
        _ = try fixture.vm.error(id, error)
        _ = try fixture.vm.error(nil, error)
        try fixture.close(code: 4001, reason: "bye", wasClean: false)
        #expect(
            fixture.host.log == [
                "info test.lua:2 #1 connect\tccccccccccccccccccccc1\t/chat",
                "info test.lua:3 #1 message\tccccccccccccccccccccc1\thello\ttext",
                "info test.lua:3 #1 message\tccccccccccccccccccccc1\tbytes\tbinary",
                "info test.lua:5 #1 drain\tccccccccccccccccccccc1",
                "info test.lua:7 #1 error\tccccccccccccccccccccc1\tm\tt\tdrain\t9",
                "info test.lua:7 error\tnil\tm\tt\tdrain\t9",
                "info test.lua:4 #1 close\tccccccccccccccccccccc1\t4001\tbye\tfalse",
            ]
        )
    }

    @Test func handlersAreOptional() throws {
        let fixture = try Fixture("return {}")
        #expect(fixture.vm.handlers == [])
        try fixture.connect()
        try fixture.message("hello")
        try fixture.close()
    }

    /// A handler that does not name the request is not given one: making it costs.
    @Test(arguments: [("conn", 0), ("conn, req", 1), ("...", 1)])
    func makesTheRequestOnlyForThoseWhoTakeIt(parameters: String, count: Int) throws {
        let fixture = try Fixture("return { connect = function(\(parameters)) end }")
        try fixture.connect()
        // One more for the public id.
        #expect(fixture.host.requestCount == count + 1)
    }

    @Test func returnValuesAreIgnored() throws {
        try Fixture(handler: "return conn, 1, nil, function() end").message()
    }

    /// Effects come out in the order of the calls, also those from before an error.
    @Test func effectsKeepTheirOrder() throws {
        let fixture = try Fixture(
            handler: """
                conn:send("a"); ws.broadcast("b"); conn:send("c", "binary"); conn:close(1001, "d"); error("late")
                """
        )
        #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(
            fixture.host.effects == [
                "send #1 text a", "broadcast text b except []", "send #1 binary c", "close #1 1001 d",
            ]
        )
    }

    @Test func lastsThroughManyErrors() throws {
        let fixture = try Fixture(handler: "if data == 'fail' then error('x') end conn:send(data)")
        for _ in 0..<1000 {
            #expect(throws: ScriptError.self) { try fixture.message("fail") }
        }
        try fixture.message("well")
        #expect(fixture.host.effects == ["send #1 text well"])
    }

    /// The host is asked to apply what waits when it is much, in the middle of the handler.
    @Test func appliesEffectsInTheMiddleWhenTheyAreMany() throws {
        let fixture = try Fixture(
            handler: "local big = ('x'):rep(100000) for i = 1, 4 do conn:send(big) end conn:send('end') error('x')"
        )
        let id = ConnectionID(rawValue: 1)
        let payload = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(throws: ScriptError.self) { try fixture.vm.message(id, payload, isText: true) }
        #expect(fixture.host.effects == ["send #1 text 100000 bytes", "send #1 text 100000 bytes"])
        fixture.host.applyEffects()
        #expect(fixture.host.effects.count == 5)
        #expect(fixture.host.effects.last == "send #1 text end")
    }

    /// In the steady state an event that keeps nothing asks for its string and for nothing else. Behind a collection, which shrinks
    /// the stack of the coroutine, that stack grows again: such a one is awaited first.
    @Test func allocatesOnlyTheStringOfAMessage() throws {
        let fixture = try Fixture(handler: "conn:send(data, kind)")
        let payload = String(repeating: "x", count: 64)
        var used = fixture.vm.memoryUsed
        for _ in 0..<10_000 {
            try fixture.message(payload)
            guard fixture.vm.memoryUsed >= used else { break }
            used = fixture.vm.memoryUsed
        }
        #expect(fixture.vm.memoryUsed < used)
        for _ in 0..<10 { try fixture.message(payload) }
        let before = fixture.vm.allocations
        for _ in 0..<100 { try fixture.message(payload) }
        #expect(fixture.vm.allocations - before == 100)
    }

    /// Connections leave nothing behind in the VM.
    @Test func forgetsClosedConnections() throws {
        let fixture = try Fixture("return { message = function(conn) conn.state.x = conn.path end }")
        func churn(_ numbers: ClosedRange<UInt64>) throws {
            for number in numbers {
                try fixture.connect(number)
                try fixture.message("x", from: number)
                try fixture.close(number)
            }
        }
        try churn(1...2000)
        let peak = fixture.vm.memoryPeak
        try churn(2001...12000)
        #expect(fixture.vm.memoryPeak < peak + peak / 4)
        #expect(fixture.vm.memoryUsed <= fixture.vm.memoryPeak)
    }

    /// A report of the close handler's error is about the same object, also when that handler was the first to see it.
    @Test(arguments: ["connect", "drain"])
    func reportsAboutClosingKeepTheObject(first: String) throws {
        let fixture = try Fixture(
            """
            local seen
            return {
                \(first) = function(conn) seen = conn end,
                close = function(conn) seen = seen or conn conn.state.name = "ada" error("bad") end,
                error = function(conn, err) print(conn == seen, conn.state.name, conn.path, conn.open) end,
            }
            """
        )
        let id = ConnectionID(rawValue: 1)
        try fixture.connect()
        _ = fixture.host.close(id)
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        let error = #expect(throws: ScriptError.self) {
            try fixture.vm.close(id, code: 1000, reason: nothing, wasClean: true)
        }
        _ = try fixture.vm.error(id, #require(error))
        #expect(fixture.host.log == ["info test.lua:5 #1 true\tada\t/chat\tfalse"])
        fixture.forget()
        _ = try fixture.vm.error(id, #require(error))
        #expect(fixture.host.log.last == "info test.lua:5 #1 false\tnil\tnil\tfalse")
    }

    /// A report after the connection was forgotten does not bring it back.
    @Test func reportsAboutClosedConnectionsLeaveNothing() throws {
        let fixture = try Fixture("return { error = function(conn, err) conn.state.x = ('x'):rep(100) end }")
        let error = ScriptError(kind: .runtime, message: "m", file: "f", line: 1, handler: "close", version: 1)
        func churn(_ numbers: ClosedRange<UInt64>) throws {
            for number in numbers {
                try fixture.connect(number)
                try fixture.close(number)
                _ = try fixture.vm.error(ConnectionID(rawValue: number), error)
            }
        }
        try churn(1...2000)
        let peak = fixture.vm.memoryPeak
        try churn(2001...12000)
        #expect(fixture.vm.memoryPeak < peak + peak / 4)
    }

    @Test func afterDestroyNothingRuns() throws {
        let fixture = try Fixture(handler: "conn:send('x')")
        fixture.vm.destroy()
        fixture.vm.destroy()
        fixture.vm.forget(ConnectionID(rawValue: 1))
        #expect(fixture.vm.memoryUsed == 0)
        try fixture.message()
        try fixture.close()
        #expect(fixture.host.effects == [])
    }
}
