//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// `ws.json.decode` against RFC 8259.
struct JSONDecodeTests {
    /// What comes of a text: the value, encoded again with nulls kept, or why it is no JSON and where.
    private func decoded(_ text: String) throws -> String {
        let fixture = try Fixture(
            handler: """
                local value, why, byte = ws.json.decode(data, { nulls = true }) \
                print(why and byte .. ': ' .. why or ws.json.encode(value))
                """
        )
        try fixture.message(text)
        return String(try #require(fixture.host.log.first).dropFirst("info test.lua:1 #1 ".count))
    }

    /// Section by section of RFC 8259: what must be read, and what it is when it is written again.
    @Test(arguments: [
        // 2: six structural characters, white space around each, any value at the top.
        ("[]", "[]"), ("{}", "{}"), ("null", "null"), ("true", "true"), ("false", "false"), ("7", "7"),
        ("\"\"", "\"\""), (" \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n", "[1,2]"),
        (" { \"a\" : 1 } ", "{\"a\":1}"), ("\n7\n", "7"), ("[null]", "[null]"), ("[[],{}]", "[[],{}]"),
        // 3: literal names.
        ("[true,false,null]", "[true,false,null]"),
        // 4: objects. Of a name that comes again the last value counts, also when one of them is null.
        ("{\"\":0}", "{\"\":0}"), ("{\"a\":{\"b\":{}}}", "{\"a\":{\"b\":{}}}"), ("{\"a\":1,\"a\":2}", "{\"a\":2}"),
        ("{\"a\":1,\"a\":null}", "{\"a\":null}"), ("{\"a\":null,\"a\":1}", "{\"a\":1}"),
        ("{\"\\u0061\":1,\"a\":2}", "{\"a\":2}"), ("{\"a\\u0000b\":1}", "{\"a\\u0000b\":1}"),
        // 5: arrays, of any kinds of values.
        ("[1,\"a\",null,true,[],{}]", "[1,\"a\",null,true,[],{}]"), ("[[[[[1]]]]]", "[[[[[1]]]]]"),
        // 6: numbers.
        ("0", "0"), ("-0", "-0"), ("-1", "-1"), ("10", "10"), ("0.5", "0.5"), ("-0.5", "-0.5"), ("1.50", "1.5"),
        ("0e1", "0"), ("0E+1", "0"), ("1e2", "100"), ("1E2", "100"), ("1e+2", "100"), ("1e-2", "0.01"),
        ("1.5e3", "1500"), ("-1.5E-3", "-0.0015"), ("123456789012345678", "123456789012345678"),
        ("9223372036854775807", "9223372036854775807"), ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", "9223372036854776000.0"), ("-9223372036854775809", "-9223372036854776000.0"),
        ("100000000000000000000000", "1e23"), ("1e300", "1e300"), ("1e-400", "0"), ("-1e-400", "-0"),
        ("1e-99999999999999999999", "0"), ("0e99999999999999999999", "0"), ("5e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e308"), ("1.7976931348623158e308", "1.7976931348623157e308"),
        ("2.2250738585072011e-308", "2.225073858507201e-308"), ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("9007199254740993.0", "9007199254740992.0"), ("9007199254740995e0", "9007199254740996.0"),
        // 7: strings.
        ("\"a\"", "\"a\""), ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""),
        ("\"\u{7F}\"", "\"\u{7F}\""),
        ("\"\\u0000\\u001f\"", "\"\\u0000\\u001f\""), ("\"\\u00e9\\u00E9\"", "\"\u{E9}\u{E9}\""),
        ("\"\\u20ac\"", "\"\u{20AC}\""), ("\"\\ud834\\udd1e\"", "\"\u{1D11E}\""),
        ("\"\\uD83D\\uDE00\"", "\"\u{1F600}\""),
        ("\"\u{E9}\u{20AC}\u{1F600}\"", "\"\u{E9}\u{20AC}\u{1F600}\""), ("\"\\u2028\u{2028}\"", "\"\u{2028}\u{2028}\""),
        ("\"\\uFFFD\\uE000\"", "\"\u{FFFD}\u{E000}\""), ("\"\\udbff\\udfff\"", "\"\u{10FFFF}\""),
        ("\"12345678\\n12345678\"", "\"12345678\\n12345678\""), ("\"1234567\\\\\"", "\"1234567\\\\\""),
    ])
    func reads(text: String, result: String) throws {
        #expect(try decoded(text) == result)
    }

