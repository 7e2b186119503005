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
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    private static let upgrade = [
        "GET /test HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: \(key)",
    ]

    private struct Fixture {
        let channel = EmbeddedChannel()
        let house: TestHouse
        var worker: Worker { self.house.workers[0] }

        init(script: String = "return {}", _ adjust: (inout ServerConfiguration) -> Void = { _ in }) throws {
            var configuration = ServerConfiguration()
            adjust(&configuration)
            self.house = try TestHouse(script, on: self.channel.embeddedEventLoop)
            try Listener.addHandshake(
                to: self.channel,
                worker: self.house.workers[0],
                router: Router([self.house.route]),
                configuration: configuration
            )
            try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func send(_ text: String) {
            _ = try? self.channel.writeInbound(ByteBuffer(string: text))
            self.channel.embeddedEventLoop.run()
        }

        func request(_ lines: [String], body: String = "") {
            self.send(lines.map { $0 + "\r\n" }.joined() + "\r\n" + body)
        }

        func sent() throws -> String {
            var text = ""
            while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) {
                text += String(buffer: bytes)
            }
            return text
        }
    }

    @Test func answersOffersOfCompression() throws {
        let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
        let fixture = try Fixture()
        fixture.request(Self.upgrade + [offer])
        let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        #expect(try fixture.sent().contains("\r\nSec-WebSocket-Extensions: \(answer)\r\n"))
        for (lines, status) in [
            ([], "101"), (["Sec-WebSocket-Extensions: x"], "101"), (["Sec-WebSocket-Extensions: ;"], "400"),
        ] {
            let fixture = try Fixture()
            fixture.request(Self.upgrade + lines)
            let sent = try fixture.sent()
            #expect(sent.hasPrefix("HTTP/1.1 \(status) ") && !sent.contains("\r\nSec-WebSocket-Extensions:"))
        }
    }

    @Test func acceptsAnUpgrade() throws {
        let fixture = try Fixture(script: "return { connect = function(conn) conn:send('hi') end }")
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
        let fixture = try Fixture(script: "return { message = function(conn, d) conn:send(d) end }")
        let head = Self.upgrade.map { $0 + "\r\n" }.joined() + "\r\n"
        _ = try? fixture.channel.writeInbound(ByteBuffer(bytes: Array(head.utf8) + [0x81, 0x81, 0, 0, 0, 0, 0x41]))
        fixture.channel.embeddedEventLoop.run()
        #expect(try fixture.sent().hasSuffix("\u{1}A"))
    }

    @Test func acceptsARequestThatComesByteByByte() throws {
        let fixture = try Fixture()
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
    ])
    func refuses(lines: [String], status: Int, sentence: String) throws {
        let fixture = try Fixture()
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

    @Test(arguments: [
        (0, "GET /test HTTP/1.0", 400), (0, "POST /test HTTP/1.1", 405), (1, "Host: a\r\nHost: b", 400),
        (4, "Sec-WebSocket-Version: 8", 426), (5, "Sec-WebSocket-Key: short", 400),
        (5, "Sec-WebSocket-Key: \(key)\r\nContent-Length: 3", 400),
        (5, "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Protocol: chat, chat\u{1}", 400),
    ])
    func refusesAnUpgradeWithOneWrongLine(place: Int, line: String, status: Int) throws {
        let fixture = try Fixture()
        var lines = Self.upgrade
        lines[place] = line
        fixture.request(lines)
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 \(status) "), "\(sent)")
        if status == 426 { #expect(sent.contains("Sec-WebSocket-Version: 13\r\n")) }
        if status == 405 { #expect(sent.contains("Allow: GET\r\n")) }
    }

    @Test func namesTheRoutesOnlyInDevelopment() throws {
        let development = try Fixture { $0.isDevelopment = true }
        development.request(["GET / HTTP/1.1", "Host: a"])
        #expect(try development.sent().contains("the routes are: /test"))
        let production = try Fixture()
        production.request(["GET / HTTP/1.1", "Host: a"])
        #expect(try !production.sent().contains("/test"))
    }

    @Test func answersHEADWithoutABody() throws {
        let fixture = try Fixture()
        fixture.request(["HEAD / HTTP/1.1", "Host: a"])
        let sent = try fixture.sent()
        #expect(sent.hasSuffix("\r\n\r\n"))
        #expect(sent.contains("Content-Length: 31\r\n"))
    }

    @Test(arguments: [(99, 101), (100, 431)])
    func countsFields(extra: Int, status: Int) throws {
        let fixture = try Fixture { $0.handshake.headerFields = Self.upgrade.count - 1 + 99 }
        fixture.request(Self.upgrade + (0..<extra).map { "X-\($0): y" })
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 \(status) "))
    }

    @Test func refusesAHeadThatIsTooLargeBeforeItsEnd() throws {
        let fixture = try Fixture()
        fixture.send("GET /test HTTP/1.1\r\nX: " + String(repeating: "y", count: 17_000))
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 431 "))
    }

    @Test func dropsAConnectionThatTakesMoreThan10Seconds() throws {
        let fixture = try Fixture()
        for byte in "GET /test HTT".utf8 {
            fixture.send(String(UnicodeScalar(byte)))
            fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(750))
        }
        #expect(fixture.channel.isActive)
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!fixture.channel.isActive)
    }

    @Test func refusesNewcomersWhileTheRouteHasTooMuchToDo() throws {
        let fixture = try Fixture()
        fixture.house.route.isCongested.store(true, ordering: .relaxed)
        fixture.request(Self.upgrade)
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 503 "))
    }

    @Test func leavesAConnectionThatWasUpgradedInTimeAlone() throws {
        let fixture = try Fixture()
        fixture.request(Self.upgrade)
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(20))
        #expect(fixture.channel.isActive)
    }

    @Test func closesThroughTheChannel() throws {
        let fixture = try Fixture(script: "return { message = function(conn, d) conn:send(d) end }")
        fixture.request(Self.upgrade)
        _ = try fixture.sent()
        _ = try? fixture.channel.writeInbound(ByteBuffer(bytes: [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]))
        let close = try fixture.channel.readOutbound(as: ByteBuffer.self)
        #expect(close == ByteBuffer(bytes: [0x88, 0x02, 0x03, 0xE8]))
        _ = try fixture.channel.finish(acceptAlreadyClosed: true)
        #expect(fixture.worker.connections.count == 0)
        #expect(fixture.house.runner.membersByID.isEmpty)
    }
}
