//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import LuaRuntime
import Testing

/// `ws.now`, `ws.clock`, `ws.uuid` and `ws.env`.
struct SystemTests {
    @Test func tellsTheTime() throws {
        let before = Date().timeIntervalSince1970
        let now = try #require(Double(printed("string.format('%.6f', ws.now())")))
        let after = Date().timeIntervalSince1970
        #expect(now >= before - 0.001 && now <= after + 0.001)
        #expect(try printed("math.type(ws.now()), math.type(ws.clock())") == "float\tfloat")
    }

    @Test func theClockOnlyGoesForward() throws {
        let body =
            "local last, ok = ws.clock(), true for _ = 1, 1000 do local t = ws.clock() ok = ok and t >= last last = t end"
        #expect(try printed("ok, ws.clock() > 0", after: body) == "true\ttrue")
    }

    /// RFC 9562, section 5.4: version 4 and the variant, the rest random.
    @Test func makesUUIDs() throws {
        let body = """
            local seen, n = {}, 0 for _ = 1, 500 do local id = ws.uuid() n = n + (seen[id] and 0 or 1) seen[id] = true \
            assert(id:match('^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$'), id) \
            assert(id == id:lower()) end
            """
        #expect(try printed("n", after: body) == "500")
    }

    @Test func showsAllowedVariables() throws {
        let fixture = try Fixture(handler: "print(ws.env('KEY'), ws.env('EMPTY'), ws.env('UNSET')) ws.env('HOME')")
        fixture.host.environment = ["KEY": .set("s\u{E9}cret"), "EMPTY": .set(""), "UNSET": .unset]
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(fixture.host.log == ["info test.lua:1 #1 s\u{E9}cret\t\tnil"])
        let reason = "ws.env: \"HOME\" is none of the names that the server's setting env allows"
        #expect(error?.message == "test.lua:1: \(reason)")
    }

    @Test(arguments: [
        ("ws.env()", "ws.env: name must be a string, not missing"),
        ("ws.env(1)", "ws.env: name must be a string, not number"),
        ("ws.env('')", "ws.env: \"\" is none of the names that the server's setting env allows"),
        ("ws.env('KEY\\0x')", "ws.env: \"KEY\\x00x\" is none of the names that the server's setting env allows"),
    ])
    func misuseRaisesAtTheCaller(body: String, message: String) throws {
        let fixture = try Fixture(handler: body)
        fixture.host.environment = ["KEY": .set("secret")]
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(error?.message == "test.lua:1: \(message)")
    }
}
