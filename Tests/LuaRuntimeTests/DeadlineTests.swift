//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import LuaRuntime
import Testing

/// The tests burn CPU time: that is what the deadline counts.
@Suite(.serialized)
struct DeadlineTests {
    static let limits: ScriptLimits = {
        var limits = ScriptLimits.test
        limits.eventCPU = .milliseconds(30)
        limits.loadCPU = .milliseconds(40)
        return limits
    }()

    /// Ways to run for ever. Each is ended soon after its budget, and the VM goes on.
    @Test(arguments: [
        "while true do end",
        "for i = 1, math.huge do end",
        "repeat until false",
        "local function f() return f() end f()",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() while true do end end) end",
        "xpcall(function() error('x') end, function() while true do end end)",
        """
        pcall(function() local c <close> = setmetatable({}, { __close = function() while true do end end \
        }) error('x') end)
        """,
        "local c <close> = setmetatable({}, { __close = function() while true do end end }) while true do end",
        "coroutine.wrap(function() while true do end end)()",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "while true do coroutine.wrap(function() coroutine.yield() end)() end",
        "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
        """
        local function nest(d) for i = 1, 3 do if d > 0 then coroutine.wrap(nest)(d - 1) end end end \
        while true do nest(6) end
        """,
        "while true do pcall(coroutine.wrap(function() while true do pcall(error) end end)) end",
        """
        local co = coroutine.create(function() local c <close> = setmetatable({}, { __close = function() \
        while true do end end }) coroutine.yield() end) coroutine.resume(co) coroutine.close(co)
        """,
        "table.sort({ 1, 2, 3 }, function() while true do end end)",
        "('x'):gsub('x', function() while true do end end)",
        "tostring(setmetatable({}, { __tostring = function() while true do end end }))",
        "error(setmetatable({}, { __tostring = function() while true do end end }))",
        """
        local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) while true do \
        pcall(function() return t[1] end) end
        """,
        "local s = '' while true do s = ('x'):rep(1000) end",
    ])
    func endsLoops(body: String) throws {
        let fixture = try Fixture(handler: "if data == 'loop' then \(body) end conn:send(data)", limits: Self.limits)
        let started = ContinuousClock.now
        let error = #expect(throws: ScriptError.self) { try fixture.message("loop") }
        #expect(error?.kind == .deadline)
        #expect(error?.message == "test.lua:1: handler ran longer than 30 ms of CPU time")
        #expect(error?.line == 1)
        // CPU time on a busy machine: far from for ever is all that can be said of the wall's.
        #expect(ContinuousClock.now - started < .seconds(5))
        #expect(fixture.vm.busyTicks >= 3)
        try fixture.message("alive")
        #expect(fixture.host.effects == ["send #1 text alive"])
    }

    /// Threads of some libraries begin with all signals blocked, and so may the whole process.
    @Test func unblocksItsSignal() throws {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let error = try loadFailure(of: "while true do end", limits: Self.limits)
        #expect(error.kind == .deadline)
    }

    @Test func endsTheTopLevel() throws {
        let error = try loadFailure(of: "local x = 1\nwhile true do x = x + 1 end", limits: Self.limits)
        #expect(error.kind == .deadline)
        #expect(error.message == "test.lua:2: loading ran longer than 40 ms of CPU time")
        #expect(error.sourceLine == "while true do x = x + 1 end")
    }

    @Test func theTracebackIsThatOfTheLoop() throws {
        let fixture = try Fixture(
            """
            local function spin()
                while true do end
            end
            return { message = function() pcall(spin) end }
            """,
            limits: Self.limits
        )
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(error?.message == "test.lua:2: handler ran longer than 30 ms of CPU time")
        #expect(error?.traceback.hasPrefix("test.lua:2: in function <test.lua:1>") == true)
        #expect(error?.traceback.hasSuffix("in function <test.lua:4>") == true)
    }

    /// The error handler of the script has a budget of its own.
    @Test func eachEventHasItsOwnBudget() throws {
        let fixture = try Fixture(
            handler: "local t = os.clock() while os.clock() - t < 0.015 do end",
            limits: Self.limits
        )
        for _ in 0..<6 {
            try fixture.message()
        }
    }

    /// Busy time is counted, and a short handler is not.
    @Test func countsBusyTicks() throws {
        let fixture = try Fixture(
            handler: "if data == 'work' then for _ = 1, 1000000 do end end"
        )
        try fixture.message("idle")
        #expect(fixture.vm.busyTicks <= 1)
        // A thousand of them take seconds on any machine.
        for _ in 0..<1000 where fixture.vm.busyTicks < 8 {
            try fixture.message("work")
        }
        #expect(fixture.vm.busyTicks >= 8)
    }

    /// Time in a C function that runs no hooks can only be ended with the process, which says where it was.
    @Test(.enabled(if: CPUClock.isSignalled))
    func abortsWhatCannotBeEnded() async throws {
        let result = try await #require(
            processExitsWith: .signal(SIGABRT),
            observing: [\.standardErrorContent]
        ) {
            var limits = ScriptLimits.test
            limits.stuckCPU = .milliseconds(100)
            let fixture = try Fixture(
                handler: "\n(('a'):rep(1000000)):find('.-.-b')",
                limits: limits
            )
            try fixture.message()
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("nightjar: aborted, a script cannot be stopped: test.lua, at test.lua:2"))
    }
}
