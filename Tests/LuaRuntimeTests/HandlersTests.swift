//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct HandlersTests {
    static let noTable = """
        a script must return a table of handlers, such as { message = function(conn, data, kind) ... end }; \
        this one returned
        """

    @Test(arguments: [
        (
            "",
            "\(Self.noTable) nil"
        ),
        (
            "return 1",
            "\(Self.noTable) number"
        ),
        ("return { mesage = print }", "unknown key of the returned table: \"mesage\": did you mean \"message\"?"),
        (
            "return { on_message = print }",
            "unknown key of the returned table: \"on_message\": did you mean \"message\"?"
        ),
        (
            "return { ['message\\0x'] = print }",
            "unknown key of the returned table: \"message\\x00x\": did you mean \"message\"?"
        ),
        (
            "return { zzz = print }",
            "unknown key of the returned table: \"zzz\": the handlers are upgrade, connect, message, on, invalid, close, "
                + "drain, error, request, save and load; a key of the script's own begins with _"
        ),
        (
            "return { ['limits.message'] = 5 }",
            "unknown key of the returned table: \"limits.message\": write limits = { message = ... }"
        ),
        (
            "return { limits = { ['message.size'] = 5 } }",
            "unknown key of the returned table: \"message.size\": write message = { size = ... }"
        ),
        ("return { print }", "the keys of the returned table must be strings: names of handlers and settings"),
        ("return { message = 1 }", "\"message\" must be a function, not a number"),
        ("return { close = {} }", "\"close\" must be a function, not a table"),
    ])
    func refusesOtherTables(source: String, message: String) throws {
        let error = try loadFailure(of: source)
        #expect(error.kind == .contract)
        #expect(error.message == "test.lua: \(message)")
        #expect(error.handler == "load")
        #expect(error.file == "test.lua")
    }

    @Test(arguments: [
        "calls", "event", "presence", "alarm", "history", "track", "shard_by", "auto_reply", "schema",
    ])
    func refusesReservedNames(key: String) throws {
        let error = try loadFailure(of: "return { \(key) = print }")
        #expect(error.message == "test.lua: key of the returned table: \"\(key)\" is reserved for a later version")
    }

    @Test(arguments: [
        "upgrade", "connect", "message", "invalid", "close", "drain", "error", "request", "save", "load",
    ])
    func everyHandlerIsAFunction(key: String) throws {
        let error = try loadFailure(of: "return { \(key) = true, on = {} }")
        #expect(error.message == "test.lua: \"\(key)\" must be a function, not a boolean")
    }

    /// It is for the reload.
    @Test func saveDoesNotRunAtTheStart() throws {
        let fixture = try Fixture("return { save = function() print('save') end, load = function() print('load') end }")
        #expect(fixture.host.log == ["info test.lua:1 load"])
    }

    /// They are the host's affair, whatever they are given.
    @Test func functionsUnderTheNamesOfSettingsAreSettings() throws {
        let fixture = try Fixture("return { compress = print, path = print }")
        #expect(fixture.vm.settings.map(\.key).sorted() == ["compress", "path"])
        #expect(fixture.vm.settings.allSatisfy { $0.value == .other("function") })
    }

    @Test func keysWithAnUnderscoreAreTheScripts() throws {
        #expect(try Fixture("return { _mine = 1, _ = {}, message = print }").vm.handlers == .message)
    }
}