    /// What must be refused, the byte at which it stops being JSON, and why.
    @Test(arguments: [
        // The end, wherever it comes too early.
        ("", "1: the text ends too early"), ("  ", "3: the text ends too early"), ("[", "2: the text ends too early"),
        ("[1", "3: the text ends too early"), ("[1,", "4: the text ends too early"),
        ("{", "2: the text ends too early"),
        ("{\"a\"", "5: the text ends too early"), ("{\"a\":", "6: the text ends too early"),
        ("{\"a\":1", "7: the text ends too early"), ("{\"a\":1,", "8: the text ends too early"),
        ("\"", "2: the text ends too early"), ("\"a", "3: the text ends too early"),
        ("\"\\", "3: the text ends too early"),
        ("\"\\u", "4: the text ends too early"), ("\"\\u00", "6: the text ends too early"),
        ("tru", "4: the text ends too early"), ("-", "2: the text ends too early"),
        ("1.", "3: the text ends too early"),
        ("1e", "3: the text ends too early"), ("1e+", "4: the text ends too early"),
        // 2 and 3: structure and names.
        ("]", "1: a value was expected"), ("}", "1: a value was expected"), (",", "1: a value was expected"),
        ("[,1]", "2: a value was expected"), ("[1,]", "4: a value was expected"), ("[1,,2]", "4: a value was expected"),
        ("[1 2]", "4: ',' or ']' was expected"), ("[1}", "3: ',' or ']' was expected"),
        ("[1:2]", "3: ',' or ']' was expected"),
        ("[]]", "3: there is more behind the value"), ("1 2", "3: there is more behind the value"),
        ("nullx", "5: there is more behind the value"), ("{}#", "3: there is more behind the value"),
        ("[1]\u{0}", "4: there is more behind the value"), ("[1] // c", "5: there is more behind the value"),
        ("True", "1: a value was expected"), ("NaN", "1: a value was expected"),
        ("Infinity", "1: a value was expected"),
        ("undefined", "1: a value was expected"), ("tRue", "2: no such word: JSON has true, false and null"),
        ("nil", "2: no such word: JSON has true, false and null"),
        ("falsy", "5: no such word: JSON has true, false and null"),
        ("'a'", "1: a value was expected"), ("a", "1: a value was expected"), ("\u{FEFF}1", "1: a value was expected"),
        ("\u{A0}1", "1: a value was expected"), ("\u{0B}1", "1: a value was expected"),
        ("/**/1", "1: a value was expected"),
        ("\u{0}", "1: a value was expected"),
        // 4: objects.
        ("{1:2}", "2: a key in double quotes was expected"), ("{a:1}", "2: a key in double quotes was expected"),
        ("{'a':1}", "2: a key in double quotes was expected"), ("{,}", "2: a key in double quotes was expected"),
        ("{\"a\":1,}", "8: a key in double quotes was expected"),
        ("{null:1}", "2: a key in double quotes was expected"),
        ("{\"a\" 1}", "6: ':' was expected"), ("{\"a\"}", "5: ':' was expected"), ("{\"a\",1}", "5: ':' was expected"),
        ("{\"a\"::1}", "6: a value was expected"), ("{\"a\":}", "6: a value was expected"),
        ("{\"a\":1 \"b\":2}", "8: ',' or '}' was expected"), ("{\"a\":1]", "7: ',' or '}' was expected"),
        // 6: numbers.
        ("+1", "1: a value was expected"), (".5", "1: a value was expected"), ("-a", "2: a digit was expected"),
        ("--1", "2: a digit was expected"), ("-.5", "2: a digit was expected"),
        ("01", "2: there is more behind the value"),
        ("-01", "3: there is more behind the value"), ("00", "2: there is more behind the value"),
        ("1.e1", "3: a digit was expected"), ("1.a", "3: a digit was expected"), ("1ea", "3: a digit was expected"),
        ("1e+-2", "4: a digit was expected"), ("1e1.5", "4: there is more behind the value"),
        ("0x10", "2: there is more behind the value"), ("1_000", "2: there is more behind the value"),
        ("1,5", "2: there is more behind the value"), ("[-]", "3: a digit was expected"),
        ("\u{FF11}", "1: a value was expected"),
        ("1e400", "1: the number is too large"), ("-1e400", "1: the number is too large"),
        ("[1e99999999999999999999]", "2: the number is too large"),
        ("1.7976931348623159e308", "1: the number is too large"),
        // 7: strings.
        ("\"\n\"", "2: control characters must be escaped"), ("\"a\tb\"", "3: control characters must be escaped"),
        ("\"\u{0}\"", "2: control characters must be escaped"), ("\"\u{1F}\"", "2: control characters must be escaped"),
        ("\"\\n\u{1}\"", "4: control characters must be escaped"), ("\"\\x41\"", "3: no such escape"),
        ("\"\\'\"", "3: no such escape"), ("\"\\0\"", "3: no such escape"), ("\"\\U0041\"", "3: no such escape"),
        ("\"\\\u{E9}\"", "3: no such escape"), ("\"\\u00g0\"", "6: four hexadecimal digits were expected"),
        ("\"\\u+123\"", "4: four hexadecimal digits were expected"),
        ("\"\\u12\"", "6: four hexadecimal digits were expected"),
        // 8.2: a surrogate alone is no character.
        ("\"\\ud800\"", "2: a surrogate without its other half"),
        ("\"a\\udc00\"", "3: a surrogate without its other half"),
        ("\"\\ud800\\n\"", "2: a surrogate without its other half"),
        ("\"\\ud800\\u0041\"", "2: a surrogate without its other half"),
        ("\"\\ud800\\ud800\\udc00\"", "2: a surrogate without its other half"),
        ("\"\\udc00\\ud800\"", "2: a surrogate without its other half"),
        ("\"\\ud800\\u00g0\"", "12: four hexadecimal digits were expected"),
    ])
    func refuses(text: String, reason: String) throws {
        #expect(try decoded(text) == reason)
    }

