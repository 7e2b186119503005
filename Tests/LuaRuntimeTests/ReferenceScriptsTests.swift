//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import LuaRuntime
import Testing

/// The two scripts of the design as they stand there, which are those that come with the server too.
struct ReferenceScriptsTests {
    private static let echo = """
        local echo = {}

        function echo.message(conn, data, kind)
          conn:send(data, kind)
        end

        return echo

        """

    private static let chat = """
        local chat = { path = "/chat/:room", limits = { message = "16KiB", rate = 20 } }

        function chat.upgrade(req)
          local name = req.query.name
          if not name or #name == 0 or #name > 32 then return 400, "say who you are: ?name=" end
          return { name = name }
        end

        function chat.connect(conn)
          local room = conn:join(conn.params.room)
          room:broadcast({ type = "joined", name = conn.state.name, here = room.count }, { except = conn })
          conn:send { type = "welcome", id = conn.id, here = room.count }
        end

        chat.on = {}

        function chat.on.say(conn, msg)
          ws.room(conn.params.room):broadcast { type = "said", name = conn.state.name, text = tostring(msg.text) }
        end

        function chat.close(conn)
          ws.room(conn.params.room):broadcast { type = "left", name = conn.state.name }
        end

        return chat

        """

    @Test(arguments: [("echo", echo), ("chat", chat)])
    func comeWithTheServer(name: String, text: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        #expect(try String(contentsOf: root.appending(path: "scripts/\(name).lua"), encoding: .utf8) == text)
    }

    @Test func echoSendsBack() throws {
        let fixture = try Fixture(Self.echo)
        #expect(fixture.vm.handlers == .message)
        try fixture.message("hello")
        try fixture.message("bytes", isText: false)
        #expect(fixture.host.effects == ["send #1 text hello", "send #1 binary bytes"])
    }

    @Test func chatTellsTheRoom() throws {
        let fixture = try Fixture(Self.chat, connections: 1...2)
        #expect(Set(fixture.vm.settings.map(\.key)) == ["path", "limits.message", "limits.rate"])
        // The client of the fixture's requests is ada, and wants the room blue.
        try fixture.upgrade()
        _ = try fixture.vm.connect(ConnectionID(rawValue: 1), after: RequestToken(rawValue: 7))
        fixture.host.applyEffects()
        try fixture.upgrade(8)
        _ = try fixture.vm.connect(ConnectionID(rawValue: 2), after: RequestToken(rawValue: 8))
        fixture.host.applyEffects()
        try fixture.message(#"{"type":"say","text":"hello"}"#)
        try fixture.message(#"{"type":"say","text":7}"#, from: 2)
        try fixture.message(#"{"type":"shout"}"#)
        try fixture.message("no JSON")
        try fixture.close(1, code: 1001)
        let (one, two) = ("ccccccccccccccccccccc1", "ccccccccccccccccccccc2")
        #expect(
            fixture.host.effects.map(Self.withSortedFields) == [
                "accept 7 [] ",
                "join #1 blue",
                #"send #1 text {"here":1,"id":"\#(one)","type":"welcome"}"#,
                "accept 8 [] ",
                "join #2 blue",
                #"broadcast text {"here":2,"name":"ada","type":"joined"} to ["blue"] except [2]"#,
                #"send #2 text {"here":2,"id":"\#(two)","type":"welcome"}"#,
                #"broadcast text {"name":"ada","text":"hello","type":"said"} to ["blue"] except []"#,
                #"broadcast text {"name":"ada","text":"7","type":"said"} to ["blue"] except []"#,
                #"broadcast text {"name":"ada","type":"left"} to ["blue"] except []"#,
            ]
        )
    }

    /// An effect whose JSON has its fields in the order of their names: a Lua table has none.
    private static func withSortedFields(_ effect: String) -> String {
        guard let start = effect.firstIndex(of: "{"), let end = effect.firstIndex(of: "}") else { return effect }
        let fields = effect[effect.index(after: start)..<end].split(separator: ",").sorted().joined(separator: ",")
        return effect[...start] + fields + effect[end...]
    }

    /// A path can be longer than a room's name may be: the client is closed with 1011, and the log says where and why.
    @Test func chatLetsNobodyIntoARoomWithoutAName() throws {
        let fixture = try Fixture(Self.chat)
        fixture.host.requests[ConnectionID(rawValue: 1)]?.params = [("room", String(repeating: "r", count: 257))]
        try fixture.upgrade()
        let error = #expect(throws: ScriptError.self) {
            try fixture.vm.connect(ConnectionID(rawValue: 1), after: RequestToken(rawValue: 7))
        }
        #expect(error?.message == "test.lua:10: conn:join: a room's name must have 1 to 256 bytes, not 257")
        #expect(error?.handler == "connect")
    }

    @Test(arguments: ["", String(repeating: "n", count: 33)])
    func chatWantsAName(name: String) throws {
        let fixture = try Fixture(Self.chat)
        let token = RequestToken(rawValue: 7)
        fixture.host.pending[token] = .sample(7)
        fixture.host.pending[token]?.query = name.isEmpty ? [] : [("name", name)]
        _ = try fixture.vm.upgrade(token)
        fixture.host.applyEffects()
        #expect(fixture.host.effects.count == 1)
        #expect(fixture.host.effects.first?.hasPrefix("response 7 400 ") == true)
        #expect(fixture.host.effects.first?.hasSuffix("say who you are: ?name=") == true)
    }
}
