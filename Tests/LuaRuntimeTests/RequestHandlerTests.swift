//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// What `request` may return, and what becomes of it.
struct RequestHandlerTests {
    private static let nosniff = "X-Content-Type-Options: nosniff"
    private static let plain = "Content-Type: text/plain; charset=utf-8"

    @Test(arguments: [
        ("200", "response 7 200 \(nosniff) "),
        ("204", "response 7 204 \(nosniff) "),
        ("204, ''", "response 7 204 \(nosniff) "),
        ("200, 'hello'", "response 7 200 \(plain)|\(nosniff) hello"),
        ("200, 'a\\0b\\xFF'", "response 7 200 \(plain)|\(nosniff) a\0b\u{FFFD}"),
        ("200, { a = 1 }", "response 7 200 Content-Type: application/json|\(nosniff) {\"a\":1}"),
        ("200, {}", "response 7 200 Content-Type: application/json|\(nosniff) {}"),
        (
            "200, { 1, 2 }, { ['Content-Type'] = 'application/problem+json' }",
            "response 7 200 Content-Type: application/problem+json|\(nosniff) [1,2]"
        ),
        ("200, 'x', nil, 'ignored'", "response 7 200 \(plain)|\(nosniff) x"),
        ("200.0, 'x'", "response 7 200 \(plain)|\(nosniff) x"),
        ("201, nil, { Location = '/a' }", "response 7 201 Location: /a|\(nosniff) "),
        ("200, '<p>', { ['Content-Type'] = 'text/html' }", "response 7 200 Content-Type: text/html|\(nosniff) <p>"),
        (
            "200, 'x', { ['Set-Cookie'] = { 'a=1', 'b=2' } }",
            "response 7 200 \(plain)|Set-Cookie: a=1|Set-Cookie: b=2|\(nosniff) x"
        ),
        ("503, 'x', { ['Retry-After'] = 5 }", "response 7 503 \(plain)|Retry-After: 5|\(nosniff) x"),
        ("599", "response 7 599 \(nosniff) "),
    ])
    func answers(results: String, effect: String) throws {
        let fixture = try Fixture("return { request = function(req) return \(results) end }")
        try fixture.request()
        #expect(fixture.host.effects == [effect])
        #expect(fixture.host.log.isEmpty)
    }

    private static let onlyStatus = "is no status to answer with: 200 to 599"
    private static let statusFirst = "return a status, such as 200, and then the body"

    @Test(arguments: [
        ("", "request returned nothing: return a status, such as 200, and a body"),
        ("nil, 'x'", "request returned nothing: return a status, such as 200, and a body"),
        ("'x'", "request returned a string first: \(statusFirst)"),
        ("true", "request returned a boolean first: \(statusFirst)"),
        ("{ ok = true }", "request returned a table first: \(statusFirst)"),
        ("199", "request: 199 \(onlyStatus)"),
        ("100", "request: 100 \(onlyStatus)"),
        ("600", "request: 600 \(onlyStatus)"),
        ("1 << 40", "request: 1099511627776 \(onlyStatus)"),
        ("200.5", "request: 200.5 \(onlyStatus)"),
        ("200, { f = print }", "request: data.f is a function, which JSON cannot hold"),
        ("200, { 1, { x = 0/0 } }", "request: data[2].x is not a number (nan), which JSON cannot hold"),
        ("200, true", "request: the body must be a string or a table, not a boolean"),
        ("204, 'x'", "request: an answer with the status 204 has no body"),
        ("200, ('x'):rep(101)", "request: the body has 101 bytes, and limits.buffered is 100"),
        ("200, 'x', { ['Content-Length'] = 1 }", "request: the server sets the header \"Content-Length\" itself"),
        ("200, 'x', { ['a\\n'] = 1 }", "request: \"a\\x0A\" is no name of a header"),
    ])
    func refusesOtherResults(results: String, message: String) throws {
        var limits = ScriptLimits.test
        limits.response = 100
        let fixture = try Fixture("return {\n request = function(req) return \(results) end }", limits: limits)
        let error = #expect(throws: ScriptError.self) { try fixture.request() }
        #expect(error?.message == "test.lua:2: \(message)")
        #expect(error?.handler == "request")
        #expect(fixture.host.effects.isEmpty)
    }

    @Test func takesABodyOfTheLimit() throws {
        var limits = ScriptLimits.test
        limits.response = 100
        let fixture = try Fixture("return { request = function(req) return 200, ('x'):rep(100) end }", limits: limits)
        try fixture.request()
        #expect(fixture.host.effects.count == 1)
    }

    @Test(arguments: ["", "a\0b", "text"])
    func seesTheBody(body: String) throws {
        let fixture = try Fixture("return { request = function(req) return 200, #req.body .. req.body end }")
        try fixture.request(body: body)
        #expect(fixture.host.effects == ["response 7 200 \(Self.plain)|\(Self.nosniff) \(body.utf8.count)\(body)"])
    }

    @Test func hasNoConnection() throws {
        let fixture = try Fixture(
            """
            return { request = function(req) print('here'); ws.broadcast('posted'); return 204 end }
            """
        )
        try fixture.connect()
        try fixture.request()
        #expect(fixture.host.log == ["info test.lua:1 here"])
        #expect(fixture.host.effects == ["broadcast text posted except []", "response 7 204 \(Self.nosniff) "])
    }

    @Test func handlerMayBeAFunctionOfTheHost() throws {
        let fixture = try Fixture("return { request = tostring }")
        let error = #expect(throws: ScriptError.self) { try fixture.request() }
        #expect(error?.message.contains("request returned a string first") == true)
    }
}