    /// 8.1: bytes that are no UTF-8, which a binary message may bring.
    @Test(arguments: [
        ("'\"\\xFF\"'", 2), ("'\"\\x80\"'", 2), ("'\"\\xC0\\xAF\"'", 2), ("'\"abcdefgh\\xC3\"'", 10),
        ("'\"\\xED\\xA0\\x80\"'", 2),
        ("'\"\\xF4\\x90\\x80\\x80\"'", 2), ("'\"\\\\n\\xE2\\x82\"'", 4), ("'{\"\\xFF\":1}'", 3),
        ("'[\"a\",\"\\xFE\"]'", 7),
        ("'\"\\xE2\\x82'", 2),
    ])
    func refusesWhatIsNoUTF8(literal: String, byte: Int) throws {
        #expect(try printed("ws.json.decode(\(literal))") == "nil\tthis byte is not UTF-8\t\(byte)")
    }

    @Test(arguments: [
        (
            "math.type(ws.json.decode('1')), math.type(ws.json.decode('1.0')), math.type(ws.json.decode('1e0'))",
            "integer\tfloat\tfloat"
        ),
        ("ws.json.decode('-0')", "-0.0"),
        ("ws.json.decode('9223372036854775808') == 2^63", "true"),
        ("ws.json.decode('null') == ws.json.null, ws.json.decode('[null]')[1] == ws.json.null", "true\ttrue"),
        ("ws.json.decode('{\"a\":null}').a, ws.json.decode('{\"a\":null}', {}).a", "nil\tnil"),
        ("next(ws.json.decode('{\"a\":null,\"b\":null}'))", "nil"),
        ("ws.json.decode('{\"a\":1,\"a\":null}').a", "nil"),
        ("ws.json.decode('{\"a\":null}', { nulls = false }).a", "nil"),
        ("ws.json.decode('{\"a\":null}', { nulls = true }).a", "null"),
        ("ws.json.decode('{\"a\":[null]}').a[1]", "null"),
        ("ws.json.decode('false')", "false"),
        ("ws.json.decode('\"a\\\\u0000b\"'):byte(1, -1)", "97\t0\t98"),
        ("ws.json.decode('{\"1\":2}')['1'], ws.json.decode('{\"1\":2}')[1]", "2\tnil"),
        ("#ws.json.decode('[1,2,3]'), select('#', table.unpack(ws.json.decode('[1,2,3]')))", "3\t3"),
    ])
    func givesLuaValues(expressions: String, result: String) throws {
        #expect(try printed(expressions) == result)
    }

