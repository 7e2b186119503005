//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct LogTests {
    @Test(arguments: [
        ("ws.log.debug('a')", "debug test.lua:1 #1 a"),
        ("ws.log.info('%d of %s', 3, 'x')", "info test.lua:1 #1 3 of x"),
        ("ws.log.warn('100%')", "warning test.lua:1 #1 100%"),
        ("ws.log.error(nil)", "error test.lua:1 #1 nil"),
        ("ws.log.info(12)", "info test.lua:1 #1 12"),
        ("print()", "info test.lua:1 #1 "),
        ("print(1, nil, 'x', true)", "info test.lua:1 #1 1\tnil\tx\ttrue"),
        ("print(setmetatable({}, { __tostring = function() return 'own' end }))", "info test.lua:1 #1 own"),
        ("print('a\\nb')", "info test.lua:1 #1 a\nb"),
        ("pcall(print, 'x')", "info test.lua:1 #1 x"),
        ("coroutine.wrap(function() print('inside') end)()", "info test.lua:1 #1 inside"),
    ])
    func writesLines(call: String, line: String) throws {
        let fixture = try Fixture(handler: call)
        try fixture.message()
        #expect(fixture.host.log == [line])
    }

    @Test func theTopLevelMayLog() throws {
        let fixture = try Fixture("print('loading')\nws.log.warn('careful')\nreturn {}")
        #expect(fixture.host.log == ["info test.lua:1 loading", "warning test.lua:2 careful"])
    }

    /// What the script makes of string.format does not matter.
    @Test func formatsWithItsOwnFunction() throws {
        let fixture = try Fixture("string.format = nil return { message = function() ws.log.info('%d', 1) end }")
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 1"])
    }

    /// What is wrong with the format is told at the caller's line; a script's own error stays what it is.
    @Test(arguments: [
        ("ws.log.warn('%s %s', 1)", "ws.log.warn: bad argument #3 (no value)"),
        ("ws.log.info('%d', 'x')", "ws.log.info: bad argument #2 (number expected, got string)"),
        ("ws.log.debug('%y', 1)", "ws.log.debug: invalid conversion '%y'"),
        ("ws.log.error('%s', setmetatable({}, { __tostring = function() error('own') end }))", "own"),
        (
            "ws.log.error('%s', setmetatable({}, { __tostring = function() return string.format('%d', {}) end }))",
            "bad argument #2 to 'format' (number expected, got table)"
        ),
    ])
    func misuseOfFormatsRaisesAtTheCaller(body: String, message: String) throws {
        let error = try failure(of: body)
        #expect(error.message == "test.lua:1: \(message)")
        #expect(error.line == 1)
        #expect(try printed("pcall(function() \(body) end)") == "false\ttest.lua:1: \(message)")
    }

    @Test(arguments: [
        ("ws.log.info()", "test.lua:1: ws.log.info: what to log is missing"),
        (
            "ws.log.warn({}, 1)",
            "test.lua:1: ws.log.warn: the first of several values must be a format such as \"%s\", not table"
        ),
        ("print(setmetatable({}, { __tostring = function() return {} end }))", "'__tostring' must return a string"),
    ])
    func misuseRaises(body: String, message: String) throws {
        #expect(try failure(of: body).message.hasSuffix(message))
    }
}
