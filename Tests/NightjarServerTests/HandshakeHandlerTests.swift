//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import LuaRuntime
import NIOCore
import NIOEmbedded
import NightjarServer
import Synchronization
import Testing
import WebSocketCore

/// Raw bytes into the handlers of an accepted channel, raw bytes out.
struct HandshakeHandlerTests {
    private static let key = HTTPFixture.key
    private static let upgrade = HTTPFixture.upgrade

    @Test func answersOffersOfCompression() throws {
        let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
        let fixture = try HTTPFixture()
        fixture.request(Self.upgrade + [offer])
        let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        #expect(try fixture.sent().contains("\r\nSec-WebSocket-Extensions: \(answer)\r\n"))
        for (lines, status) in [
            ([], "101"), (["Sec-WebSocket-Extensions: x"], "101"), (["Sec-WebSocket-Extensions: ;"], "400"),
        ] {
            let fixture = try HTTPFixture()
            fixture.request(Self.upgrade + lines)
            let sent = try fixture.sent()
            #expect(sent.hasPrefix("HTTP/1.1 \(status) ") && !sent.contains("\r\nSec-WebSocket-Extensions:"))
        }
    }

    @Test func countsSocketsUntilTheyClose() throws {
        let census = ConnectionCensus(limit: 2, limitPerClient: 1)
        let first = try HTTPFixture(census: census)
        let second = try HTTPFixture(census: census)
        #expect(first.isAdmitted && !second.isAdmitted)
        let answer = try second.sent()
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: 5\r\n"))
        #expect(answer.hasSuffix("this address has all the connections that it may have\n"))
        #expect(second.worker.counters[.exceeded(.connectionsPerIP)] == 1)
        #expect(second.house.log.lines.first?.metadata["limit"] == "connections_per_ip")
        try first.channel.close().wait()
        first.channel.embeddedEventLoop.run()
        #expect(try HTTPFixture(census: census).isAdmitted)
    }

    /// An IPv4 client is the same client on an IPv6 socket, to the census and in every line of the log.
    @Test func namesAnIPv4ClientInOneWay() throws {
        let census = ConnectionCensus(limit: 10, limitPerClient: 1)
        let first = try HTTPFixture(peer: "192.0.2.1", census: census)
        let second = try HTTPFixture(peer: "::ffff:192.0.2.1", census: census)
        #expect(first.isAdmitted && !second.isAdmitted)
        let other = try HTTPFixture(peer: "::ffff:192.0.2.2", census: census)
        other.request(["GET /nothing HTTP/1.1", "Host: localhost"])
        let refused = second.house.log.lines.first { $0.text.hasPrefix("refused: ") }
        #expect(refused?.metadata["ip"] == "192.0.2.1")
        #expect(other.house.log.lines.first { $0.text == "refused" }?.metadata["ip"] == "192.0.2.2")
    }

    @Test func countsTheClientsThatATrustedProxyNames() throws {
        let census = ConnectionCensus(limit: 100, limitPerClient: 1)
        let script = "return { connect = function(conn) conn:send('welcome') end }"
        func connect(_ fields: [String]) throws -> (fixture: HTTPFixture, text: String) {
            let fixture = try HTTPFixture(script: script, census: census) { $0.trustedProxies = ["127.0.0.1"] }
            fixture.request(Self.upgrade + fields)
            return (fixture, try fixture.sent())
        }
        let first = try connect(["X-Forwarded-For: 203.0.113.7"])
        #expect(first.text.hasPrefix("HTTP/1.1 101 "))
        #expect(try connect(["X-Forwarded-For: 203.0.113.8"]).text.hasPrefix("HTTP/1.1 101 "))
        // Sockets of the proxy that names nobody are the proxy's own, and without a limit.
        #expect(try connect([]).text.hasPrefix("HTTP/1.1 101 "))
        let crowded = try connect(["X-Forwarded-For: 203.0.113.7"])
        #expect(crowded.text.hasPrefix("HTTP/1.1 503 ") && !crowded.text.contains("welcome"))
        #expect(crowded.text.contains("\r\nRetry-After: 5\r\n"))
        #expect(crowded.fixture.worker.counters[.exceeded(.connectionsPerIP)] == 1)
        let line = crowded.fixture.house.log.lines.first { $0.metadata["limit"] == "connections_per_ip" }
        #expect(line?.metadata["ip"] == "203.0.113.7")
        try first.fixture.channel.close().wait()
        first.fixture.channel.embeddedEventLoop.run()
        #expect(try connect(["X-Forwarded-For: 203.0.113.7"]).text.hasPrefix("HTTP/1.1 101 "))
    }

