//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

@Suite struct OnTests {
    private static let chat = """
        return {
          on = {
            say = function(conn, msg) print("say", msg.text, conn.id == msg.id) end,
            ["1"] = function() print("one") end,
          },
          invalid = function(conn, data, why) print("invalid", data, why) end,
          message = function(conn, data, kind) print("message", data, kind) end,
        }
        """

    @Test func callsTheEntryThatTheTypeNames() throws {
        let fixture = try Fixture(Self.chat)
        #expect(try fixture.message(#"{"type": "say", "text": "hi"}"#) == .finished)
        #expect(fixture.host.log == ["info test.lua:3 #1 say\thi\tfalse"])
    }

    @Test(arguments: [
        ("hello", "json"), ("", "json"), ("{", "json"), (#"{"type": "say"} x"#, "json"),
        ("[]", "type"), ("3", "type"), ("null", "type"), (#""say""#, "type"), ("{}", "type"),
        (#"{"type": "shout"}"#, "type"), (#"{"type": 1}"#, "type"), (#"{"type": null}"#, "type"),
        (#"{"type": {"type": "say"}}"#, "type"), (#"["say"]"#, "type"),
    ])
    func givesOtherTextToInvalid(_ text: String, _ why: String) throws {
        let fixture = try Fixture(Self.chat)
        #expect(try fixture.message(text) == .finished)
        #expect(fixture.host.log == ["info test.lua:6 #1 invalid\t\(text)\t\(why)"])
    }

    @Test func givesBinaryToMessage() throws {
        let fixture = try Fixture(Self.chat)
        try fixture.message(#"{"type": "say"}"#, isText: false)
        #expect(fixture.host.log == [#"info test.lua:7 #1 message\#t{"type": "say"}\#tbinary"#])
    }

    @Test func givesOtherTextToMessageWithoutInvalid() throws {
        let fixture = try Fixture(
            "return { on = {}, message = function(conn, data, kind) print(data, kind) end }"
        )
        try fixture.message("hello")
        #expect(fixture.host.log == ["info test.lua:1 #1 hello\ttext"])
    }

    @Test func tellsThatNothingTookAMessage() throws {
        let fixture = try Fixture("return { on = { say = function() end } }")
        #expect(try fixture.message(#"{"type": "say"}"#) == .finished)
        #expect(try fixture.message(#"{"type": "shout"}"#) == .unhandled)
        #expect(try fixture.message("x", isText: false) == .unhandled)
    }

    @Test func dispatchesByTheKeyOfTheRoute() throws {
        let fixture = try Fixture("return { on = { say = function(conn, msg) print(msg.text) end } }")
        fixture.vm.setMessageKey("action")
        #expect(try fixture.message(#"{"type": "say", "text": "no"}"#) == .unhandled)
        #expect(try fixture.message(#"{"action": "say", "text": "yes"}"#) == .finished)
        #expect(fixture.host.log == ["info test.lua:1 #1 yes"])
    }

    @Test func entriesMayWaitAndReceivePastOn() throws {
        let fixture = try Fixture(
            "return { on = { ask = function(conn) print(conn:receive()) end } }"
        )
        #expect(try fixture.message(#"{"type": "ask"}"#) == .suspended)
        let text = Array(#"{"type": "ask"}"#.utf8)
        try text.withUnsafeBytes { _ = try fixture.resume(with: .message($0, isText: true)) }
        #expect(fixture.host.log == [#"info test.lua:1 #1 {"type": "ask"}\#ttext"#])
    }

    @Test(arguments: [
        ("{ on = 1 }", #""on" must be a table of functions, not a number"#),
        ("{ on = { print } }", #"the keys of "on" must be strings: what the messages' type says"#),
        ("{ on = { say = 'x' } }", #""on.say" must be a function, not a string"#),
        ("{ invalid = print }", #""invalid" is called for text that "on" has no entry for: add "on""#),
        ("{ on = {}, invalid = 1 }", #""invalid" must be a function, not a number"#),
    ])
    func refusesWhatIsNoTableOfFunctions(_ table: String, _ message: String) throws {
        let error = try loadFailure(of: "return \(table)")
        #expect(error.kind == .contract)
        #expect(error.message == "test.lua: \(message)")
    }
}
