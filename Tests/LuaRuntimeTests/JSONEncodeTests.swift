//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// `ws.json.encode`, `ws.json.array` and `ws.json.null`.
struct JSONEncodeTests {
    @Test(arguments: [
        ("1", "1"), ("-12", "-12"), ("math.maxinteger", "9223372036854775807"),
        ("math.mininteger", "-9223372036854775808"),
        ("1.0", "1"), ("-0.0", "-0"), ("1e15", "1000000000000000"), ("2^53 - 1", "9007199254740991"),
        ("-(2^53 - 1)", "-9007199254740991"), ("2^53", "9007199254740992.0"), ("-2^53", "-9007199254740992.0"),
        ("2^63", "9223372036854776000.0"), ("1e20", "100000000000000000000.0"), ("1e21", "1e21"),
        ("-1.5e300", "-1.5e300"),
        ("0.5", "0.5"), ("0.1 + 0.2", "0.30000000000000004"), ("1 / 3", "0.3333333333333333"),
        ("math.pi", "3.141592653589793"),
        ("1e-6", "0.000001"), ("1e-7", "1e-7"), ("1.25e-10", "1.25e-10"), ("5e-324", "5e-324"),
        ("2^-44", "5.684341886080802e-14"), ("1.7976931348623157e308", "1.7976931348623157e308"),
        ("123456.789", "123456.789"),
        ("true", "true"), ("false", "false"), ("ws.json.null", "null"),
        ("''", "\"\""), ("'a/b'", "\"a/b\""), ("'\"\\\\'", "\"\\\"\\\\\""),
        ("'\\b\\f\\n\\r\\t'", "\"\\b\\f\\n\\r\\t\""),
        ("'\\0\\1\\x1f\\x7f'", "\"\\u0000\\u0001\\u001f\u{7F}\""),
        ("'\u{E9}\u{20AC}\u{1F600}'", "\"\u{E9}\u{20AC}\u{1F600}\""),
        ("'12345678\\n2345678\\0'", "\"12345678\\n2345678\\u0000\""), ("'\u{2028}</script>'", "\"\u{2028}</script>\""),
        ("{}", "{}"), ("{ 1, 2, 3 }", "[1,2,3]"), ("{ a = 1 }", "{\"a\":1}"), ("{ [1] = 'x' }", "[\"x\"]"),
        ("{ { {} } }", "[[{}]]"), ("{ ['1'] = 2 }", "{\"1\":2}"), ("{ ['a\\n'] = 2 }", "{\"a\\n\":2}"),
        ("{ [''] = 1 }", "{\"\":1}"),
        ("{ [1.0] = 'x', [2.0] = 'y' }", "[\"x\",\"y\"]"), ("{ ws.json.null, 1 }", "[null,1]"),
        ("{ a = ws.json.null }", "{\"a\":null}"),
        ("ws.json.array()", "[]"), ("ws.json.array {}", "[]"), ("ws.json.array { 1 }", "[1]"),
        ("{ a = ws.json.array() }", "{\"a\":[]}"),
        ("ws.json.array(ws.json.array {})", "[]"), ("ws.json.decode('[]')", "[]"),
        ("ws.json.decode('{\"a\":[]}')", "{\"a\":[]}"),
        ("setmetatable({ a = 1 }, { __index = { b = 2 } })", "{\"a\":1}"),
        ("setmetatable({ 1 }, { __len = function() return 5 end })", "[1]"),
        ("setmetatable(ws.json.decode('[]'), nil)", "{}"),
    ])
    func writes(value: String, text: String) throws {
        #expect(try printed("ws.json.encode(\(value))") == text)
    }

    /// The order in which a list was filled does not matter, nor what was taken from its end.
    @Test(arguments: [
        "local t = {} for i = 6, 1, -1 do t[i] = i end",
        "local t = { [6] = 6, [5] = 5, [4] = 4 } t[1] = 1 t[2] = 2 t[3] = 3",
        "local t = { 1, 2, 3 } t[5] = 5 t[6] = 6 t[4] = 4", "local t = { 1, 2, 3, 4, 5, 6, 7 } t[7] = nil",
        "local t = table.pack(1, 2, 3, 4, 5, 6) t.n = nil",
        "local t = ws.json.array { [2] = 2, 1 } for i = 6, 3, -1 do t[i] = i end",
        "local t = { x = 1 } for i = 1, 6 do t[i] = i end t.x = nil",
    ])
    func listsAreListsHoweverTheyCameAbout(body: String) throws {
        #expect(try printed("ws.json.encode(t)", after: body) == "[1,2,3,4,5,6]")
    }

