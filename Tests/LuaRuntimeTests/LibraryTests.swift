//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// What stands in the place of Lua's own functions.
struct LibraryTests {
    static let limits = ScriptLimits(memory: 256 << 20, eventCPU: .seconds(20), loadCPU: .seconds(20))

    /// Within the bounds it is Lua's, errors included.
    @Test(arguments: 1...3)
    func doesAsLuaDoes(seed: Int) throws {
        try expectSame("library.lua", "\(seed), 500")
    }

    /// Beyond them each says its name, the bound and what to do instead.
    @Test(arguments: [
        (
            "text:rep(2)",
            "string.rep: the result is longer than 8388608 bytes; repeat it less often, or send it in parts"
        ),
        (
            "('x'):rep(1 << 40)",
            "string.rep: the result is longer than 8388608 bytes; repeat it less often, or send it in parts"
        ),
        (
            "('x'):rep(1 << 23, 'y')",
            "string.rep: the result is longer than 8388608 bytes; repeat it less often, or send it in parts"
        ),
        (
            "('x'):rep(math.maxinteger, text)",
            "string.rep: the result is longer than 8388608 bytes; repeat it less often, or send it in parts"
        ),
        ("(text .. 'x'):reverse()", "string.reverse: the result is longer than 8388608 bytes; take the text in parts"),
        ("(text .. 'x'):lower()", "string.lower: the result is longer than 8388608 bytes; take the text in parts"),
        ("(text .. 'x'):upper()", "string.upper: the result is longer than 8388608 bytes; take the text in parts"),
        ("text:gsub('x$', 'yy')", "string.gsub: the result is longer than 8388608 bytes; replace in parts of the text"),
        (
            "('xx'):gsub('x', text)",
            "string.gsub: the result is longer than 8388608 bytes; replace in parts of the text"
        ),
        (
            "('xx'):gsub('x', function() return text end)",
            "string.gsub: the result is longer than 8388608 bytes; replace in parts of the text"
        ),
        (
            "table.concat({ text, 'x' })",
            "table.concat: the result is longer than 8388608 bytes; join fewer elements, or send it in parts"
        ),
        (
            "table.concat({ 'x', 'x' }, text)",
            "table.concat: the result is longer than 8388608 bytes; join fewer elements, or send it in parts"
        ),
        (
            "('%s%s'):format(text, text)",
            "string.format: the result is longer than 8388608 bytes; put it together from parts"
        ),
        (
            "('%s'):format(setmetatable({}, { __tostring = function() return text .. text end }))",
            "string.format: the result is longer than 8388608 bytes; put it together from parts"
        ),
        ("('%q'):format(text)", "string.format: %q takes at most 1048576 bytes"),
        ("('%%'):rep(1 << 20):format()", "string.format: a format may have 1048576 bytes"),
        ("string.pack('s4s4', text, text)", "string.pack: the result is longer than 8388608 bytes; pack it in parts"),
        ("string.pack('i4c1048577', 1, 'x')", "string.pack: c takes at most 1048576 bytes; use s or z"),
        ("string.pack('c99999999999999999999', 'x')", "string.pack: c takes at most 1048576 bytes; use s or z"),
        ("string.pack(('x'):rep(65537))", "string.pack: a format may have 65536 bytes"),
        ("string.packsize(('x'):rep(65537))", "string.packsize: a format may have 65536 bytes"),
        ("string.unpack(('b'):rep(65537), text)", "string.unpack: a format may have 65536 bytes"),
        ("text:byte(1, -1)", "string.byte: more than 100000 values; take them in parts"),
        ("utf8.codepoint(text, 1, 100001)", "utf8.codepoint: more than 100000 values; take them in parts"),
        ("table.unpack({}, 1, 100001)", "table.unpack: more than 100000 values; take them in parts"),
        (
            "table.unpack({}, math.mininteger, math.maxinteger)",
            "table.unpack: more than 100000 values; take them in parts"
        ),
        ("os.date(('%c'):rep(513))", "os.date: a format may have 1024 bytes"),
        ("('1'):rep(65537) + 1", "attempt to calculate with a text of more than 65536 bytes"),
        ("-('1'):rep(65537)", "attempt to calculate with a text of more than 65536 bytes"),
    ])
    func boundsWhatItMakes(expression: String, message: String) throws {
        let fixture = try Fixture(
            "local text = ('x'):rep(1 << 23)\nreturn { message = function() return \(expression) end }",
            limits: Self.limits
        )
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(error?.kind == .runtime)
        #expect(error?.message == "test.lua:2: \(message)")
        #expect(error?.line == 2)
    }

    /// At the bounds nothing is refused.
    @Test(arguments: [
        ("#('x'):rep(1 << 23)", "8388608"),
        ("#('x'):rep(1 << 22):reverse():upper():lower()", "4194304"),
        ("#(''):rep(math.maxinteger), #('x'):rep(1, ('y'):rep(1 << 23))", "0\t1"),
        ("select('#', table.unpack({}, 1, 100000)), select('#', ('x'):rep(100000):byte(1, -1))", "100000\t100000"),
        ("#table.concat({ ('x'):rep(1 << 22), ('x'):rep(1 << 22) })", "8388608"),
        ("#('x'):rep(1 << 22):gsub('.', 'yy')", "8388608"),
        ("tonumber(('0'):rep(65535) .. '7'), tonumber(('0'):rep(65536) .. '7')", "7\tnil"),
        ("(('0'):rep(65535) .. '7') + 1", "8"),
    ])
    func takesWhatIsWithin(expressions: String, result: String) throws {
        let fixture = try Fixture(handler: "print(\(expressions))", limits: Self.limits)
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 \(result)"])
    }

    /// Sorting ends in a sorted list where the comparison allows it, whatever the list looks like.
    @Test(arguments: [
        "i", "-i", "i % 2", "1", "i % 7 * 1000 + i", "math.abs(i - 5000)", "i * 7919 % 10007", "-math.abs(i - 5000)",
    ])
    func sortsEverything(element: String) throws {
        let fixture = try Fixture(
            handler: """
                local list, comparisons = {}, 0
                for i = 1, 10000 do list[i] = \(element) end
                table.sort(list, function(a, b) comparisons = comparisons + 1 return a < b end)
                for i = 2, #list do assert(list[i - 1] <= list[i]) end
                print(#list, comparisons < 400000)
                """,
            limits: Self.limits
        )
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:5 #1 10000\ttrue"])
    }
}
