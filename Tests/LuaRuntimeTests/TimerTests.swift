//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

@Suite struct TimerTests {
    @Test func runsOnceAfterATime() throws {
        let fixture = try Fixture(handler: "ws.after('50ms', function(...) print('rung', ...) end)")
        try fixture.message()
        #expect(fixture.host.timers.values.map { $0 } == ["after 50 ms every 0 ms"])
        #expect(try fixture.ring() == .finished)
        #expect(fixture.host.log == ["info test.lua:1 rung"])
        #expect(try fixture.ring() == .unhandled)
    }

    @Test func runsEveryIntervalWithTheTimeSince() throws {
        let fixture = try Fixture(handler: "ws.every(0.1, function(dt) print(dt) end)")
        try fixture.message()
        #expect(fixture.host.timers.values.map { $0 } == ["after 100 ms every 100 ms"])
        try fixture.ring(elapsed: 0.5, repeats: true)
        try fixture.ring(elapsed: 0.25, repeats: true)
        #expect(fixture.host.log == ["info test.lua:1 0.5", "info test.lua:1 0.25"])
    }

    @Test func goesOnAfterAnError() throws {
        let fixture = try Fixture(handler: "ws.every(1, function() error('bad tick') end)")
        try fixture.message()
        let error = #expect(throws: ScriptError.self) { try fixture.ring(repeats: true) }
        #expect(error?.handler == "timer")
        #expect(throws: ScriptError.self) { try fixture.ring(repeats: true) }
    }

    @Test func cancelsAlsoFromWithin() throws {
        let fixture = try Fixture(
            handler: "local t t = ws.every(1, function() print(t:cancel(), t:cancel()) end)"
        )
        try fixture.message()
        try fixture.ring(repeats: true)
        #expect(fixture.host.timers.isEmpty)
        #expect(fixture.host.log == ["info test.lua:1 true\tfalse"])
        #expect(try fixture.ring(repeats: true) == .unhandled)
    }

    @Test func setsTimersInLoad() throws {
        let fixture = try Fixture(
            "return { load = function(saved, info) print(saved, info.from, info.to) ws.every('1s', print) end }"
        )
        #expect(fixture.host.timers.count == 1)
        #expect(fixture.host.log == ["info test.lua:1 nil\t0\t3"])
    }

    @Test func hasNoOtherEffectInLoad() throws {
        let error = try loadFailure(of: "return { load = function() ws.broadcast('x') end }")
        #expect(error.message == "test.lua:1: ws.broadcast has no effect while the script loads")
    }

    @Test(arguments: [
        ("ws.after()", "ws.after: time must be seconds or a text such as \"50ms\", not missing"),
        ("ws.after(1)", "ws.after: what to run must be a function, not missing"),
        ("ws.after(1, 'f')", "ws.after: what to run must be a function, not string"),
        ("ws.every(0.0001, print)", "ws.every: time must be at least 1 ms"),
        ("ws.after(1, print).cancel()", "timer.cancel was called without a timer: write timer:cancel()"),
        ("print(ws.after(1, print).stop)", "a timer has no other field than cancel: write timer:cancel()"),
        ("ws.after(1, print).stop = 1", "a timer has no other field than cancel: write timer:cancel()"),
    ])
    func refusesMisuse(_ body: String, _ message: String) throws {
        #expect(try failure(of: body).message == "test.lua:1: \(message)")
    }

    @Test func refusesTimersAtTheTopLevel() throws {
        let error = try loadFailure(of: "ws.after(1, print) return {}")
        #expect(error.message == "test.lua:1: ws.after has no effect at the top level: make timers in load")
    }

    @Test func saysThatThereAreTooMany() throws {
        let fixture = try Fixture(handler: "ws.every(1, print)")
        fixture.host.mayHaveTimers = false
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(error?.message == "test.lua:1: ws.every: this script has as many timers as it may (limits.timers)")
    }

    @Test func forgetsWhatHasRun() throws {
        let fixture = try Fixture(handler: "ws.after(0, function() end)")
        func run(_ count: Int) throws {
            for _ in 0..<count {
                try fixture.message()
                try fixture.ring()
            }
        }
        try run(2000)
        let before = fixture.vm.memoryUsed
        try run(20_000)
        #expect(fixture.vm.memoryUsed < before + 512 * 1024)
    }
}