    @Test func aHundredLevelsAndNoMore() throws {
        let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(try decoded(deep) == deep)
        #expect(try decoded("[\(deep)]") == "101: nested deeper than 100")
        let objects = String(repeating: "{\"a\":", count: 100) + "1" + String(repeating: "}", count: 100)
        #expect(try decoded(objects) == objects)
        #expect(try decoded("[\(objects)]") == "497: nested deeper than 100")
        #expect(try decoded(String(repeating: "[", count: 100_000)) == "101: nested deeper than 100")
    }

    @Test func eightMebibytesAndNoMore() throws {
        var limits = ScriptLimits.test
        limits.memory = 128 << 20
        let fixture = try Fixture(
            """
            local s = ("x"):rep(1 << 20)
            local t = s .. s .. s .. s .. s .. s .. s .. s
            return { message = function(conn, data)
              local value, why, byte = ws.json.decode('"' .. t:sub(1, tonumber(data)) .. '"')
              print(why and byte .. ": " .. why or #value)
            end }
            """,
            limits: limits
        )
        try fixture.message("8388606")
        try fixture.message("8388607")
        let told = fixture.host.log.map { $0.split(separator: "#1 ").last.map(String.init) }
        #expect(told == ["8388606", "8388609: the text is longer than 8388608 bytes"])
    }

    @Test(arguments: [
        ("ws.json.decode()", "ws.json.decode: text must be a string, not missing"),
        ("ws.json.decode(nil)", "ws.json.decode: text must be a string, not nil"),
        ("ws.json.decode(1)", "ws.json.decode: text must be a string, not number"),
        ("ws.json.decode({})", "ws.json.decode: text must be a string, not table"),
        ("ws.json.decode(conn)", "ws.json.decode: text must be a string, not conn"),
        ("ws.json.decode('1', 1)", "ws.json.decode: options must be a table, not a number"),
        ("ws.json.decode('1', { null = true })", "ws.json.decode: unknown option \"null\": did you mean \"nulls\"?"),
        ("ws.json.decode('1', { true })", "ws.json.decode: the keys of the options must be strings, not number"),
        ("ws.json.decode('1', { nulls = 1 })", "ws.json.decode: nulls must be true or false, not a number"),
        ("ws.json.parse('1')", "unknown field of ws.json: \"parse\""),
        ("ws.json.decoded('1')", "unknown field of ws.json: \"decoded\": did you mean \"decode\"?"),
        ("return ws.json[1]", "ws.json has no field of type number"),
        ("ws.json.mine = 1", "ws.json cannot be given new fields: use a variable of the script"),
    ])
    func misuseRaisesAtTheCaller(body: String, message: String) throws {
        #expect(try failure(of: body).message == "test.lua:1: \(message)")
    }

    /// A text cannot make the handler outlive its budget, nor the VM its memory.
    @Test(arguments: [
        ("('0.1,'):rep(200000)", ScriptError.Kind.deadline), ("('\"\\\\n\",'):rep(200000)", .deadline),
        ("('{\"a\":[1,2]},'):rep(50000)", .deadline), ("('[],'):rep(300000)", .memory),
    ])
    func longTextsEndWithTheirLimits(items: String, kind: ScriptError.Kind) throws {
        var limits = ScriptLimits.test
        limits.memory = kind == .memory ? 4 << 20 : 256 << 20
        limits.eventCPU = .milliseconds(kind == .deadline ? 20 : 5000)
        let fixture = try Fixture(
            "local text = '[' .. \(items) .. '0]' return { message = function() repeat ws.json.decode(text) until false end }",
            limits: limits
        )
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(error?.kind == kind)
    }
}
