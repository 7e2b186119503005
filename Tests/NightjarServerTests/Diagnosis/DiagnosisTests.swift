//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import LuaRuntime
import NightjarServer
import Testing

/// Broken scripts, and exactly what their authors are shown.
struct DiagnosisTests {
    private static func shown(_ script: String) throws -> String {
        let error = try #require(throws: ScriptError.self) { _ = try TestHouse(script, name: "chat.lua") }
        return Diagnosis.all(of: error).map { $0.text(folder: "scripts/", severity: "error: ") }.joined(separator: "\n")
    }

    @Test(arguments: [
        (
            "local a = 1\nlocal b = = 2",
            """
            scripts/chat.lua:2:11: error: unexpected symbol near '='
                2 | local b = = 2
                  |           ^
            """
        ),
        (
            "local s = 'ä日' x = 'not ended\nreturn {}",
            """
            scripts/chat.lua:1:20: error: unfinished string near ''not ended'
                1 | local s = 'ä日' x = 'not ended
                  |                     ^~~~~~~~~~
            """
        ),
        (
            "if a != 3 then return end",
            """
            scripts/chat.lua:1:6: error: 'then' expected near '!'
                1 | if a != 3 then return end
                  |      ^
            help: not equal is written `~=`
            """
        ),
        (
            "local n = 1\n\tn += 1",
            """
            scripts/chat.lua:2:4: error: syntax error near '+'
                2 |     n += 1
                  |       ^
            help: there is no `+=`: write `n = n + …`
            """
        ),
        (
            "local n = 1 + += 1",
            """
            scripts/chat.lua:1:15: error: unexpected symbol near '+'
                1 | local n = 1 + += 1
                  |               ^
            help: there is no `+=`: write `x = x + …`
            """
        ),
        (
            "if x = 1 then end",
            """
            scripts/chat.lua:1:6: error: 'then' expected near '='
                1 | if x = 1 then end
                  |      ^
            help: to compare write `==`
            """
        ),
        (
            "return { \"a\": 1 }",
            """
            scripts/chat.lua:1:13: error: '}' expected near ':'
                1 | return { "a": 1 }
                  |             ^
            help: a key is written `name = value`, or `["name"] = value`
            """
        ),
        (
            "fucntion f() end",
            """
            scripts/chat.lua:1:10: error: syntax error near 'f'
                1 | fucntion f() end
                  |          ^
            help: did you mean `function`?
            """
        ),
        (
            "local function f() {\n}",
            """
            scripts/chat.lua:1:20: error: unexpected symbol near '{'
                1 | local function f() {
                  |                    ^
            help: a block has no braces: it ends with `end`
            """
        ),
        (
            "// a comment",
            """
            scripts/chat.lua:1:1: error: unexpected symbol near '//'
                1 | // a comment
                  | ^~
            help: a comment begins with `--`
            """
        ),
        (
            "local x = a && b",
            """
            scripts/chat.lua:1:14: error: unexpected symbol near '&'
                1 | local x = a && b
                  |              ^
            help: and is written `and`
            """
        ),
        (
            "local größe = 1",
            """
            scripts/chat.lua:1:9: error: unexpected symbol near '<\\195>'
                1 | local größe = 1
                  |         ^
            help: letters of names are a to z and A to Z
            """
        ),
        (
            "local function f()\nend\nend",
            """
            scripts/chat.lua:3:1: error: <eof> expected near 'end'
                3 | end
                  | ^~~
            help: there is an `end` too many, here or above
            """
        ),
    ])
    func syntax(script: String, shown: String) throws {
        #expect(try Self.shown(script) == shown)
    }

    /// Lua blames the outermost block; the indentation knows better.
    @Test(arguments: [
        (
            "local c = {}\nfunction c.message(conn, data)\n  if data == 'x' then\n    conn:send('y')\nend\n\nreturn c",
            """
            scripts/chat.lua:7:9: error: 'end' expected (to close 'function' at line 2) near <eof>
                7 | return c
                  |         ^
            scripts/chat.lua:2:1: note: `function` stands here
                2 | function c.message(conn, data)
                  | ^~~~~~~~
            scripts/chat.lua:3:3: note: by its indentation this has no `end` of its own
                3 |   if data == 'x' then
                  |   ^~
            """
        ),
        (
            "local c = {}\nfor i = 1, 2 do while\n  true do\n  end\nfunction c.f()\nend",
            """
            scripts/chat.lua:6:4: error: 'end' expected (to close 'for' at line 2) near <eof>
                6 | end
                  |    ^
            scripts/chat.lua:2:1: note: `for` stands here
                2 | for i = 1, 2 do while
                  | ^~~
            """
        ),
        (
            "return {\n  message = print\n\n",
            """
            scripts/chat.lua:4: error: '}' expected (to close '{' at line 1) near <eof>
            scripts/chat.lua:1:8: note: `{` stands here
                1 | return {
                  |        ^
            """
        ),
    ])
    func whatIsNotClosed(script: String, shown: String) throws {
        #expect(try Self.shown(script) == shown)
    }

