//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// What `upgrade` may return, and what becomes of it.
struct UpgradeTests {
    private static let nosniff = "X-Content-Type-Options: nosniff"
    private static let plain = "Content-Type: text/plain; charset=utf-8"

    @Test(arguments: [
        ("true", "accept 7 [] "),
        ("{}", "accept 7 [] "),
        ("{ name = 'ada' }", "accept 7 [] "),
        ("true, nil, 'ignored'", "accept 7 [] "),
        ("true, { protocol = 'v1' }", "accept 7 [v1] "),
        ("{}, { headers = { ['X-Seen'] = 'yes', ['x-count'] = 3 } }", "accept 7 [] X-Seen: yes|x-count: 3"),
        ("true, { protocol = 'v2', headers = { A = { 'b', 'c' } } }", "accept 7 [v2] A: b|A: c"),
        ("true, { headers = { A = '', B = '\\t\\xE9 ' } }", "accept 7 [] A: |B: \t\u{FFFD} "),
        ("false", "response 7 403 \(nosniff) "),
        ("false, 'who are you'", "response 7 403 \(plain)|\(nosniff) who are you"),
        ("401, nil, { ['WWW-Authenticate'] = 'Basic' }", "response 7 401 WWW-Authenticate: Basic|\(nosniff) "),
        ("400, 'say who you are'", "response 7 400 \(plain)|\(nosniff) say who you are"),
        ("302, '', { Location = '/' }", "response 7 302 Location: /|\(nosniff) "),
        ("599.0", "response 7 599 \(nosniff) "),
        ("300", "response 7 300 \(nosniff) "),
        ("404, '<p>', { ['content-type'] = 'text/html' }", "response 7 404 \(nosniff)|content-type: text/html <p>"),
        (
            "403, { why = 'closed' }",
            "response 7 403 Content-Type: application/json|\(nosniff) {\"why\":\"closed\"}"
        ),
        ("404, 'x', { ['x-content-type-OPTIONS'] = 'a' }", "response 7 404 \(plain)|x-content-type-OPTIONS: a x"),
    ])
    func answers(results: String, effect: String) throws {
        let fixture = try Fixture("return { upgrade = function(req) return \(results) end }")
        try fixture.upgrade(protocols: ["v1", "v2"])
        #expect(fixture.host.effects == [effect])
        #expect(fixture.host.log.isEmpty)
    }

    @Test(arguments: ["", "return", "return nil", "return nil, 'why'"])
    func refusesAndWarnsWhenNothingIsReturned(body: String) throws {
        let fixture = try Fixture("return { upgrade = function(req) \(body) end }")
        try fixture.upgrade()
        #expect(fixture.host.effects == ["response 7 403 \(Self.nosniff) "])
        let warning = "the upgrade handler of test.lua returned nothing: return true or a table to accept"
        #expect(fixture.host.log == ["warning test.lua:1 \(warning)"])
    }

    private static let onlyStatus = "is no status to refuse with: 300 to 599"
    private static let use = "return true or a table to accept, false or a status to refuse"

