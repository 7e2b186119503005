//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct MemoryTests {
    static let limits = ScriptLimits(memory: 1 << 20, eventCPU: .seconds(5), loadCPU: .seconds(5))

    /// Ways to use up memory. Each is told at its line, and the VM goes on.
    @Test(arguments: [
        "local t = {} for i = 1, math.huge do t[i] = { i } end",
        "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
        "local s = 'x' while true do s = s .. s end",
        "return ('x'):rep(1 << 23)",
        "local t = {} for i = 1, math.huge do t[i] = i end",
        "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
        "local function f() return 1 + f() end f()",
    ])
    func endsAtTheQuota(body: String) throws {
        let fixture = try Fixture(
            "return { message = function(conn, data) if data == 'eat' then \(body) end conn:send(data) end }",
            limits: Self.limits
        )
        let error = #expect(throws: ScriptError.self) { try fixture.message("eat") }
        #expect(error?.kind == .memory)
        #expect(error?.message == "test.lua:1: not enough memory: the limit is 1048576 bytes")
        #expect(error?.traceback.isEmpty == false)
        #expect(fixture.vm.memoryPeak < 2 << 20)
        try fixture.message("alive")
        #expect(fixture.host.effects == ["send #1 text alive"])
    }

    /// A script that keeps too much is told at every event, and nothing worse happens.
    @Test func whatIsKeptStaysTooMuch() throws {
        let fixture = try Fixture(
            "local kept = {} return { message = function() while true do kept[#kept + 1] = {} end end }",
            limits: Self.limits
        )
        for _ in 0..<10 {
            let error = #expect(throws: ScriptError.self) { try fixture.message() }
            #expect(error?.kind == .memory)
            #expect(error?.message.hasPrefix("test.lua:") == true)
            #expect(fixture.vm.memoryUsed < 2 << 20)
        }
    }

    /// Garbage is collected before a script is told anything.
    @Test func garbageDoesNotCount() throws {
        let fixture = try Fixture(
            handler: "for i = 1, 20000 do local t = { ('x'):rep(1000) .. i } end",
            limits: Self.limits
        )
        try fixture.message()
        #expect(fixture.vm.memoryPeak < 2 << 20)
    }

    @Test func anErrorCanBeCaughtAndTheMemoryIsBack() throws {
        let fixture = try Fixture(
            handler: """
                local ok, why = pcall(function() local t = {} for i = 1, math.huge do t[i] = { i } end end)
                print(ok, why)
                local x = nil
                print(x.y)
                """,
            limits: Self.limits
        )
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(error?.kind == .runtime)
        #expect(
            fixture.host.log == ["info test.lua:2 #1 false\ttest.lua:1: not enough memory: the limit is 1048576 bytes"]
        )
    }

    /// A handler of xpcall would run where nothing could end it.
    @Test func xpcallHandlersAreNotRunFromTheHook() throws {
        let fixture = try Fixture(
            handler: """
                local function eat() local t = {} for i = 1, math.huge do t[i] = { i } end end
                print(xpcall(eat, function() while true do end end))
                """,
            limits: Self.limits
        )
        try fixture.message()
        #expect(fixture.host.log.first?.hasSuffix("not enough memory: the limit is 1048576 bytes") == true)
    }

    /// The same for what a coroutine closes after it ran out of memory.
    @Test func whatACoroutineClosesCanBeEnded() throws {
        var limits = Self.limits
        limits.eventCPU = .milliseconds(30)
        let fixture = try Fixture(
            handler: """
                local co = coroutine.create(function()
                    local c <close> = setmetatable({}, { __close = function() while true do end end })
                    local t = {} for i = 1, math.huge do t[i] = { i } end
                end)
                coroutine.resume(co)
                coroutine.close(co)
                """,
            limits: limits
        )
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(error?.kind == .deadline)
    }

    /// Collections that a loop provokes count against its CPU time, but for the first.
    @Test func loopsAroundTheErrorReachTheDeadline() throws {
        var limits = Self.limits
        limits.eventCPU = .milliseconds(30)
        let fixture = try Fixture(
            handler: "while true do pcall(function() local t = {} for i = 1, math.huge do t[i] = { i } end end) end",
            limits: limits
        )
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(error?.kind == .deadline)
    }

    /// Nor may one collection take the loop for longer than an event: only its first milliseconds are given to it.
    @Test func aCollectionThatTakesLongIsTheScriptsTime() throws {
        var limits = ScriptLimits(memory: 320 << 20, eventCPU: .milliseconds(40), loadCPU: .seconds(60))
        limits.stuckCPU = .seconds(90)
        let fixture = try Fixture(
            """
            local kept = {}
            for i = 1, 3e6 do kept[i] = { i } end
            return { message = function(c, data)
              for i = 1, data == 'eat' and 8 or 0 do local s = ('x'):rep(8 << 20) end
              c:send(data)
            end }
            """,
            limits: limits
        )
        // The first may find a collection that is nearly over.
        var errors: [ScriptError] = []
        for _ in 1...4 {
            do { _ = try fixture.message("eat") } catch let error as ScriptError { errors.append(error) }
        }
        #expect(errors.contains { $0.kind == .deadline && $0.line == 4 }, "\(errors)")
        // It goes on from event to event, so that the others are served.
        #expect((1...500).contains { _ in (try? fixture.message("x")) != nil })
        #expect(fixture.host.effects.last == "send #1 text x")
    }

    @Test func loadingIsLimitedToo() throws {
        let error = try loadFailure(of: "\nt = {} for i = 1, math.huge do t[i] = { i } end", limits: Self.limits)
        #expect(error.kind == .memory)
        #expect(error.line == 2)
    }

    @Test func aVMNeedsSomeMemory() throws {
        var limits = Self.limits
        limits.memory = 1000
        let error = try loadFailure(of: "return {}", limits: limits)
        #expect(error.kind == .memory)
        #expect(error.message == "test.lua: not enough memory: the limit is 1000 bytes")
    }

    /// This corrupts the heap of Lua 5.4.4 when a collection is forced by a refusal: the soft quota keeps it from that.
    @Test func weakTablesSurviveTheQuota() throws {
        let fixture = try Fixture(
            handler: """
                local pad = {}
                for r = 1, 4000 do
                    local mt = setmetatable({ __newindex = {} }, { __mode = "v" })
                    local t = setmetatable({}, mt)
                    local ok = pcall(function() for i = 1, 200 do t[i] = i end end)
                    if not ok then pad = {} end
                    pad[#pad + 1] = ("x"):rep(1000 + r)
                end
                """,
            limits: Self.limits
        )
        for _ in 0..<3 {
            let error = #expect(throws: ScriptError.self) { try fixture.message() }
            #expect(error?.kind == .memory)
        }
    }

    /// Weak keys alone take quadratic time in a step that nothing ends (`attacks/ephemerons.lua`).
    @Test(arguments: [
        ("v", "0\t1"), ("kv", "0\t0"), ("", "1\t1"), ("x", "1\t1"),
    ])
    func weakTablesHaveWeakValues(mode: String, left: String) throws {
        let fixture = try Fixture(
            """
            local mt = { __mode = "\(mode)", __len = function() return 7 end }
            local byKey, byValue, plain = setmetatable({}, mt), setmetatable({}, mt), {}
            local function count(t) local n = 0 for _ in pairs(t) do n = n + 1 end return n end
            return { message = function(c, data)
              if data == "fill" then byValue[1] = {} byKey[{}] = true return end
              for i = 1, 2000 do local junk = ("x"):rep(10000) .. i end
              print(count(byValue), count(byKey))
              print(getmetatable(byKey) == mt, #byKey, next(mt, (next(mt))) ~= nil)
            end }
            """
        )
        try fixture.message("fill")
        try fixture.message("look")
        #expect(fixture.host.log == ["info test.lua:7 #1 \(left)", "info test.lua:8 #1 true\t7\ttrue"])
    }

    @Test func weakKeysNeedWeakValues() throws {
        let error = try loadFailure(of: "local t = setmetatable({}, { __mode = 'k' })", limits: Self.limits)
        #expect(
            error.message
                == "test.lua:1: setmetatable: weak keys need weak values: __mode must be \"v\" or \"kv\"; what belongs to a connection has its place in conn.state"
        )
    }

    /// The metatable is the script's own, and may become anything afterwards.
    @Test func aTableDoesNotBecomeWeakLater() throws {
        let fixture = try Fixture(
            """
            local mt = {}
            local later = setmetatable({}, mt)
            mt.__mode = "k"
            return { message = function(c, data)
              if data == "fill" then later[{}] = true return end
              for i = 1, 2000 do local junk = ("x"):rep(10000) .. i end
              print(next(later) ~= nil)
            end }
            """
        )
        try fixture.message("fill")
        try fixture.message("look")
        #expect(fixture.host.log == ["info test.lua:7 #1 true"])
    }
}
