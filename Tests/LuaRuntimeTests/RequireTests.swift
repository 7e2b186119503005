//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct RequireTests {
    @Test func loadsAModuleOnce() throws {
        let fixture = try Fixture(
            """
            local a, b = require "lib.util", require "lib.util"
            print(a == b, a.name, require "quiet")
            return { message = function() print(require("lib.util") == a) end }
            """,
            modules: ["lib.util": "print('once') return { name = ... }", "quiet": ""]
        )
        try fixture.message()
        #expect(
            fixture.host.log == [
                "info lib/util.lua:1 once", "info test.lua:2 true\tlib.util\ttrue", "info test.lua:3 #1 true",
            ]
        )
    }

    @Test(arguments: [
        "", ".", "..", "a.", ".a", "a..b", "../a", "a/b", "a\\0b", "ws\\0x", "lib-util", "/etc/passwd", "a b", "ä",
    ])
    func refusesOtherNames(name: String) throws {
        let error = try loadFailure(of: "require '\(name)'", modules: [name: "return 1"])
        #expect(error.message.hasPrefix("test.lua:1: require: '"))
        #expect(error.message.hasSuffix("is no module name: letters, digits and _, folders by dots"))
    }

    @Test func aMissingModuleNamesTheReasonAndTheLine() throws {
        let error = try loadFailure(of: "\nrequire 'lib.none'")
        #expect(error.message == "test.lua:2: require: no module 'lib.none': no such file")
        #expect(error.sourceLine == "require 'lib.none'")
    }

    @Test func aSyntaxErrorIsThatOfTheModule() throws {
        let error = try loadFailure(of: "require 'bad'", modules: ["bad": "local x = 1\nx = = 2"])
        #expect(error.kind == .syntax)
        #expect(error.message == "bad.lua:2: unexpected symbol near '='")
        #expect(error.file == "bad.lua")
        #expect(error.sourceLine == "x = = 2")
        #expect(error.traceback.contains("test.lua:1: in the top level"))
    }

    @Test func anErrorIsThatOfTheModule() throws {
        let error = try loadFailure(of: "require 'bad'", modules: ["bad": "\nerror('no')"])
        #expect(error.kind == .runtime)
        #expect(error.message == "bad.lua:2: no")
        #expect(error.sourceLine == "error('no')")
    }

    @Test func refusesCycles() throws {
        let error = try loadFailure(of: "require 'a'", modules: ["a": "require 'b'", "b": "\nrequire 'a'"])
        #expect(error.message == "b.lua:2: require: 'a' is being loaded already (a cycle), or failed to load before")
    }

    @Test func refusesBinaryChunks() throws {
        let error = try loadFailure(of: "require 'b'", modules: ["b": "\u{1B}Lua"])
        #expect(error.kind == .syntax)
        #expect(error.message == "b.lua: attempt to load a binary chunk: scripts are Lua text")
    }

    @Test func readsNoFilesLater() throws {
        let fixture = try Fixture(
            "return { message = function() require 'late' end }",
            modules: ["late": "return 1"]
        )
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(
            error?.message
                == "test.lua:1: require: 'late' was not loaded by the top level, and files are read only then"
        )
    }

    /// What is missing is missing each time: no trace of the first try is left.
    @Test func canBeTriedAgain() throws {
        let fixture = try Fixture("pcall(require, 'none') print(pcall(require, 'none')) return {}")
        #expect(fixture.host.log == ["info test.lua:1 false\trequire: no module 'none': no such file"])
    }
}