    @Test(arguments: [
        (
            "setmetatabel({}, {})",
            """
            scripts/chat.lua:1:1: error: attempt to call a nil value (global 'setmetatabel')
                1 | setmetatabel({}, {})
                  | ^~~~~~~~~~~~
            help: did you mean `setmetatable`?
            """
        ),
        (
            "local x = null\nreturn x.y",
            """
            scripts/chat.lua:2:8: error: attempt to index a nil value (local 'x')
                2 | return x.y
                  |        ^
            """
        ),
        (
            "console.log('x')",
            """
            scripts/chat.lua:1:1: error: attempt to index a nil value (global 'console')
                1 | console.log('x')
                  | ^~~~~~~
            help: Lua has no `console`: write `print`
            """
        ),
        (
            "qqqq.log('x')",
            """
            scripts/chat.lua:1:1: error: attempt to index a nil value (global 'qqqq')
                1 | qqqq.log('x')
                  | ^~~~
            help: nothing is called `qqqq` here: define it above as `local qqqq`, or require its module
            """
        ),
        (
            "local names = { first = 1 }\nfunction names.trim(s) return s end\nnames.trimm('x')",
            """
            scripts/chat.lua:3:7: error: attempt to call a nil value (field 'trimm')
                3 | names.trimm('x')
                  |       ^~~~~
            help: did you mean `trim`?
            """
        ),
        // Another of that name is no variable, or is not indexed.
        (
            "local t, x = { x = {} }\nprint(t.x.y, x, x.y)",
            """
            scripts/chat.lua:2:17: error: attempt to index a nil value (local 'x')
                2 | print(t.x.y, x, x.y)
                  |                 ^
            """
        ),
        // Which of the two it is nobody knows.
        (
            "local a, b = { x = {} }, {}\nprint(a.x.y + b.x.y)",
            """
            scripts/chat.lua:2: error: attempt to index a nil value (field 'x')
                2 | print(a.x.y + b.x.y)
            """
        ),
        (
            "local a = {}\na:go()",
            """
            scripts/chat.lua:2:3: error: attempt to call a nil value (method 'go')
                2 | a:go()
                  |   ^~
            """
        ),
        (
            "ws.brodcast('x')",
            """
            scripts/chat.lua:1:4: error: unknown field of ws: "brodcast": did you mean "broadcast"?
                1 | ws.brodcast('x')
                  |    ^~~~~~~~
            """
        ),
        (
            "string.rep()",
            """
            scripts/chat.lua:1:8: error: bad argument #1 to 'rep' (string expected, got no value)
                1 | string.rep()
                  |        ^~~
            """
        ),
        (
            "require 'lib.none'",
            """
            scripts/chat.lua:1:9: error: require: no module 'lib.none': no module lib.none
                1 | require 'lib.none'
                  |         ^~~~~~~~~~
            """
        ),
        (
            "local function f()\n  error('no\\nluck \\27')\nend\nf()",
            """
            scripts/chat.lua:2: error: no
                luck \u{1B}
                2 |   error('no\\nluck \\27')
            in:
                scripts/chat.lua:2: in local 'f'
                scripts/chat.lua:4: in the top level
            """
        ),
        ("error('nothing', 0)", "scripts/chat.lua:1: error: nothing\n    1 | error('nothing', 0)"),
    ])
    func runtime(script: String, shown: String) throws {
        #expect(try Self.shown(script) == shown)
    }

    @Test(arguments: [
        (
            "local chat = { on = { say = 5 } }\nfunction chat.mesage(conn) end\nchat.close = {}\nreturn chat",
            """
            scripts/chat.lua:3:6: error: "close" must be a function, not a table
                3 | chat.close = {}
                  |      ^~~~~
            scripts/chat.lua:1:23: error: "on.say" must be a function, not a number
                1 | local chat = { on = { say = 5 } }
                  |                       ^~~
            scripts/chat.lua:2:15: error: unknown key of the returned table: "mesage": did you mean "message"?
                2 | function chat.mesage(conn) end
                  |               ^~~~~~
            """
        ),
        (
            "return {\n  ['mesage'] = function() end, limits = { mesage = 1 },\n  slow = 5 }",
            """
            scripts/chat.lua:2:4: error: unknown key of the returned table: "mesage": did you mean "message"?
                2 |   ['mesage'] = function() end, limits = { mesage = 1 },
                  |    ^~~~~~~~
            scripts/chat.lua:2:43: error: limits.mesage: unknown setting: did you mean limits.message?
                2 |   ['mesage'] = function() end, limits = { mesage = 1 },
                  |                                           ^~~~~~
            scripts/chat.lua:3:3: error: slow: cannot be `5`: it takes one of `"close"`, `"drop"`
                3 |   slow = 5 }
                  |   ^~~~
            """
        ),
        (
            "return { limits = { [1.5] = 1 } }",
            """
            scripts/chat.lua:1:10: error: limits: the keys in it must be strings, or 1, 2, 3 and so on
                1 | return { limits = { [1.5] = 1 } }
                  |          ^~~~~~
            """
        ),
        // Made in a way that no text shows.
        (
            "local c = {}\nc['mes' .. 'sage'] = 5\nreturn c",
            "scripts/chat.lua: error: \"message\" must be a function, not a number"
        ),
        (
            "local chat = {}\nfunction chat.message(conn) return conn:send('x') end",
            """
            scripts/chat.lua: error: a script must return a table of handlers, such as { message = function(conn, data, kind) \
            ... end }; this one returned nil
            help: end the file with `return chat`
            """
        ),
        (
            "return 5",
            """
            scripts/chat.lua:1:1: error: a script must return a table of handlers, such as { message = function(conn, data, kind) \
            ... end }; this one returned number
                1 | return 5
                  | ^~~~~~
            """
        ),
    ])
    func tables(script: String, shown: String) throws {
        #expect(try Self.shown(script) == shown)
    }

