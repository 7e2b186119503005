//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct ScriptErrorTests {
    @Test func tellsWhereAndWhat() throws {
        let fixture = try Fixture(
            """
            local function inner(x)
                return x.name
            end
            return {
                message = function(conn, data)
                    local name = inner(nil)
                    conn:send(name)
                end,
            }
            """,
            name: "games/tic.lua"
        )
        let error = try #require(#expect(throws: ScriptError.self) { try fixture.message() })
        #expect(error.kind == .runtime)
        #expect(error.message == "games/tic.lua:2: attempt to index a nil value (local 'x')")
        #expect(error.file == "games/tic.lua")
        #expect(error.line == 2)
        #expect(error.sourceLine == "    return x.name")
        #expect(
            error.traceback
                == "games/tic.lua:2: in upvalue 'inner'\ngames/tic.lua:6: in function <games/tic.lua:5>"
        )
        #expect(error.handler == "message")
        #expect(error.version == 3)
        #expect(error.description == "games/tic.lua:2: attempt to index a nil value (local 'x')")
    }

    @Test(arguments: [
        ("x = = 1", "test.lua:1: unexpected symbol near '='"),
        ("return { 1", "test.lua:1: '}' expected near <eof>"),
        ("return { message = function(conn) conn:send('x' end }", "test.lua:1: ')' expected near 'end'"),
    ])
    func syntaxErrors(source: String, message: String) throws {
        let error = try loadFailure(of: source)
        #expect(error.kind == .syntax)
        #expect(error.message == message)
        #expect(error.sourceLine == source)
        #expect(error.handler == "load")
    }

    /// Whatever a script throws becomes text, and its own functions are not trusted on the way.
    @Test(arguments: [
        ("error('x')", "test.lua:1: x"),
        ("error('x', 0)", "x"),
        ("error(12)", "12"),
        ("error()", "test.lua:1: the error is nil"),
        ("error(true)", "test.lua:1: the error is a boolean that has no text"),
        ("error({ code = 1 })", "test.lua:1: the error is a table that has no text"),
        ("error(print)", "test.lua:1: the error is a function that has no text"),
        ("error(setmetatable({}, { __tostring = function() return 'own' end }))", "own"),
        (
            "error(setmetatable({}, { __tostring = function() error('again') end }))",
            "test.lua:1: the error is a table that has no text"
        ),
        (
            "error(setmetatable({}, { __tostring = function() return {} end }))",
            "test.lua:1: the error is a table that has no text"
        ),
        ("error(conn)", "conn ccccccccccccccccccccc1"),
        ("error('12:30: too late', 0)", "12:30: too late"),
        ("error('a\\0b', 0)", "a\0b"),
        ("error('\\xFF', 0)", "\u{FFFD}"),
    ])
    func errorValues(body: String, message: String) throws {
        let error = try failure(of: body)
        #expect(error.message == message)
        #expect(error.line == 1)
        #expect(error.file == "test.lua")
    }

    /// What is logged begins with the script and the line, whatever was raised.
    @Test(arguments: [
        ("error('x')", "test.lua:1: x"), ("error('x', 0)", "test.lua:1: x"), ("error(12)", "test.lua:1: 12"),
        ("error()", "test.lua:1: the error is nil"), ("error('', 0)", "test.lua:1: "),
        ("error('test.luas: x', 0)", "test.lua:1: test.luas: x"),
    ])
    func descriptionsBeginWithThePlace(body: String, beginning: String) throws {
        #expect(try failure(of: body).description == beginning)
        #expect(try loadFailure(of: body).description == beginning)
    }

    /// What the compiler refuses without a line still has the script's name.
    @Test(arguments: [
        ("\u{1B}Lua", "attempt to load a binary chunk: scripts are Lua text"),
        (
            "return " + String(repeating: "(", count: 100_000) + "1" + String(repeating: ")", count: 100_000),
            "C stack overflow: parentheses, tables or functions are nested too deeply"
        ),
        (
            "return " + String(repeating: "{", count: 300) + String(repeating: "}", count: 300),
            "C stack overflow: parentheses, tables or functions are nested too deeply"
        ),
    ])
    func whatCannotBeCompiledIsNamed(source: String, message: String) throws {
        let error = try loadFailure(of: source)
        #expect(error.kind == .syntax)
        #expect(error.description == "test.lua: \(message)")
        let module = try loadFailure(of: "\nrequire 'm'", modules: ["m": source])
        #expect(module.kind == .syntax)
        #expect(module.description == "test.lua:2: m.lua: \(message)")
    }

    /// As Lua's own loader of files does, and the lines keep their numbers.
    @Test(arguments: ["\u{FEFF}", "\u{FEFF}#!/usr/bin/lua", "#!/usr/bin/lua", "# \u{1B} comment", "#"])
    func passesOverMarksAtTheStart(start: String) throws {
        let modules = ["m": "\(start)\nreturn error"]
        let fixture = try Fixture("\(start)\nreturn { message = require 'm' }", modules: modules)
        #expect(fixture.vm.handlers == .message)
        #expect(try loadFailure(of: "\(start)\nx = = 1").message == "test.lua:2: unexpected symbol near '='")
        #expect(try loadFailure(of: start).kind == .contract)
    }

    @Test func messagesAreCut() throws {
        #expect(try failure(of: "error(('x'):rep(10000), 0)").message == String(repeating: "x", count: 4096))
    }

    /// A traceback is of bounded length, however deep the stack was.
    @Test func deepStacksAreCut() throws {
        let error = try failure(of: "local function f(n) if n == 0 then error('deep') end f(n - 1) return end f(1000)")
        #expect(error.traceback.split(separator: "\n").count == 20)
    }

    /// error(text, 2) blames the caller, and so does the excerpt.
    @Test func thePositionIsThatOfTheMessage() throws {
        let fixture = try Fixture(
            "local function check() error('bad', 2) end\nreturn { message = function()\ncheck()\nend }"
        )
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(error?.message == "test.lua:3: bad")
        #expect(error?.line == 3)
        #expect(error?.sourceLine == "check()")
    }

    @Test func helpIsThereForLimits() {
        var error = ScriptError(
            kind: .memory,
            message: "m",
            file: "f",
            line: 0,
            sourceLine: nil,
            traceback: "",
            handler: "h",
            version: 1
        )
        #expect(error.help == "keep less, or raise the script's memory limit")
        error.kind = .deadline
        #expect(error.help == "handle less in one event, or raise the script's CPU limit")
        error.handler = "load"
        #expect(
            error.help
                == "do less at the top level, or raise `limits.load` in the configuration; a `load` handler has `limits.cpu`"
        )
        error.kind = .runtime
        #expect(error.help == nil)
        error.handler = "save"
        #expect(error.help?.hasPrefix("this is the version that serves") == true)
    }

    /// The order in which Lua goes through a table is none, and what is wrong is told in one all the same.
    @Test func tellsEverythingThatIsWrongWithATable() throws {
        let error = try loadFailure(
            of: """
                return { mesage = print, close = 5, on = { a = 1, b = print, c = 'x' }, invalid = print, [1] = 2,
                    limits = { [1.5] = 1 }, slow = 'drop', calls = {} }
                """
        )
        #expect(error.kind == .contract)
        #expect(
            [error.message] + error.others == [
                "test.lua: \"close\" must be a function, not a number",
                "test.lua: \"on.a\" must be a function, not a number",
                "test.lua: \"on.c\" must be a function, not a string",
                "test.lua: key of the returned table: \"calls\" is reserved for a later version",
                "test.lua: limits: the keys in it must be strings, or 1, 2, 3 and so on",
                "test.lua: the keys of the returned table must be strings: names of handlers and settings",
                "test.lua: unknown key of the returned table: \"mesage\": did you mean \"message\"?",
            ]
        )
        #expect(error.settings.map(\.key) == ["slow"])
    }

    /// More than a failure has room for is cut, and one thing that is wrong is like another.
    @Test func whatIsWrongWithATableIsBounded() throws {
        let error = try loadFailure(of: "local t = {} for i = 1, 1000 do t['k' .. i] = print end return t")
        #expect(error.others.count > 10 && error.others.count < 100)
        #expect(error.message.hasPrefix("test.lua: unknown key of the returned table: \"k"))
    }

    @Test func carriageReturnsAreNotPartOfALine() throws {
        #expect(try loadFailure(of: "local a = 1\r\nx = = 1\r\nreturn {}\r\n").sourceLine == "x = = 1")
    }
}