    @Test(arguments: [
        ("'yes'", "upgrade returned a string: \(use)"),
        ("print", "upgrade returned a function: \(use)"),
        ("200", "upgrade: 200 \(onlyStatus)"),
        ("101", "upgrade: 101 \(onlyStatus)"),
        ("299", "upgrade: 299 \(onlyStatus)"),
        ("600", "upgrade: 600 \(onlyStatus)"),
        ("-403", "upgrade: -403 \(onlyStatus)"),
        ("403.5", "upgrade: 403.5 \(onlyStatus)"),
        ("0/0", "upgrade: -nan \(onlyStatus)"),
        ("'403'", "upgrade returned a string: \(use)"),
        ("403, 12", "upgrade: the body must be a string or a table, not a number"),
        ("304, 'x'", "upgrade: an answer with the status 304 has no body"),
        ("403, 'x', 'y'", "upgrade: the headers must be a table, not a string"),
        ("403, 'x', { 'y' }", "upgrade: the names of headers must be strings, not a number"),
        ("403, 'x', { [''] = 'y' }", "upgrade: \"\" is no name of a header"),
        ("403, 'x', { ['a b'] = 'y' }", "upgrade: \"a b\" is no name of a header"),
        ("403, 'x', { ['a\\0'] = 'y' }", "upgrade: \"a\\x00\" is no name of a header"),
        ("403, 'x', { ['a:'] = 'y' }", "upgrade: \"a:\" is no name of a header"),
        ("403, 'x', { ['a\\r\\nb'] = 'y' }", "upgrade: \"a\\x0D\\x0Ab\" is no name of a header"),
        (
            "403, 'x', { a = 'y\\r\\nb: c' }",
            "upgrade: the value of the header \"a\" has a line end or another control character"
        ),
        (
            "true, { headers = { a = '\\0' } }",
            "upgrade: the value of the header \"a\" has a line end or another control character"
        ),
        (
            "true, { headers = { a = true } }",
            "upgrade: the header \"a\" must be a string, a number or a list of these, not a boolean"
        ),
        (
            "true, { headers = { a = { {} } } }",
            "upgrade: the header \"a\" must be a string, a number or a list of these, not a table"
        ),
        ("true, { headers = 1 }", "upgrade: the headers must be a table, not a number"),
        ("true, { headers = { a = ('x'):rep(40000) } }", "upgrade: the headers have more than 32768 bytes"),
        ("true, 'v1'", "upgrade: the second result must be a table such as { protocol = \"chat\" }, not a string"),
        ("true, { protocol = 1 }", "upgrade: protocol must be a string, not a number"),
        ("true, { protocol = 'v3' }", "upgrade: the client did not offer the protocol \"v3\""),
        ("true, { protocol = 'v1\\0' }", "upgrade: the client did not offer the protocol \"v1\\x00\""),
        ("true, { protocol = '' }", "upgrade: the client did not offer the protocol \"\""),
        ("{}, { protocol = 'v2' }", "upgrade: the protocol \"v2\" is not among this route's protocols"),
    ])
    func refusesOtherResults(results: String, message: String) throws {
        let fixture = try Fixture("return {\n upgrade = function(req) return \(results) end }")
        fixture.host.spoken = ["v1", "v0"]
        let error = #expect(throws: ScriptError.self) { try fixture.upgrade(protocols: ["v1", "v2"]) }
        #expect(error?.message == "test.lua:2: \(message)")
        #expect(error?.handler == "upgrade" && error?.line == 2 && error?.kind == .runtime)
        #expect(fixture.host.effects.isEmpty)
    }

    @Test(arguments: [
        ("true, { protokol = 'v1' }", "upgrade: unknown option \"protokol\": did you mean \"protocol\"?"),
        ("true, { 'v1' }", "upgrade: the keys of the options must be strings, not number"),
        ("403, { why = print }", "upgrade: data.why is a function, which JSON cannot hold"),
        (
            "403, { 'x', nil, 'y' }",
            "upgrade: data[2] is nil inside a list: put ws.json.null there, or make the keys strings"
        ),
        ("403, { why = '\\xFF' }", "upgrade: data.why must be UTF-8, and byte 1 is not"),
    ])
    func refusesWhatOthersRefuseToo(results: String, message: String) throws {
        let fixture = try Fixture("return { upgrade = function(req) return \(results) end }")
        let error = #expect(throws: ScriptError.self) { try fixture.upgrade() }
        #expect(error?.message == "test.lua:1: \(message)")
        #expect(error?.file == "test.lua" && error?.line == 1)
    }

    @Test(arguments: [
        "connection", "Date", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
        "Content-Length",
        "Sec-WebSocket-Accept", "SEC-WEBSOCKET-Extensions", "sec-websocket-",
    ])
    func keepsTheServersOwnHeaders(name: String) throws {
        for results in ["true, { headers = { ['\(name)'] = 'x' } }", "403, 'x', { ['\(name)'] = 'x' }"] {
            let fixture = try Fixture("return { upgrade = function(req) return \(results) end }")
            let error = #expect(throws: ScriptError.self) { try fixture.upgrade() }
            #expect(error?.message == "test.lua:1: upgrade: the server sets the header \"\(name)\" itself")
        }
    }

    @Test func seesTheRequest() throws {
        let fixture = try Fixture(
            """
            return { upgrade = function(req)
              print(req.method, req.query.name, req.headers.Cookie, req.protocols[2], req.body)
              return true
            end }
            """
        )
        try fixture.upgrade(protocols: ["a", "b"])
        #expect(fixture.host.log == ["info test.lua:2 GET\tada\tnil\tb\tnil"])
    }

