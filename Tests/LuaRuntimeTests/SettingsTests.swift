//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// What comes out of the table that a script returns, and what is told to its VM afterwards.
struct SettingsTests {
    @Test(
        arguments: [
            ("a = true", [ScriptSetting(key: "a", value: .boolean(true))]),
            ("a = false", [ScriptSetting(key: "a", value: .boolean(false))]),
            ("a = -5", [ScriptSetting(key: "a", value: .integer(-5))]),
            ("a = math.mininteger", [ScriptSetting(key: "a", value: .integer(.min))]),
            ("a = 2.5", [ScriptSetting(key: "a", value: .number(2.5))]),
            ("a = 2.0", [ScriptSetting(key: "a", value: .number(2))]),
            ("a = ''", [ScriptSetting(key: "a", value: .string(""))]),
            ("a = 'x\\0é'", [ScriptSetting(key: "a", value: .string("x\0é"))]),
            ("a = '\\xff'", [ScriptSetting(key: "a", value: .other("string that is not UTF-8"))]),
            ("a = {}", [ScriptSetting(key: "a", value: .emptyTable)]),
            ("a = { print }", [ScriptSetting(key: "a", index: 1, value: .other("function"))]),
            (
                "a = { 'x', 'y', [9] = {} }",
                [
                    ScriptSetting(key: "a", index: 1, value: .string("x")),
                    ScriptSetting(key: "a", index: 2, value: .string("y")),
                    ScriptSetting(key: "a", index: 9, value: .emptyTable),
                ]
            ),
            (
                "a = { b = 1, c = { d = 2 } }, e = 3",
                [
                    ScriptSetting(key: "a.b", value: .integer(1)), ScriptSetting(key: "a.c.d", value: .integer(2)),
                    ScriptSetting(key: "e", value: .integer(3)),
                ]
            ),
            ("a = { b = { c = { d = {} } } }", [ScriptSetting(key: "a.b.c.d", value: .emptyTable)]),
            ("a = { b = { c = { d = { e = 1 } } } }", [ScriptSetting(key: "a.b.c.d", value: .other("table"))]),
            ("_a = 1, message = print", []),
        ] as [(String, [ScriptSetting])]
    )
    func handsOverEverythingBesideHandlers(table: String, settings: [ScriptSetting]) throws {
        let fixture = try Fixture("return { \(table) }")
        #expect(fixture.vm.settings.sorted { ($0.key, $0.index ?? 0) < ($1.key, $1.index ?? 0) } == settings)
    }

    @Test func endsInATableThatHoldsItself() throws {
        let fixture = try Fixture("local t = {}; t.t = t; return { a = t }")
        #expect(fixture.vm.settings == [ScriptSetting(key: "a.t.t.t", value: .other("table"))])
    }

    /// The script's own limits hold from when they are known.
    @Test func takesLimitsAfterLoading() throws {
        let fixture = try Fixture(
            """
            local kept = {}
            return { message = function(conn, data)
              if data == 'loop' then while true do end end
              if data == 'fill' then for i = 1, 1e5 do kept[i] = data .. i end end
              conn:send(data)
            end }
            """
        )
        try fixture.vm.start(limits: ScriptLimits(memory: 1 << 20, eventCPU: .milliseconds(20), loadCPU: .seconds(1)))
        let deadline = #expect(throws: ScriptError.self) { try fixture.message("loop") }
        #expect(deadline?.message.contains("20 ms") == true)
        let memory = #expect(throws: ScriptError.self) { try fixture.message("fill") }
        #expect(memory?.message.contains("the limit is \(1 << 20) bytes") == true)
    }

    /// A script that holds more than it may from now on is told so, and its VM lives.
    @Test func mayHoldMoreThanItsNewLimit() throws {
        let fixture = try Fixture(
            """
            local kept = {}
            for i = 1, 1e4 do kept[i] = ('x'):rep(100) .. i end
            return { message = function(conn, data) conn:send(data .. #kept) end }
            """
        )
        var limits = ScriptLimits.test
        limits.memory = 1 << 20
        #expect(fixture.vm.memoryUsed > limits.memory)
        try fixture.vm.start(limits: limits)
        let error = #expect(throws: ScriptError.self) { try fixture.message("more") }
        #expect(error?.kind == .memory)
        try fixture.vm.start(limits: .test)
        try fixture.message("again ")
        #expect(fixture.host.effects.last == "send #1 text again 10000")
    }

    /// Known to `load` already, but not at the top level: what the script returns decides it.
    @Test func knowsItsInstance() throws {
        let source = """
            local first = ws.instance
            local known, why = pcall(function() return ws.instances end)
            return { load = function() print(ws.instance, ws.instances) end, message = function(conn)
              conn:send(table.concat({ first, ws.instance, ws.instances, tostring(known), why }, ' '))
            end }
            """
        let fixture = try Fixture(source, instance: 3, instances: 4)
        #expect(fixture.host.log == ["info test.lua:3 3\t4"])
        try fixture.message("x")
        let why = "test.lua:2: ws.instances is not known while the script loads: read it in a handler"
        #expect(fixture.host.effects == ["send #1 text 3 3 4 false \(why)"])
    }
}