    @Test func handlersAreNamed() throws {
        let load = "local function f(x)\n  return x.y\nend\nreturn { load = function()\n  local a = f()\nend }"
        #expect(
            try Self.shown(load) == """
                scripts/chat.lua:2:10: error: attempt to index a nil value (local 'x')
                    2 |   return x.y
                      |          ^
                in the handler `load`:
                    scripts/chat.lua:2: in upvalue 'f'
                    scripts/chat.lua:5: in function <chat.lua:4>
                """
        )
        let deep = "local function f(n) if n == 0 then error('x') end f(n - 1) return end\nf(100)"
        #expect(try Self.shown(deep).contains("\nin:\n"))
        let save = ScriptError(
            kind: .contract,
            message: "chat.lua: save: \"close\": a function cannot be kept",
            file: "chat.lua",
            line: 0,
            source: Array("return { close = print }".utf8),
            handler: "save",
            version: 2
        )
        #expect("\(Diagnosis(save))" == "chat.lua: save: \"close\": a function cannot be kept\nin the handler `save`")
    }

    @Test func limits() throws {
        var configuration = RouteConfiguration()
        configuration.loadCPU = .milliseconds(10)
        let error = try #require(throws: ScriptError.self) {
            _ = try TestHouse(
                "local n = 0\nwhile true do n = n + 1 end",
                name: "chat.lua",
                configuration: configuration
            )
        }
        let lines = Diagnosis(error).description.split(separator: "\n")
        #expect(lines.first == "chat.lua:2: loading ran longer than 10 ms of CPU time")
        #expect(lines.dropFirst().first == "    2 | while true do n = n + 1 end")
        #expect(
            lines.last
                == "help: do less at the top level, or raise `limits.load` in the configuration; a `load` handler has `limits.cpu`"
        )
    }

    /// Whatever the text is, it is shown somehow.
    @Test func anyTextIsShown() throws {
        var generator = SeededGenerator(seed: 5)
        let words = [
            "function", "end", "if", "then", "for", "do", "return", "local", "x", "=", "{", "}", "(", ")", "'", "\"",
            "[[", "]]",
            "--", "\n", " ", "ä", "\u{1B}", "\t", ".", ":", ",", "1", "..", "error", "on", "mesage", "\\",
        ]
        for _ in 0..<300 {
            let script = (0..<Int.random(in: 1...40, using: &generator))
                .map { _ in words.randomElement(using: &generator) ?? "" }.joined(
                    separator: Bool.random(using: &generator) ? " " : ""
                )
            do {
                _ = try TestHouse(script, name: "chat.lua")
            } catch let error as ScriptError {
                for diagnosis in Diagnosis.all(of: error) {
                    let shown = diagnosis.text(severity: "error: ")
                    #expect(shown.hasPrefix("chat.lua:"))
                    if let mark = diagnosis.excerpt?.mark, let text = diagnosis.excerpt?.text {
                        #expect(mark.lowerBound <= text.unicodeScalars.count)
                    }
                }
            }
        }
    }

    /// Their author sees where it is at once; elsewhere the line has to do, which costs nothing.
    @Test func theLogHasTheExcerptUnderDevelopment() throws {
        let script = "return { message = function(conn)\n  conn:sned('x')\nend }"
        let house = try TestHouse(script, isDevelopment: true)
        try house.connect().send("x")
        let line = try #require(house.log.lines.first { $0.text == "script error" })
        #expect(line.metadata["source"] == "    2 |   conn:sned('x')\n      |        ^~~~")
        #expect(line.metadata["help"] == nil)
        #expect(line.metadata["error"] == "test.lua:2: unknown field of conn: \"sned\": did you mean \"send\"?")

        let other = try TestHouse("return { message = function(conn)\n  conn:send(dta)\nend }", isDevelopment: true)
        try other.connect().send("x")
        #expect(
            other.log.lines.first { $0.text == "script error" }?.metadata["help"]
                == "nothing is called `dta` here: define it above as `local dta`, or require its module"
        )

        let production = try TestHouse(script)
        try production.connect().send("x")
        #expect(production.log.lines.first { $0.text == "script error" }?.metadata["source"] == "  conn:sned('x')")
    }
}