    @Test func givesItsTableToTheConnection() throws {
        let fixture = try Fixture(
            """
            local kept
            return {
              upgrade = function(req) kept = { name = req.query.name }; return kept end,
              connect = function(conn) print(conn.state == kept, conn.state.name) end,
              message = function(conn) print(conn.state == kept, conn.state.name) end,
            }
            """
        )
        try fixture.upgrade()
        _ = try fixture.vm.connect(fixture.host.connect(1), after: RequestToken(rawValue: 7))
        try fixture.message()
        // The token is used up.
        _ = try fixture.vm.connect(fixture.host.connect(2), after: RequestToken(rawValue: 7))
        #expect(fixture.host.log.map { $0.split(separator: " ").last } == ["true\tada", "true\tada", "false\tnil"])
    }

    @Test func givesItsTableWithoutAConnectHandler() throws {
        let fixture = try Fixture(
            "return { upgrade = function() return { n = 1 } end, message = function(conn) print(conn.state.n) end }"
        )
        try fixture.upgrade()
        _ = try fixture.vm.connect(fixture.host.connect(1), after: RequestToken(rawValue: 7))
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 1"])
    }

    @Test func keepsTheTablesOfSeveralClientsApart() throws {
        let fixture = try Fixture(
            """
            local count = 0
            return { upgrade = function() count = count + 1; return { n = count } end,
              connect = function(conn) print(conn.state.n) end }
            """
        )
        for number: UInt64 in 1...3 { try fixture.upgrade(number) }
        for number: UInt64 in [2, 3, 1] {
            _ = try fixture.vm.connect(fixture.host.connect(number), after: RequestToken(rawValue: number))
        }
        #expect(fixture.host.log.map { $0.last } == ["2", "3", "1"])
    }

    @Test func abandonedTableIsCollected() throws {
        let fixture = try Fixture(
            """
            local seen = setmetatable({}, { __mode = 'kv' })
            return { upgrade = function() local t = {}; seen[t] = true; return t end,
              message = function() collectgarbage('count'); local n = 0; for _ in pairs(seen) do n = n + 1 end; print(n) end }
            """
        )
        for number: UInt64 in 1...2 { try fixture.upgrade(number) }
        fixture.vm.abandonUpgrade(RequestToken(rawValue: 1))
        fixture.vm.abandonUpgrade(RequestToken(rawValue: 9))
        _ = try fixture.vm.connect(fixture.host.connect(1), after: RequestToken(rawValue: 1))
        _ = try fixture.vm.connect(fixture.host.connect(2), after: RequestToken(rawValue: 2))
        let before = fixture.vm.memoryUsed
        for number: UInt64 in 10...2010 {
            try fixture.upgrade(number)
            fixture.vm.abandonUpgrade(RequestToken(rawValue: number))
        }
        #expect(fixture.vm.memoryUsed < before + 200_000)
    }

    @Test func errorHasATraceback() throws {
        let fixture = try Fixture("return { upgrade = function(req)\n local x = nil\n return x.y\nend }")
        let error = #expect(throws: ScriptError.self) { try fixture.upgrade() }
        #expect(error?.message == "test.lua:3: attempt to index a nil value (local 'x')")
        #expect(error?.traceback.contains("test.lua:3") == true)
        #expect(fixture.host.effects.isEmpty)
    }

    @Test func comesBehindWhatTheHandlerSentBefore() throws {
        let fixture = try Fixture(
            "return { upgrade = function() for conn in ws.conns() do conn:send('new') end return true end }"
        )
        try fixture.connect()
        try fixture.upgrade()
        #expect(fixture.host.effects == ["send #1 text new", "accept 7 [] "])
    }

    @Test func takesManyResults() throws {
        let fixture = try Fixture("return { upgrade = function() return true, nil, table.unpack({}, 1, 200) end }")
        try fixture.upgrade()
        #expect(fixture.host.effects == ["accept 7 [] "])
    }

    @Test func isNilWhenTheHostHasForgottenTheRequest() throws {
        let fixture = try Fixture("return { upgrade = function(req) print(req) return false end }")
        _ = try fixture.vm.upgrade(RequestToken(rawValue: 1))
        #expect(fixture.host.log == ["info test.lua:1 nil"])
    }
}