    @Test func objectsHaveAllTheirFields() throws {
        let text = try printed("ws.json.encode(t)", after: "local t = {} for i = 1, 20 do t['k' .. i] = i end")
        let fields = text.dropFirst().dropLast().split(separator: ",").map(String.init)
        #expect(Set(fields) == Set((1...20).map { "\"k\($0)\":\($0)" }))
        #expect(text.first == "{" && text.last == "}" && fields.count == 20)
    }

    /// A decoded array, or a marked one, is as any table but for the mark.
    @Test func theMarkIsNotInTheWay() throws {
        let body = """
            local t = ws.json.decode('[1,2]') t[3] = 3 table.insert(t, 4) local sum = 0 for _, v in ipairs(t) do sum = sum + v end \
            local u = ws.json.array { 5 } local class = { __index = { size = 9 } }
            """
        let values =
            "#t, sum, next(t), getmetatable(t), setmetatable(t, class).size, getmetatable(t) == class, rawlen(u), u == u"
        #expect(try printed(values, after: body) == "4\t10\t1\tfalse\t9\ttrue\t1\ttrue")
    }

    @Test func nullIsOneValue() throws {
        let values =
            "ws.json.null, type(ws.json.null), ws.json.null == ws.json.decode('null'), getmetatable(ws.json.null)"
        #expect(try printed(values) == "null\tuserdata\ttrue\tfalse")
        #expect(
            try failure(of: "return ws.json.null.x").message.hasSuffix(
                "attempt to index a ws.json.null value (field 'null')"
            )
        )
    }

    /// Each names the path of what JSON cannot hold, at the line of the caller.
    @Test(arguments: [
        ("print", "data is a function, which JSON cannot hold"),
        ("{ list = { 1, { x = print } } }", "data.list[2].x is a function, which JSON cannot hold"),
        ("{ c = coroutine.create(print) }", "data.c is a coroutine, which JSON cannot hold"),
        ("{ conn }", "data[1] is a conn, which JSON cannot hold; write its id"),
        ("{ a = { ['b c'] = { 0 / 0 } } }", "data.a[\"b c\"][1] is not a number (nan), which JSON cannot hold"),
        ("{ 1 / 0 }", "data[1] is infinite, which JSON cannot hold"),
        ("-1 / 0", "data is infinite, which JSON cannot hold"),
        ("nil", "data is nil: ws.json.null stands for null"),
        ("{ 1, nil, 3 }", "data[2] is nil inside a list: put ws.json.null there, or make the keys strings"),
        ("{ l = { [2] = 1 } }", "data.l[1] is nil inside a list: put ws.json.null there, or make the keys strings"),
        ("{ [1000000000] = 1 }", "data[1] is nil inside a list: put ws.json.null there, or make the keys strings"),
        (
            "ws.json.array { 1, nil, 3 }",
            "data[2] is nil inside a list: put ws.json.null there, or make the keys strings"
        ),
        ("{ 1, x = 2 }", "data has keys that fit neither a list (1, 2, 3 and so on) nor an object (strings)"),
        ("{ x = 2, [7] = 1 }", "data has keys that fit neither a list (1, 2, 3 and so on) nor an object (strings)"),
        (
            "ws.json.array { x = 2 }",
            "data has keys that fit neither a list (1, 2, 3 and so on) nor an object (strings)"
        ),
        (
            "{ a = { [1.5] = 1 } }",
            "data.a has keys that fit neither a list (1, 2, 3 and so on) nor an object (strings)"
        ),
        ("{ [0] = 1 }", "data has a number below 1 as a key: a list begins at 1"),
        ("{ [-1] = 1, 1 }", "data has a number below 1 as a key: a list begins at 1"),
        ("{ [true] = 1 }", "data has a boolean as a key: objects have strings"),
        ("{ a = { [conn] = 1 } }", "data.a has a conn as a key: objects have strings"),
        ("'\\xFF'", "data must be UTF-8, and byte 1 is not"),
        ("{ { name = 'ab\\xC3' } }", "data[1].name must be UTF-8, and byte 3 is not"),
        ("{ ['k\\n\\xFF'] = 1 }", "data[\"k\\x0A\u{FFFD}\"] must be UTF-8, and byte 3 is not"),
    ])
    func refusesWithThePath(value: String, reason: String) throws {
        #expect(try failure(of: "\n ws.json.encode(\(value))").message == "test.lua:2: ws.json.encode: \(reason)")
    }

    @Test func aHundredTablesAndNoMore() throws {
        let nest = "local t = {} for i = 1, 99 do t = { t } end"
        #expect(try printed("ws.json.encode(t)", after: nest).hasPrefix("[[[["))
        let reason = "... is a table inside of 100 others, or of itself: no more are written"
        #expect(try failure(of: "\(nest) ws.json.encode({ t })").message.hasSuffix(reason))
        #expect(try failure(of: "local t = {} t.t = t ws.json.encode(t)").message.hasSuffix(reason))
    }

    @Test(arguments: [
        ("ws.json.encode()", "ws.json.encode: data is missing"),
        ("ws.json.encode({}, {})", "ws.json.encode takes one value, not 2"),
        ("ws.json.array(1)", "ws.json.array: a table was expected, not a number"),
        ("ws.json.array('x')", "ws.json.array: a table was expected, not a string"),
        (
            "ws.json.array(setmetatable({}, {}))",
            "ws.json.array: the table has a metatable, which the mark would replace"
        ),
        ("setmetatable(ws.json.null, {})", "bad argument #1 to 'setmetatable' (table expected, got ws.json.null)"),
    ])
    func misuseRaisesAtTheCaller(body: String, message: String) throws {
        #expect(try failure(of: body).message == "test.lua:1: \(message)")
    }

    /// Floats of every size come back as they were, and no shorter text would have done.
    @Test func floatsAreShortestAndReadBack() throws {
        let fixture = try Fixture(
            handler: """
                local list = {} for hexadecimal in data:gmatch('%S+') do list[#list + 1] = tonumber(hexadecimal) end \
                local text = ws.json.encode(list) print(text) \
                for i, value in ipairs(ws.json.decode(text)) do assert(value == list[i], i) end
                """
        )
        var generator = SystemRandomNumberGenerator()
        for round in 0..<40 {
            let values = (0..<10).map { index -> Double in
                let bits = UInt64.random(in: 0 ... .max, using: &generator)
                switch index % 5 {
                case 0: return Double(sign: .plus, exponent: round * 50 - 1000 + index, significand: 1)
                case 1: return Double(bits % 1_000_000) / 1000
                case 2: return Double(bitPattern: bits & 0xF_FFFF_FFFF_FFFF)
                case 3: return -Double(bits) / 3e12
                default:
                    let value = Double(bitPattern: bits)
                    return value.isFinite ? value : 0.1
                }
            }
            fixture.host.log = []
            try fixture.message(values.map { hexadecimal($0) }.joined(separator: " "))
            let text = try #require(fixture.host.log.first).split(separator: " ").last ?? ""
            let numbers = text.dropFirst().dropLast().split(separator: ",").map(String.init)
            try #require(numbers.count == values.count)
            for (number, value) in zip(numbers, values) {
                #expect(Double(number) == value)
                #expect(digits(number) == digits("\(value)"), "\(number) for \(value)")
            }
        }
    }

    private func hexadecimal(_ value: Double) -> String {
        let significand = value.significandBitPattern | (value.isNormal ? 1 << 52 : 0)
        let exponent = max(Int(value.exponentBitPattern), 1) - 1075
        return "\(value.sign == .minus ? "-" : "")0x\(String(significand, radix: 16))p\(exponent)"
    }

    /// The significant digits of a number's text.
    private func digits(_ text: String) -> String {
        let significand = text.prefix { $0 != "e" }.filter { $0.isNumber }.drop { $0 == "0" }
        return String(significand.reversed().drop { $0 == "0" }.reversed())
    }

    @Test func textHasALimit() throws {
        var limits = ScriptLimits.test
        limits.memory = 64 << 20
        let fixture = try Fixture(
            """
            local s, t = ('x'):rep(1000), {}
            return { message = function(conn, data)
              for i = #t + 1, tonumber(data) do t[i] = s end
              print(#ws.json.encode(t))
            end }
            """,
            limits: limits
        )
        try fixture.message("8000")
        #expect(fixture.host.log.last?.hasSuffix(" 8024001") == true)
        let error = #expect(throws: ScriptError.self) { try fixture.message("8400") }
        let sentence = "ws.json.encode: the text is longer than 8388608 bytes; write it in parts"
        #expect(error?.message == "test.lua:4: \(sentence)")
    }

    /// No value can make the handler outlive its budget, nor the VM its memory.
    @Test(arguments: [
        ("local t = {} for i = 1, 100000 do t[i] = i / 3 end", ScriptError.Kind.deadline),
        ("local t = ('\\n'):rep(1000000)", .deadline),
        ("local t = {} for i = 1, 30000 do t['k' .. i] = { i } end", .deadline),
        ("local t = {} for i = 100000, 1, -1 do t[i] = true end", .deadline),
        ("local s, t = ('x'):rep(100000), {} for i = 1, 1000 do t[i] = s end", .memory),
    ])
    func largeValuesEndWithTheirLimits(body: String, kind: ScriptError.Kind) throws {
        var limits = ScriptLimits.test
        limits.memory = kind == .memory ? 4 << 20 : 256 << 20
        limits.eventCPU = .milliseconds(kind == .deadline ? 20 : 5000)
        let fixture = try Fixture(
            "\(body) return { message = function() repeat pcall(ws.json.encode, t) until \(kind == .memory) ws.json.encode(t) end }",
            limits: limits
        )
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(error?.kind == kind)
    }
}
