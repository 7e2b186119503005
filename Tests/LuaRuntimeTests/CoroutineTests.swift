//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct CoroutineTests {
    /// What Lua's own library does, ours does.
    @Test(arguments: [
        ("coroutine.resume(coroutine.create(function(...) return ... end), 1, nil, 3)", "true\t1\tnil\t3"),
        ("coroutine.resume(coroutine.create(function() error('x', 0) end))", "false\tx"),
        ("coroutine.resume(coroutine.create(function() error({}) end), 1) == false", "true"),
        ("coroutine.wrap(function(...) return select('#', ...) end)(nil, nil)", "2"),
        ("pcall(coroutine.wrap(function() error('x', 0) end))", "false\tx"),
        ("coroutine.status(coroutine.create(print))", "suspended"),
        ("coroutine.isyieldable(), select(2, coroutine.running())", "false\ttrue"),
        ("coroutine.wrap(function() return coroutine.isyieldable() end)()", "true"),
        ("coroutine.wrap(function() return select(2, coroutine.running()) end)()", "false"),
        ("coroutine.close(coroutine.create(print))", "true"),
        ("coroutine.resume(coroutine.running())", "false\tcannot resume a running coroutine"),
        ("pcall(coroutine.close, coroutine.running())", "false\tcannot close a running coroutine"),
        (
            "pcall(function() coroutine.create(1) end)",
            "false\ttest.lua:1: bad argument #1 to 'create' (function expected, got number)"
        ),
        (
            "pcall(function() coroutine.resume(1) end)",
            "false\ttest.lua:1: bad argument #1 to 'resume' (coroutine expected, got number)"
        ),
        (
            "pcall(function() coroutine.status() end)",
            "false\ttest.lua:1: bad argument #1 to 'status' (coroutine expected, got no value)"
        ),
        ("coroutine.wrap(function(outer) return coroutine.status(outer) end)(coroutine.running())", "normal"),
        ("coroutine.wrap(function() return pcall(function() return coroutine.yield(1) end) end)()", "1"),
        ("coroutine.wrap(function() return xpcall(function() return coroutine.yield(2) end, print) end)()", "2"),
    ])
    func isLuas(expression: String, result: String) throws {
        #expect(try printed(expression) == result)
    }

    @Test func passesValuesBothWays() throws {
        let body = """
            local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) return c * 2 end) \
            local _, sum = coroutine.resume(co, 1, 2) local _, double = coroutine.resume(co, 21) \
            local again, why = coroutine.resume(co)
            """
        #expect(
            try printed("sum, double, coroutine.status(co), again, why", after: body)
                == "3\t42\tdead\tfalse\tcannot resume a dead coroutine"
        )
    }

    @Test func yieldsThroughProtectedCalls() throws {
        let body = """
            local f = coroutine.wrap(function() local ok, why = pcall(function() coroutine.yield(1) error('x', 0) end) \
            coroutine.yield(why) return xpcall(function() coroutine.yield(2) error('y', 0) end, \
            function(e) return e .. '!' end) end) \
            local a, b, c = f(), f(), f() local d, e = f()
            """
        #expect(try printed("a, b, c, d, e", after: body) == "1\tx\t2\tfalse\ty!")
    }

    /// A body's `<close>` variables are closed at its error, and at coroutine.close.
    @Test func closesVariables() throws {
        let fixture = try Fixture(
            handler: """
                local function closer(name) return setmetatable({}, { __close = function(_, e) print(name, e) end }) end
                local failing = coroutine.create(function() local c <close> = closer("failed") error("x", 0) end)
                print(coroutine.resume(failing))
                print(coroutine.close(failing))
                local waiting = coroutine.create(function() local c <close> = closer("closed") coroutine.yield() end)
                coroutine.resume(waiting)
                print(coroutine.close(waiting), coroutine.status(waiting))
                local bad = coroutine.create(function()
                    local c <close> = setmetatable({}, { __close = function() error("in close", 0) end })
                    coroutine.yield()
                end)
                coroutine.resume(bad)
                print(coroutine.close(bad))
                """
        )
        try fixture.message()
        #expect(
            fixture.host.log.map { $0.split(separator: " ", maxSplits: 3).last } == [
                "failed\tx", "false\tx", "false\tx", "closed\tnil", "true\tdead", "false\tin close",
            ]
        )
    }

    @Test(arguments: [
        ("coroutine.yield()", "coroutine.yield: a handler is not a coroutine of the script's own"),
        ("pcall(coroutine.yield) error('went on', 2)", "went on"),
    ])
    func aHandlerCannotYield(body: String, message: String) throws {
        #expect(try failure(of: body).message.hasSuffix(message))
    }

    @Test func theTopLevelCannotYield() throws {
        #expect(
            try loadFailure(of: "coroutine.yield()").message
                == "test.lua:1: coroutine.yield: the top level is not a coroutine of the script's own"
        )
    }

    @Test func yieldingWhereLuaCannotIsAnError() throws {
        let error = try failure(
            of: "coroutine.wrap(function() table.sort({ 1, 2 }, function() coroutine.yield() end) end)()"
        )
        #expect(error.message.hasSuffix("attempt to yield across a C-call boundary"))
    }

    /// A chain of these ends the process in Lua 5.4.4's own library.
    @Test func chainsOfCloseAreBounded() throws {
        let fixture = try Fixture(
            handler: """
                local co, closed = false, 0
                for i = 1, 1900 do
                    local previous = co
                    co = coroutine.create(function()
                        local c <close> = setmetatable({}, { __close = function()
                            if previous then coroutine.close(previous) closed = closed + 1 end
                        end })
                        coroutine.yield()
                    end)
                    coroutine.resume(co)
                end
                print(coroutine.close(co))

                print(closed)
                """,
            limits: ScriptLimits(memory: 256 << 20, eventCPU: .seconds(10), loadCPU: .seconds(1))
        )
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:12 #1 true", "info test.lua:14 #1 15"])
    }

    @Test func deepNestingIsAnError() throws {
        let error = try failure(of: "local function f() coroutine.wrap(f)() end f()")
        #expect(error.message.contains("C stack overflow"))
    }

    /// The event's own coroutine is of no use to a script that keeps it.
    @Test func keepingTheEventsCoroutineIsHarmless() throws {
        let fixture = try Fixture(
            """
            local kept
            return { message = function()
                if kept then print(coroutine.status(kept), coroutine.resume(kept)) end
                kept = coroutine.running()
                local nested = coroutine.wrap(function() return pcall(coroutine.close, kept) end)
                print(nested())
            end }
            """
        )
        try fixture.message()
        try fixture.message()
        #expect(
            fixture.host.log == [
                "info test.lua:6 #1 false\tcannot close a normal coroutine",
                "info test.lua:3 #1 running\tfalse\tcannot resume a running coroutine",
                "info test.lua:6 #1 false\tcannot close a normal coroutine",
            ]
        )
    }

    /// What the end of a collection's marking takes grows with them, and cannot be divided.
    @Test func aScriptHasSoManyCoroutinesAndNoMore() throws {
        let fixture = try Fixture(
            """
            local kept = {}
            return { message = function(c, data)
              if data == "drop" then kept = {} end
              for i = 1, 2000 do
                kept[#kept + 1] = data == "wrap" and coroutine.wrap(print) or coroutine.create(print)
              end
              c:send(#kept .. " kept")
            end }
            """,
            limits: ScriptLimits(memory: 64 << 20, eventCPU: .seconds(5), loadCPU: .seconds(5))
        )
        try fixture.message()
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(
            error?.message
                == "test.lua:5: coroutine.create: this script has 2000 coroutines already; end those that are not needed"
        )
        let other = #expect(throws: ScriptError.self) { try fixture.message("wrap") }
        #expect(other?.message.hasPrefix("test.lua:5: coroutine.wrap: this script has 2000 coroutines") == true)
        // An event's own is not one of them, whether it is over, has failed or waits, and what nobody keeps is collected.
        try fixture.message("drop")
        #expect(fixture.host.effects == ["send #1 text 2000 kept", "send #1 text 2000 kept"])
    }

    @Test func coroutinesThatAreOverAreNotCounted() throws {
        let fixture = try Fixture(
            handler: "for i = 1, 50000 do coroutine.wrap(function() return {} end)() end conn:send('done')",
            limits: ScriptLimits(memory: 64 << 20, eventCPU: .seconds(5), loadCPU: .seconds(5))
        )
        try fixture.message()
        #expect(fixture.host.effects == ["send #1 text done"])
    }
}