    @Test func acceptsAnUpgrade() throws {
        let fixture = try HTTPFixture(script: "return { connect = function(conn) conn:send('hi') end }")
        fixture.request(Self.upgrade)
        let sent = try fixture.sent()
        #expect(
            sent.hasPrefix(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            )
        )
        #expect(sent.hasSuffix("\u{2}hi"))
        #expect(fixture.worker.connections.count == 1)
    }

    @Test func takesFramesThatCameWithTheRequest() throws {
        let fixture = try HTTPFixture(script: "return { message = function(conn, d) conn:send(d) end }")
        let head = Self.upgrade.map { $0 + "\r\n" }.joined() + "\r\n"
        _ = try? fixture.channel.writeInbound(ByteBuffer(bytes: Array(head.utf8) + [0x81, 0x81, 0, 0, 0, 0, 0x41]))
        fixture.channel.embeddedEventLoop.run()
        #expect(try fixture.sent().hasSuffix("\u{1}A"))
    }

    /// The HTTP parser does not take such a line for an upgrade and parses on, where the connection's bytes begin.
    @Test(arguments: ["Connection: Upgrade\t", "Connection: keep-alive, upgrade\t, x"])
    func refusesWhatTheParserTakesForRequests(line: String) throws {
        var lines = Self.upgrade
        lines[3] = line
        let alone = try HTTPFixture()
        alone.request(lines)
        #expect(try alone.sent().hasPrefix("HTTP/1.1 101 "))
        for behind in ["GET /test HTTP/1.1\r\nHost: a\r\n\r\n", "\u{1}\u{1}\0\0\0\0A"] {
            let fixture = try HTTPFixture()
            fixture.request(lines, body: behind)
            let sent = try fixture.sent()
            #expect(sent.hasPrefix("HTTP/1.1 400 ") && !sent.contains(" 101 "), "\(sent)")
            #expect(fixture.worker.connections.count == 0)
        }
    }

    @Test func acceptsARequestThatComesByteByByte() throws {
        let fixture = try HTTPFixture()
        for byte in (Self.upgrade.map { $0 + "\r\n" }.joined() + "\r\n").utf8 {
            fixture.send(String(UnicodeScalar(byte)))
        }
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 101 "))
    }

    @Test(arguments: [
        (["GET / HTTP/1.1", "Host: a"], 404, "there is no route at this path"),
        (["GET /nothing HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: upgrade"], 404, "no route"),
        (["GET /test/ HTTP/1.1", "Host: a"], 404, "no route"),
        (["GET /test HTTP/1.1", "Host: a"], 426, "this is a WebSocket route"),
        (["POST /test HTTP/1.1", "Host: a", "Content-Length: 5"], 426, "this is a WebSocket route"),
        (["GET /%zz HTTP/1.1", "Host: a"], 400, "percent sign"),
        (["GET /%00 HTTP/1.1", "Host: a"], 400, "NUL"),
        (["GET /te%2Fst HTTP/1.1", "Host: a"], 400, "encoded slash"),
        (["GET /test HTTP/1.1", "Host: a", "Upgrade: websocket"], 400, "upgrade in its Connection"),
        (["GET /test HTTP/2.0", "Host: a"], 505, "HTTP/1.1"),
        (["NONSENSE"], 400, "not valid HTTP/1.1"),
        (["GET /test HTTP/1.1", "Bad Header : x"], 400, "not valid HTTP/1.1"),
        (["GET /\(String(repeating: "a", count: 4096)) HTTP/1.1", "Host: a"], 414, "longer than 4096 bytes"),
        (["GET /\(String(repeating: "a", count: 8300)) HTTP/1.1", "Host: a"], 414, "longer than 4096 bytes"),
        (["GET /\(String(repeating: "a", count: 40_000)) HTTP/1.1", "Host: a"], 414, "longer than 4096 bytes"),
        (
            ["GET /test HTTP/1.1", "Host: a", "X: \(String(repeating: "a", count: 8192))"], 431,
            "8192 bytes in one field"
        ),
        (["GET /test HTTP/1.1", "Host: a", "X: \(String(repeating: "a", count: 40_000))"], 431, "16384 bytes"),
        (
            ["GET /test HTTP/1.1", "Host: a"] + (0..<3).map { "X\($0): \(String(repeating: "a", count: 5500))" },
            431, "16384 bytes"
        ),
    ])
    func refuses(lines: [String], status: Int, sentence: String) throws {
        let fixture = try HTTPFixture()
        fixture.request(lines)
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 \(status) "), "\(sent)")
        #expect(sent.contains(sentence))
        #expect(sent.contains("close\r\n"))
        #expect(fixture.worker.connections.count == 0)

        // What is pipelined behind a refusal gets no answer.
        fixture.request(Self.upgrade)
        #expect(try fixture.sent() == "")
    }

    /// Each of the limits of a head is its own, whatever the others are.
    @Test(arguments: [8_300, 20_000, 32_767])
    func takesTargetsThatAreLongerThanAField(count: Int) throws {
        let fixture = try HTTPFixture { $0.handshake.targetBytes = 32 * 1024 }
        fixture.request(["GET /\(String(repeating: "a", count: count)) HTTP/1.1", "Host: a"])
        // It is more than a turn's share of heads that are so long.
        fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 404 "))
        let field = try HTTPFixture { $0.handshake.targetBytes = 32 * 1024 }
        field.request(["GET /test HTTP/1.1", "Host: a", "X: \(String(repeating: "a", count: 8192))"])
        #expect(try field.sent().hasPrefix("HTTP/1.1 431 "))
    }

    @Test(arguments: [
        (0, "GET /test HTTP/1.0", 400), (0, "POST /test HTTP/1.1", 405), (1, "Host: a\r\nHost: b", 400),
        (4, "Sec-WebSocket-Version: 8", 426), (5, "Sec-WebSocket-Key: short", 400),
        (5, "Sec-WebSocket-Key: \(key)\r\nContent-Length: 3", 400),
        (5, "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Protocol: chat, chat\u{1}", 400),
    ])
    func refusesAnUpgradeWithOneWrongLine(place: Int, line: String, status: Int) throws {
        let fixture = try HTTPFixture()
        var lines = Self.upgrade
        lines[place] = line
        fixture.request(lines)
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 \(status) "), "\(sent)")
        if status == 426 { #expect(sent.contains("Sec-WebSocket-Version: 13\r\n")) }
        if status == 405 { #expect(sent.contains("Allow: GET\r\n")) }
    }

    @Test func namesTheRoutesOnlyInDevelopment() throws {
        let development = try HTTPFixture { $0.isDevelopment = true }
        development.request(["GET /nowhere HTTP/1.1", "Host: a"])
        #expect(try development.sent().contains("the routes are: /test"))
        let production = try HTTPFixture()
        production.request(["GET /nowhere HTTP/1.1", "Host: a"])
        #expect(try !production.sent().contains("/test"))
    }

    @Test func answersHEADWithoutABody() throws {
        let fixture = try HTTPFixture()
        fixture.request(["HEAD / HTTP/1.1", "Host: a"])
        let sent = try fixture.sent()
        #expect(sent.hasSuffix("\r\n\r\n"))
        #expect(sent.contains("Content-Length: 31\r\n"))
    }

    @Test(arguments: [(99, 101), (100, 431)])
    func countsFields(extra: Int, status: Int) throws {
        let fixture = try HTTPFixture { $0.handshake.headerFields = Self.upgrade.count - 1 + 99 }
        fixture.request(Self.upgrade + (0..<extra).map { "X-\($0): y" })
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 \(status) "))
    }

    @Test func refusesAHeadThatIsTooLargeBeforeItsEnd() throws {
        let fixture = try HTTPFixture()
        fixture.send("GET /test HTTP/1.1\r\nX: " + String(repeating: "y", count: 17_000))
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 431 "))
    }

    @Test func dropsAConnectionThatTakesMoreThan10Seconds() throws {
        let fixture = try HTTPFixture()
        for byte in "GET /test HTT".utf8 {
            fixture.send(String(UnicodeScalar(byte)))
            fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(750))
        }
        #expect(fixture.channel.isActive)
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!fixture.channel.isActive)
    }

    @Test func refusesNewcomersWhileTheRouteHasTooMuchToDo() throws {
        let fixture = try HTTPFixture()
        fixture.house.route.census.isCongested.store(true, ordering: .relaxed)
        fixture.request(Self.upgrade)
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 503 "))
    }

    @Test func leavesAConnectionThatWasUpgradedInTimeAlone() throws {
        let fixture = try HTTPFixture()
        fixture.request(Self.upgrade)
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(20))
        #expect(fixture.channel.isActive)
    }

    @Test func closesThroughTheChannel() throws {
        let fixture = try HTTPFixture(script: "return { message = function(conn, d) conn:send(d) end }")
        fixture.request(Self.upgrade)
        _ = try fixture.sent()
        _ = try? fixture.channel.writeInbound(ByteBuffer(bytes: [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]))
        let close = try fixture.channel.readOutbound(as: ByteBuffer.self)
        #expect(close == ByteBuffer(bytes: [0x88, 0x02, 0x03, 0xE8]))
        _ = try fixture.channel.finish(acceptAlreadyClosed: true)
        #expect(fixture.worker.connections.count == 0)
        #expect(fixture.house.runner.membersByID.isEmpty)
    }

    // MARK: - Who may connect

    private static let witness = """
        return { connect = function(conn, req)
          conn:send(table.concat({ conn.ip, req.ip, tostring(req.secure), tostring(conn.protocol), table.concat(req.protocols, "+") }, " "))
        end }
        """

    @Test(arguments: [
        ("http://localhost", 101), ("https://localhost", 101), ("http://evil.example", 403), ("null", 403), ("x", 403),
        ("http://localhost\r\nOrigin: http://localhost", 403),
    ])
    func checksTheOriginBeforeTheScriptRuns(origin: String, status: Int) throws {
        let fixture = try HTTPFixture(script: Self.witness)
        fixture.request(Self.upgrade + ["Origin: \(origin)"])
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 \(status) "))
        #expect(fixture.worker.connections.count == (status == 101 ? 1 : 0))
        if status == 403 {
            fixture.request(Self.upgrade)
            #expect(try fixture.sent() == "")
        }
    }

    /// RFC 9112 section 3.2.2: the host of a target in absolute form stands in the place of the Host field.
    @Test(arguments: [
        ("http://a.example/test", "a.example", "http://a.example", 101),
        ("http://a.example/test", "b.example", "http://a.example", 101),
        ("http://a.example/test", "b.example", "http://b.example", 403),
        ("http://a.example:8080/test", "a.example", "http://a.example:8080", 101),
        ("http://a.example:8080/test", "a.example", "http://a.example", 403),
        ("ws://[::1]/test", "b.example", "http://[::1]", 101),
        ("/test", "b.example", "http://b.example", 101),
        ("http:///test", "b.example", "http://b.example", 400),
        ("http://b.example@a.example/test", "b.example", "http://b.example", 400),
    ])
    func judgesTheOriginByTheHostOfTheTarget(target: String, host: String, origin: String, status: Int) throws {
        let fixture = try HTTPFixture(
            script: "return { connect = function(conn, req) conn:send('host ' .. req.host) end }"
        )
        let head = ["GET \(target) HTTP/1.1", "Host: \(host)"] + Self.upgrade.dropFirst(2)
        fixture.request(head + ["Origin: \(origin)"])
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 \(status) "), "\(sent)")
        if status == 101 {
            let named = target.hasPrefix("/") ? host : target.split(separator: "/")[1].description
            #expect(sent.hasSuffix("host \(named)"), "\(sent)")
        }
        // One Host field has to be there all the same.
        let without = try HTTPFixture()
        without.request(["GET http://a.example/test HTTP/1.1"] + Self.upgrade.dropFirst(2))
        #expect(try without.sent().hasPrefix("HTTP/1.1 400 "))
    }

    @Test func checksTheOriginOfUpgradesOnly() throws {
        let fixture = try HTTPFixture()
        fixture.request(["GET /test HTTP/1.1", "Host: localhost", "Origin: http://evil.example"])
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 426 "))
    }

    @Test func takesTheOriginsOfTheRoute() throws {
        let fixture = try HTTPFixture { $0.route.origins = ["https://app.example"] }
        fixture.request(Self.upgrade + ["Origin: https://app.example"])
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 101 "))
    }

    @Test func allowsNobodyByAPatternThatIsNone() throws {
        let fixture = try HTTPFixture { $0.route.origins = ["https://localhost/"] }
        fixture.request(Self.upgrade + ["Origin: https://localhost"])
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 403 "))
    }

    @Test func namesARefusedOriginInTheLogAndInDevelopment() throws {
        let evil = "http://evil.example/\u{9}" + String(repeating: "x", count: 1000)
        for isDevelopment in [true, false] {
            let fixture = try HTTPFixture { $0.isDevelopment = isDevelopment }
            fixture.request(Self.upgrade + ["Origin: \(evil)"])
            let sent = try fixture.sent()
            #expect(sent.contains("evil.example") == isDevelopment)
            #expect(sent.utf8.count < 1000)
            let line = try #require(fixture.house.log.lines.first { $0.text == "refused an origin" })
            let logged = line.metadata["origin"].map { "\($0)" } ?? ""
            #expect(logged.hasPrefix(#"http://evil.example/\txxx"#) && logged.utf8.count < 300)
            #expect(line.metadata["route"] == "/test" && line.metadata["ip"] == "127.0.0.1")
        }
        let fixture = try HTTPFixture()
        fixture.request(Self.upgrade + ["Origin: http://evil.example"])
        #expect(try fixture.sent().contains("the setting `origins` does not list it"))
    }

    @Test(arguments: [
        ([], "203.0.113.7", false, "127.0.0.1 127.0.0.1 false"),
        (["10.0.0.0/8"], "203.0.113.7", true, "127.0.0.1 127.0.0.1 false"),
        (["127.0.0.1"], "203.0.113.7", true, "203.0.113.7 203.0.113.7 true"),
        (["127.0.0.0/8"], "6.6.6.6, [2001:db8::7]:99, 127.0.0.9", false, "2001:db8::7 2001:db8::7 false"),
    ])
    func believesTrustedProxies(trusted: [String], forwardedFor: String, https: Bool, text: String) throws {
        let fixture = try HTTPFixture(script: Self.witness) { $0.trustedProxies = trusted }
        let proto = https ? "https" : "http"
        fixture.request(Self.upgrade + ["X-Forwarded-For: \(forwardedFor)", "X-Forwarded-Proto: \(proto)"])
        #expect(try fixture.sent().contains(text))
    }

    @Test(arguments: [([], 101), (["127.0.0.1"], 403)])
    func refusesAPageWithoutTLSToAClientWithIt(trusted: [String], status: Int) throws {
        let fixture = try HTTPFixture { $0.trustedProxies = trusted }
        fixture.request(Self.upgrade + ["Origin: http://localhost", "X-Forwarded-Proto: https"])
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 \(status) "))
    }

    @Test func logsTheClientOfAProxy() throws {
        let fixture = try HTTPFixture { $0.trustedProxies = ["127.0.0.1"] }
        fixture.request(["GET / HTTP/1.1", "Host: a", "X-Forwarded-For: 203.0.113.7"])
        #expect(fixture.house.log.lines.first { $0.text == "refused" }?.metadata["ip"] == "203.0.113.7")
    }

    @Test(arguments: [
        (["chat.v2", "chat.v1"], "chat.v1, chat.v2", "chat.v1"), (["chat.v2"], "x, chat.v2", "chat.v2"),
        (["chat.v2"], "x", nil), ([], "chat.v2", nil), (["chat.v2"], nil, nil), (["chat"], "CHAT", nil),
    ])
    func answersTheFirstListedProtocol(spoken: [String], offered: String?, answered: String?) throws {
        let fixture = try HTTPFixture(script: Self.witness) { $0.route.protocols = spoken }
        fixture.request(Self.upgrade + (offered.map { ["Sec-WebSocket-Protocol: \($0)"] } ?? []))
        let sent = try fixture.sent()
        #expect(sent.contains("Sec-WebSocket-Protocol: \(answered ?? "")") == (answered != nil), "\(sent)")
        let list = offered?.replacing(", ", with: "+") ?? ""
        #expect(sent.hasSuffix("127.0.0.1 127.0.0.1 false \(answered ?? "nil") \(list)"))
    }

    @Test(arguments: [
        "x, chat, chat\r\nSet-Cookie: a=b", "chat, chat", "chat\r\nSec-WebSocket-Protocol: chat", "chat;x", "cha t",
        ",", "",
    ])
    func reflectsNoSubprotocol(offered: String) throws {
        let fixture = try HTTPFixture { $0.route.protocols = ["chat"] }
        fixture.request(Self.upgrade + ["Sec-WebSocket-Protocol: \(offered)"])
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 400 "), "\(sent)")
        #expect(!sent.contains("Set-Cookie"))
    }

    @Test(arguments: [(99, 101), (100, 101), (101, 431)])
    func takes100Fields(count: Int, status: Int) throws {
        let fixture = try HTTPFixture()
        fixture.request(Self.upgrade + (0..<count - Self.upgrade.count + 1).map { "X-\($0): y" })
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 \(status) "))
    }

    @Test(arguments: [(8000, 101), (8193, 431)])
    func takes8KiBInAField(count: Int, status: Int) throws {
        let fixture = try HTTPFixture()
        fixture.request(Self.upgrade + ["X: " + String(repeating: "y", count: count)])
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 \(status) "))
    }

    @Test(arguments: [(2, 101), (3, 431)])
    func takes16KiBOfFields(count: Int, status: Int) throws {
        let fixture = try HTTPFixture()
        fixture.request(Self.upgrade + (0..<count).map { "X-\($0): " + String(repeating: "y", count: 7500) })
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 \(status) "))
    }
}
