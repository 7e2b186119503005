//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// C functions run no hook, so each that could run long looks at the deadline itself.
@Suite(.serialized)
struct BudgetTests {
    /// Some data that takes longer to make than a handler may run, then the call.
    private static func fixture(_ body: String) throws -> Fixture {
        var limits = ScriptLimits(memory: 512 << 20, eventCPU: .milliseconds(30), loadCPU: .seconds(60))
        limits.stuckCPU = .seconds(60)
        return try Fixture(
            """
            local text = ("x"):rep(1 << 23)
            local huge = text .. text .. text .. text
            local marks = ("\\u{20AC}"):rep(1 << 21)
            local numbers, empty, long, few = {}, {}, {}, {}
            local state = 1
            for i = 1, 500000 do
                state = state * 6364136223846793005 + 1442695040888963407
                numbers[i] = state >> 33
                empty[i] = ""
            end
            for i = 1, 100 do few[i] = 1.5 end
            for i = 1, 200 do long[i] = text end
            local endless = setmetatable({}, { __len = function() return 1 << 40 end })
            local counting = setmetatable({}, { __len = function() return 1 << 30 end, __index = rawequal })
            return { message = function(conn, data) if data == "run" then
            \(body)
            end conn:send("alive") end }
            """,
            limits: limits
        )
    }

    /// Never ends, or takes seconds. Each is ended at its line, 20 ms of CPU time after its budget at the latest.
    @Test(arguments: [
        "text:find('.-.-y')", "text:match('[^y]-y')", "text:match('%w*y')", "(('x'):rep(700)):find('.-.-.-y')",
        "(('x'):rep(40)):match(('x?'):rep(40) .. ('x'):rep(41))", "for _ in text:gmatch('x-y') do end",
        "text:gsub('x*y', '')", "huge:gsub('', '')", "huge:gsub('.', { x = '' })", "text:gsub('x-x-y', '')",
        "text:gsub('x?', ('%1'):rep(1 << 20))", "(('('):rep(1 << 20)):find('%b()')", "huge:find('[^%z]-%f[y]')",
        "(('x'):rep(1 << 16)):find('(x*)%1y')", "text:find('()x*()y')", "for _ = 1, 200 do huge:find('y') end",
        "for _ = 1, 200 do huge:find(text .. 'y', 1, true) end", "for _ = 1, 3000 do ('x'):rep(1 << 23) end",
        "for _ = 1, 3000 do text:reverse() end", "for _ = 1, 3000 do text:upper() end",
        "for _ = 1, 3000 do text:lower() end", "for _ = 1, 3000 do text:sub(2) end",
        "for _ = 1, 200 do table.concat(empty) end",
        "table.move({}, 1, 1e9, 2)", "table.move(endless, 1, 1 << 50, 1)", "table.move({}, 1, 1 << 50, 2, {})",
        "for _ = 1, 200 do table.move(numbers, 1, #numbers, 1, {}) end", "table.insert(endless, 1, 1)",
        "table.remove(endless, 1)", "for _ = 1, 200 do table.insert(numbers, 1, 1) end",
        "for _ = 1, 200 do table.remove(numbers, 1) end", "table.sort(numbers)",
        "table.sort(numbers, function(a, b) return a > b end)", "table.sort(numbers, math.ult)",
        "table.sort(numbers, function() while true do end end)", "table.sort(counting, function() return false end)",
        "while true do pcall(table.sort, few, function() return true end) end",
        "for _ = 1, 2000 do table.unpack(numbers, 1, 100000) end", "for _ = 1, 200 do utf8.len(marks) end",
        "for _ = 1, 200 do utf8.offset(marks, -1 << 40) end", "for _ = 1, 200 do utf8.offset(marks, 1 << 40) end",
        "for _ = 1, 9000 do utf8.codepoint(marks, 1, 99999) end",
        "for _ = 1, 9000 do utf8.char(table.unpack(numbers, 1, 1000)) end",
        "for _ = 1, 9000 do ('%f'):rep(100):format(table.unpack(few)) end",
        "for _ = 1, 9000 do ('%q'):format(text:sub(1, 1 << 20)) end",
        "for _ = 1, 9000 do string.pack(('x'):rep(65536)) end", "for _ = 1, 9000 do string.pack('c1000000', 'x') end",
        "for _ = 1, 9000 do os.date(('%c'):rep(512)) end", "for _ = 1, 99999 do tonumber(('0'):rep(65536)) end",
        "for _ = 1, 99999 do local n = ('0'):rep(65536) + 1 end", "for _ = 1, 99999 do print(table.unpack(few)) end",
        "while true do pcall(string.rep, 'x', 1 << 40) end", "while true do pcall(table.concat, { {} }) end",
        "while true do pcall(string.find, 'x', '[') end", "while true do next(numbers) end",
    ])
    func endsLongCalls(body: String) throws {
        let fixture = try Self.fixture(body)
        let error = #expect(throws: ScriptError.self) {
            try expectCPUTime(within: .milliseconds(50)) { try fixture.message("run") }
        }
        #expect(error?.kind == .deadline)
        #expect(error?.message == "test.lua:16: handler ran longer than 30 ms of CPU time")
        try fixture.message()
        #expect(fixture.host.effects == ["send #1 text alive"])
    }

    /// Ends with an error of its own, or well, and soon.
    @Test(arguments: [
        "huge:rep(2)", "(''):rep(math.maxinteger)", "('x'):rep(math.maxinteger)", "huge:reverse()", "huge:upper()",
        "text:gsub('x', text)", "table.concat(long)", "table.unpack({}, 1, 1e7)", "table.unpack(endless)",
        "table.concat(endless)", "table.concat(empty, '', 1, 1 << 40)", "text:byte(1, -1)",
        "('%s'):rep(200):format(table.unpack(long))", "('%q'):format(text)",
        "string.pack('c1000000000', 'x')", "string.pack(text)", "string.packsize(text)", "string.unpack(text, text)",
        "os.date(text)", "tonumber(huge)", "return huge + 1", "return -huge", "('(a'):rep(40):find(('(a'):rep(40))",
        "text:find(('a?'):rep(300))", "utf8.char(table.unpack({}, 1, 1e7))", "select('#', table.unpack(endless))",
        "huge:find(text .. 'y', 1, true)", "text:find(text:sub(2) .. 'y')", "('x'):find('[' .. text .. ']')",
        "text:find('.-y')", "text:find('.*y')", "return #endless, rawlen(endless)",
    ])
    func endsWideCalls(body: String) throws {
        let fixture = try Self.fixture(body)
        do {
            try expectCPUTime(within: .milliseconds(50)) { try fixture.message("run") }
        } catch let error as ScriptError {
            // The rest of the handler is in the next line.
            #expect(error.line == 16 || error.line == 17 && error.kind == .deadline)
        }
        try fixture.message()
        #expect(fixture.host.effects.last == "send #1 text alive")
    }
}
