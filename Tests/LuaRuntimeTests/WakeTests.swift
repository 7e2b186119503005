//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

@Suite struct WakeTests {
    @Test func carriesPlainDataToTheWaiting() throws {
        let fixture = try Fixture(
            handler: """
                if data == "wait" then
                    local value, why = ws.wait("news", "5s")
                    print(type(value) == "table" and value.list[2] or value, why)
                else
                    print(ws.wake("news", { list = { 1, "two" } }), ws.wake("other"))
                end
                """
        )
        #expect(try fixture.message("wait") == .suspended)
        #expect(fixture.host.waits.values.first == "name news 5000 ms")
        try fixture.message("wake")
        #expect(fixture.host.log == ["info test.lua:5 #1 1\t0"])
        #expect(fixture.host.woken.map(\.name) == ["news", "other"])
        let value = fixture.host.woken[0].value
        #expect(try value.withUnsafeBytes { try fixture.resume(with: .value($0)) } == .finished)
        #expect(fixture.host.log.last == "info test.lua:3 #1 two\tnil")
    }

    @Test func carriesConnsAndRooms() throws {
        let fixture = try Fixture(
            handler: """
                local a, b = ws.room("a"), ws.room(("b"):rep(256), "other")
                ws.wake("news", { who = conn, [conn] = { a, b }, "end" })
                local value = ws.wait("news")
                print(value.who == conn, value[conn][1] == a, value[conn][2] == b, value[1])
                """
        )
        fixture.host.routes = ["other": 1]
        try fixture.message()
        let value = fixture.host.woken[0].value
        #expect(try value.withUnsafeBytes { try fixture.resume(with: .value($0)) } == .finished)
        #expect(fixture.host.log == ["info test.lua:4 #1 true\ttrue\ttrue\tend"])
    }

    /// With several VMs a conn is known to its own only, and a Room to all.
    @Test func carriesNoConnsToOtherVMs() throws {
        let fixture = try Fixture(
            """
            return { message = function(conn)
              print(pcall(ws.wake, "news", { who = conn }))
              print(pcall(ws.wake, "news", { [conn] = 1 }))
              print(ws.wake("news", { ws.room("a") }))
            end }
            """,
            instances: 2
        )
        try fixture.message()
        #expect(
            fixture.host.log == [
                "info test.lua:2 #1 false\tws.wake: value.who: a conn cannot be kept; keep its id",
                "info test.lua:3 #1 false\tws.wake: value: a table with a conn as a key cannot be kept; "
                    + "keys are strings and numbers",
                "info test.lua:4 #1 0",
            ]
        )
    }

    /// Equal Rooms are different keys.
    @Test func refusesRoomsAsKeys() throws {
        let message = try failure(of: "ws.wake('x', { [ws.room('a')] = 1 })").message
        #expect(message.hasSuffix("a table with a Room as a key cannot be kept; keys are strings, numbers and conns"))
    }

    @Test func tellsThatNothingCame() throws {
        let fixture = try Fixture(handler: "print(ws.wait('news'))")
        try fixture.message()
        #expect(fixture.host.waits.values.first == "name news")
        try fixture.resume(with: .timedOut)
        #expect(fixture.host.log == ["info test.lua:1 #1 nil\ttimeout"])
    }

    @Test func carriesNilForNoValue() throws {
        let fixture = try Fixture(handler: "print(ws.wait('news')) ws.wake('news')")
        try fixture.message()
        let value: [UInt8] = []
        try value.withUnsafeBytes { _ = try fixture.resume(with: .value($0)) }
        #expect(fixture.host.log == ["info test.lua:1 #1 nil"])
    }

    @Test(arguments: [
        ("ws.wait()", "ws.wait: name must be a string, not missing"),
        ("ws.wait('')", "ws.wait: name must have 1 to 256 bytes, not 0"),
        ("ws.wake(('x'):rep(257))", "ws.wake: name must have 1 to 256 bytes, not 257"),
        ("ws.wait('x', -1)", "ws.wait: timeout must be 0 to 9000000000 seconds, not -1"),
    ])
    func refusesMisuse(_ body: String, _ message: String) throws {
        #expect(try failure(of: body).message == "test.lua:1: \(message)")
    }

    @Test func refusesWhatIsNoPlainData() throws {
        let message = try failure(of: "ws.wake('x', { f = print })").message
        #expect(message.hasPrefix("test.lua:1: ") && message.contains("value.f"))
    }

    @Test func hasNoEffectWhileLoading() throws {
        let error = try loadFailure(of: "ws.wake('x') return {}")
        #expect(error.message == "test.lua:1: ws.wake has no effect while the script loads")
    }
}
