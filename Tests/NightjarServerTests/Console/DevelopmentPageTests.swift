//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NIOCore
import NIOEmbedded
import NightjarServer
import Testing
import WebSocketCore

/// Under `--dev` the server has pages of its own, where no route is.
struct DevelopmentPageTests {
    private static func head(_ method: String, _ path: String, _ fields: String...) -> String {
        (["\(method) \(path) HTTP/1.1", "Host: localhost"] + fields).map { $0 + "\r\n" }.joined() + "\r\n"
    }

    /// A server with routes at `paths`, all of which lead to the one script.
    private func fixture(_ paths: [String] = ["/test"], isDevelopment: Bool = true) throws -> HTTPFixture {
        let fixture = try HTTPFixture { $0.isDevelopment = isDevelopment }
        var configuration = RouteConfiguration()
        configuration.protocols = ["talk.v1", "talk.v2"]
        fixture.worker.router = Router(
            try paths.enumerated().map { index, path in
                Route(
                    index: index,
                    pattern: try PathPattern(path),
                    script: "script\(index).lua",
                    configuration: index == 1 ? configuration : RouteConfiguration(),
                    owner: 0
                )
            }
        )
        return fixture
    }

    private func answer(_ request: String, of fixture: HTTPFixture) throws -> (head: String, body: String) {
        fixture.send(request)
        let parts = try fixture.sent().split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts.first ?? "") + "\r\n", parts.dropFirst().joined())
    }

    // MARK: - The console

    @Test func servesTheConsole() throws {
        let fixture = try self.fixture()
        let (head, body) = try self.answer(Self.head("GET", "/-/console?x=y"), of: fixture)
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
        for line in [
            "Content-Type: text/html; charset=utf-8", "X-Content-Type-Options: nosniff", "Cache-Control: no-store",
            "Referrer-Policy: no-referrer", "Content-Length: \(body.utf8.count)",
        ] {
            #expect(head.contains("\r\n\(line)\r\n"), "\(line)")
        }
        #expect(body.hasPrefix("<!doctype html>\n") && body.hasSuffix("</html>\n"))
        #expect(!head.contains("Connection:") && fixture.channel.isActive && fixture.isReading)
        #expect(fixture.worker.counters[.request(.success)] == 1)
        #expect(fixture.house.ledger.bytes == 0)
    }

    @Test func policyAllowsThePagesOwnScriptAndStyleOnly() throws {
        let fixture = try self.fixture()
        let (head, body) = try self.answer(Self.head("GET", "/-/console"), of: fixture)
        func hash(of element: String) throws -> String {
            let rest = try #require(body.split(separator: "<\(element)>", maxSplits: 1).last)
            let text = try #require(rest.split(separator: "</\(element)>", maxSplits: 1).first)
            return "'sha256-\(Base64.encode(SHA256.digest(of: text.utf8)))'"
        }
        let policy = try #require(
            head.split(separator: "Content-Security-Policy: ").last?.split(separator: "\r\n").first
        )
        #expect(
            policy.split(separator: "; ") == [
                "default-src 'none'", "script-src \(try hash(of: "script"))", "style-src \(try hash(of: "style"))",
                "img-src data:", "connect-src 'self' ws: wss:", "base-uri 'none'", "form-action 'none'",
                "frame-ancestors 'none'",
            ]
        )
        // The hashes are of one element each.
        #expect(body.split(separator: "<script").count == 2 && body.split(separator: "<style").count == 2)
    }

    // MARK: - The list of routes

    @Test func listsTheRoutes() throws {
        let fixture = try self.fixture(["/test", "/chat/:room", "/files/*"])
        let (head, body) = try self.answer(
            Self.head("GET", "/-/routes.json", "Origin: http://evil.example"),
            of: fixture
        )
        #expect(
            body == """
                [{"path":"/chat/:room","script":"script1.lua","protocols":["talk.v1","talk.v2"]},\
                {"path":"/files/*","script":"script2.lua","protocols":[]},\
                {"path":"/test","script":"script0.lua","protocols":[]}]

                """
        )
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(head.contains("\r\nContent-Type: application/json\r\n"))
        #expect(
            head.contains("\r\nX-Content-Type-Options: nosniff\r\n") && head.contains("\r\nCache-Control: no-store\r\n")
        )
        // Pages of other sites may not read it.
        #expect(!head.lowercased().contains("access-control"))
    }

    @Test func listsNoRoutes() throws {
        #expect(try self.answer(Self.head("GET", "/-/routes.json"), of: try self.fixture([])).body == "[]\n")
    }

    // MARK: - The way from the root

    @Test(arguments: ["GET", "HEAD"]) func leadsFromTheRootToTheConsole(method: String) throws {
        let fixture = try self.fixture()
        let (head, body) = try self.answer(Self.head(method, "/"), of: fixture)
        #expect(head.hasPrefix("HTTP/1.1 302 ") && head.contains("\r\nLocation: /-/console\r\n"))
        #expect(head.contains("\r\nContent-Length: 0\r\n") && body.isEmpty && fixture.channel.isActive)
    }

    /// A script that serves `/` keeps it, and the console stays where it is.
    @Test(arguments: ["/", "/*"]) func scriptKeepsTheRoot(path: String) throws {
        let fixture = try self.fixture([path])
        #expect(
            try self.answer(Self.head("GET", "/-/console") + Self.head("GET", "/"), of: fixture).body.contains("426")
        )
        #expect(fixture.worker.counters[.request(.success)] == 1)
    }

    @Test(arguments: ["/", "/-/console", "/-/routes.json"]) func webSocketsFindNoRouteThere(path: String) throws {
        let fixture = try self.fixture()
        fixture.request(["GET \(path) HTTP/1.1"] + HTTPFixture.upgrade.dropFirst())
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 404 "))
        #expect(fixture.worker.counters[.refused(.notFound)] == 1)
    }

    // MARK: - What is refused

    @Test(arguments: ["/", "/-/console", "/-/routes.json"], [["/test"], ["/*", "/:a/:b"]])
    func withoutDevelopmentThereIsNone(path: String, routes: [String]) throws {
        let fixture = try self.fixture(routes, isDevelopment: false)
        let (head, body) = try self.answer(Self.head("GET", path), of: fixture)
        // No script gets what is under `/-/`; `/` is anybody's.
        let status = routes == ["/test"] || path != "/" ? 404 : 426
        #expect(head.hasPrefix("HTTP/1.1 \(status) "))
        #expect(!body.contains("console") && !head.contains("Location"))
    }

    @Test(arguments: ["/-/", "/-", "/-/console/", "/-/Console", "/-/routes", "//"])
    func otherPathsAreNotFound(path: String) throws {
        let fixture = try self.fixture()
        #expect(try self.answer(Self.head("GET", path), of: fixture).head.hasPrefix("HTTP/1.1 404 "))
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"], ["/-/console", "/-/routes.json", "/"])
    func takesNoOtherMethod(method: String, path: String) throws {
        let fixture = try self.fixture()
        let (head, body) = try self.answer(Self.head(method, path) + Self.head("GET", path), of: fixture)
        #expect(head.hasPrefix("HTTP/1.1 \(path == "/" ? 404 : 405) "))
        #expect(head.contains("\r\nAllow: GET, HEAD\r\n") == (path != "/"))
        #expect(!head.lowercased().contains("access-control") && !body.contains("HTTP/1.1"))
        #expect(fixture.worker.counters[.refused(path == "/" ? .notFound : .method)] == 1)
    }

    @Test(arguments: ["", "Host: a\r\nHost: b\r\n", "Host: a b\r\n"]) func wantsOneHost(fields: String) throws {
        let fixture = try self.fixture()
        let (head, _) = try self.answer("GET /-/routes.json HTTP/1.1\r\n\(fields)\r\n", of: fixture)
        #expect(head.hasPrefix("HTTP/1.1 400 "))
        #expect(fixture.worker.counters[.refused(.host)] == 1)
    }

    @Test(arguments: ["Content-Length: 4", "Transfer-Encoding: chunked"]) func takesNoBody(field: String) throws {
        let fixture = try self.fixture()
        let request = Self.head("GET", "/-/console", field) + "4\r\nbody\r\n0\r\n\r\n" + Self.head("GET", "/-/console")
        let (head, body) = try self.answer(request, of: fixture)
        #expect(head.hasPrefix("HTTP/1.1 400 ") && body == "a request for this page has no body\n")
        #expect(fixture.worker.counters[.refused(.body)] == 1)
    }

    @Test func meetsNoOtherExpectation() throws {
        let fixture = try self.fixture()
        let (head, _) = try self.answer(Self.head("GET", "/-/console", "Expect: miracles"), of: fixture)
        #expect(head.hasPrefix("HTTP/1.1 417 "))
    }

    // MARK: - One after the other

    @Test func headHasNoBodyAndTheConnectionGoesOn() throws {
        let fixture = try self.fixture()
        let (first, body) = try self.answer(Self.head("HEAD", "/-/console"), of: fixture)
        #expect(first.hasPrefix("HTTP/1.1 200 ") && body.isEmpty)
        let (second, page) = try self.answer(Self.head("GET", "/-/console"), of: fixture)
        #expect(first.contains("\r\nContent-Length: \(page.utf8.count)\r\n") && second.hasPrefix("HTTP/1.1 200 "))
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let fixture = try self.fixture()
        fixture.send(
            Self.head("GET", "/") + Self.head("HEAD", "/-/console") + Self.head("GET", "/-/routes.json")
                + Self.head("GET", "/test") + Self.head("GET", "/")
        )
        let statuses = try fixture.sent().split(separator: "HTTP/1.1 ").map { $0.prefix(3) }
        #expect(statuses == ["302", "200", "200", "426"])
        #expect(fixture.house.ledger.bytes == 0)
    }

    @Test(arguments: [
        ("GET /-/routes.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true),
        ("GET /-/routes.json HTTP/1.0\r\n\r\n", true),
        ("GET /-/routes.json HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", true),
        ("GET /-/routes.json HTTP/1.1\r\nHost: a\r\n\r\n", false),
    ])
    func endsTheConnectionWhenTheRequestWantsIt(request: String, ends: Bool) throws {
        let fixture = try self.fixture()
        let (head, body) = try self.answer(request + Self.head("HEAD", "/-/routes.json"), of: fixture)
        #expect(head.hasPrefix("HTTP/1.1 200 ") && head.contains("\r\nConnection: close\r\n") == ends)
        #expect(body.contains("HTTP/1.1 200 ") != ends)
    }

    @Test func idleConnectionEndsQuietly() throws {
        let fixture = try self.fixture()
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(8))
        _ = try self.answer(Self.head("GET", "/-/console"), of: fixture)
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(fixture.channel.isActive)
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(!fixture.channel.isActive && fixture.worker.counters[.exceeded(.handshakeTime)] == 0)
    }

    @Test func becomesAWebSocketBehindThePage() throws {
        let fixture = try HTTPFixture { $0.isDevelopment = true }
        fixture.send(Self.head("HEAD", "/-/console") + HTTPFixture.upgrade.map { $0 + "\r\n" }.joined() + "\r\n")
        #expect(try fixture.sent().contains("\r\n\r\nHTTP/1.1 101 "))
    }

    @Test func shutdownRefusesThem() throws {
        let fixture = try self.fixture()
        _ = fixture.worker.drain(over: .zero)
        #expect(try self.answer(Self.head("GET", "/-/console"), of: fixture).head.hasPrefix("HTTP/1.1 503 ") == false)
        #expect(!fixture.channel.isActive)
    }
}
