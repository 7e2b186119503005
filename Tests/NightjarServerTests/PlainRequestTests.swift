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

/// A script's `request` answers plain HTTP, one request after the other.
struct PlainRequestTests {
    private static let script = """
        return {
          request = function(req)
            if req.query.fail then error("no luck") end
            if req.query.status then return tonumber(req.query.status) end
            return 200, req.method .. " " .. (req.query.n or "") .. " " .. req.body
          end,
          message = function(conn, data) conn:send(data) end,
          error = function(conn, err) ws.log.info("told %s %s", tostring(conn), err.handler) end,
        }
        """

    private static func head(_ method: String = "GET", _ query: String = "", _ fields: String...) -> String {
        (["\(method) /test\(query.isEmpty ? "" : "?")\(query) HTTP/1.1", "Host: a"] + fields)
            .map { $0 + "\r\n" }.joined() + "\r\n"
    }

    private func fixture(loops: Int = 1, _ adjust: (inout ServerConfiguration) -> Void = { _ in }) throws -> HTTPFixture
    {
        try HTTPFixture(script: Self.script, loops: loops, adjust)
    }

    /// The statuses and bodies of the answers.
    private static func answers(_ text: String) -> [String] {
        text.split(separator: "HTTP/1.1 ", omittingEmptySubsequences: false).dropFirst().map { answer in
            let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
            return "\(answer.prefix(3)) \(parts.dropFirst().joined())"
        }
    }

    @Test(arguments: ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "M-SEARCH"], [1, 2])
    func answersAnyMethod(method: String, loops: Int) throws {
        let fixture = try self.fixture(loops: loops)
        fixture.send(Self.head(method, "n=1", "Content-Length: 4") + "body")
        fixture.house.run()
        let sent = try fixture.sent()
        #expect(Self.answers(sent) == ["200 \(method) 1 body"])
        #expect(sent.contains("\r\nContent-Length: \(method.utf8.count + 7)\r\n"))
        #expect(sent.contains("\r\nDate: ") && !sent.contains("Connection:"))
        #expect(fixture.channel.isActive)
        #expect(fixture.worker.counters[.request(.success)] == 1)
        #expect(fixture.house.ledger.bytes == 0)
    }

    /// No script answers it: a 200 would say that the connection is a tunnel from there on.
    @Test(arguments: ["a:80", "http://a/test"]) func refusesCONNECT(target: String) throws {
        let fixture = try self.fixture()
        fixture.send("CONNECT \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        fixture.house.run()
        let sent = try fixture.sent()
        #expect(Self.answers(sent) == ["501 this server is no proxy: it takes no CONNECT\n"])
        #expect(sent.contains("\r\nConnection: close\r\n"))
        #expect(fixture.worker.counters[.refused(.method)] == 1)
    }

    @Test(arguments: [1, 2]) func answersOneAfterTheOtherOnOneConnection(loops: Int) throws {
        let fixture = try self.fixture(loops: loops)
        for number in 1...3 {
            fixture.send(Self.head("GET", "n=\(number)"))
            fixture.house.run()
            #expect(Self.answers(try fixture.sent()) == ["200 GET \(number) "])
        }
        #expect(fixture.channel.isActive && fixture.isReading)
    }

    @Test(arguments: [1, 2]) func answersPipelinedRequestsInOrder(loops: Int) throws {
        let fixture = try self.fixture(loops: loops)
        let chunked = Self.head("POST", "n=2", "Transfer-Encoding: chunked") + "7\r\na\r\n\r\nbc\r\n0\r\nX: y\r\n\r\n"
        let pipeline = Self.head("GET", "n=1") + chunked + Self.head("PUT", "n=3", "Content-Length: 6") + "\r\n\r\nxy"
        fixture.send(pipeline + Self.head("GET", "n=4"))
        for _ in 0..<4 { fixture.house.run() }
        let sent = try fixture.sent()
        #expect(Self.answers(sent) == ["200 GET 1 ", "200 POST 2 a\r\n\r\nbc", "200 PUT 3 \r\n\r\nxy", "200 GET 4 "])
        #expect(fixture.isReading)
    }

    @Test func answersPipelinedRequestsThatComeByteByByte() throws {
        let fixture = try self.fixture()
        let chunked = Self.head("POST", "n=2", "Transfer-Encoding: chunked") + "2\r\nab\r\n4;x\r\n\r\n\r\n\r\n0\r\n\r\n"
        let text = Self.head("POST", "n=1", "Content-Length: 4") + "\r\n\r\n" + chunked + Self.head("GET", "n=3")
        for byte in text.utf8 {
            fixture.send([byte])
        }
        #expect(Self.answers(try fixture.sent()) == ["200 POST 1 \r\n\r\n", "200 POST 2 ab\r\n\r\n", "200 GET 3 "])
    }

    @Test func waitsWithTheNextRequestUntilTheFirstIsAnswered() throws {
        let fixture = try self.fixture(loops: 2)
        fixture.send(Self.head("GET", "n=1"))
        #expect(fixture.isReading)
        fixture.send(Self.head("GET", "n=2"))
        #expect(!fixture.isReading)
        #expect(fixture.house.workers[0].waitingRequests == 1)
        fixture.house.run()
        #expect(Self.answers(try fixture.sent()) == ["200 GET 1 ", "200 GET 2 "])
        #expect(fixture.isReading)
    }

    @Test(arguments: [
        ("GET /test HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true),
        ("GET /test HTTP/1.0\r\n\r\n", true),
        ("GET /test HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
        ("GET /test HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", true),
        ("GET /test HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", false),
    ])
    func endsTheConnectionWhenTheRequestWantsIt(head: String, ends: Bool) throws {
        let fixture = try self.fixture()
        fixture.send(head + Self.head("GET", "n=2"))
        let sent = try fixture.sent()
        #expect(Self.answers(sent).count == (ends ? 1 : 2))
        #expect(sent.contains("\r\nConnection: close\r\n") == ends)
        #expect(sent.hasPrefix("HTTP/1.1 200 "))
    }

    @Test func answersHeadAsGetWithoutTheBody() throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("HEAD", "n=1") + Self.head("GET", "n=2"))
        let sent = try fixture.sent()
        #expect(Self.answers(sent) == ["200 ", "200 GET 2 "])
        #expect(sent.split(separator: "\r\nContent-Length: 6\r\n", omittingEmptySubsequences: false).count == 3)
    }

    @Test(arguments: [(204, false), (304, false), (205, true), (200, true)])
    func answerWithoutContentHasNoLength(status: Int, hasLength: Bool) throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("GET", "status=\(status)") + Self.head("GET", "n=2"))
        let first = try fixture.sent().split(separator: "\r\n\r\n", omittingEmptySubsequences: false)[0]
        #expect(first.hasPrefix("HTTP/1.1 \(status) "))
        #expect(first.contains("Content-Length: 0") == hasLength)
    }

    @Test func withoutTheHandlerARequestIsRefused() throws {
        let fixture = try HTTPFixture()
        fixture.send(Self.head("POST", "", "Content-Length: 4") + "body" + Self.head())
        let sent = try fixture.sent()
        #expect(Self.answers(sent).count == 1 && sent.hasPrefix("HTTP/1.1 426 "))
    }

    @Test(arguments: ["", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: \r\n"])
    func wantsOneHost(fields: String) throws {
        let fixture = try self.fixture()
        fixture.send("GET /test HTTP/1.1\r\n\(fields)\r\n" + Self.head())
        let sent = try fixture.sent()
        #expect(Self.answers(sent).count == 1 && sent.hasPrefix("HTTP/1.1 400 "))
        #expect(fixture.worker.counters[.refused(.host)] == 1)
    }

    @Test(arguments: [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 1\r\nContent-Length: 2", "Content-Length: 1, 2", "Content-Length: +1",
        "Transfer-Encoding: chunked, identity",
    ])
    func refusesABodyThatCanBeReadInTwoWays(fields: String) throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("POST", "", fields) + "0\r\n\r\n" + Self.head())
        let sent = try fixture.sent()
        #expect(Self.answers(sent).count == 1 && sent.hasPrefix("HTTP/1.1 400 "), "\(sent)")
        #expect(fixture.worker.counters[.request(.success)] == 0)
    }

    @Test(arguments: ["x\r\n", "2\r\nabc\r\n", "-1\r\n"])
    func refusesBadChunks(chunk: String) throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("POST", "", "Transfer-Encoding: chunked") + "2\r\nab\r\n")
        fixture.send(chunk + Self.head())
        let sent = try fixture.sent()
        #expect(Self.answers(sent).count == 1 && sent.hasPrefix("HTTP/1.1 400 "))
        #expect(fixture.house.ledger.bytes == 0)
    }

    // MARK: - Bodies

    @Test(arguments: [(100, 200), (101, 413)]) func bodyHasALimit(count: Int, status: Int) throws {
        let body = String(repeating: "x", count: count)
        let sized = try self.fixture { $0.route.messageBytes = 100 }
        // By its length alone: nothing of the body is there yet.
        sized.send(Self.head("POST", "", "Content-Length: \(count)"))
        #expect(try sized.sent().hasPrefix("HTTP/1.1 413 ") == (status == 413))
        sized.send(body)
        #expect(try sized.sent().hasPrefix("HTTP/1.1 200 ") == (status == 200))
        let chunked = try self.fixture { $0.route.messageBytes = 100 }
        chunked.send(Self.head("POST", "", "Transfer-Encoding: chunked") + "1\r\nx\r\n")
        #expect(try chunked.sent() == "")
        chunked.send("\(String(count - 1, radix: 16))\r\n\(body.dropLast())\r\n0\r\n\r\n" + Self.head())
        let answers = Self.answers(try chunked.sent())
        #expect(answers[0].hasPrefix("\(status) ") && answers.count == (status == 200 ? 2 : 1))
        #expect(chunked.worker.counters[.exceeded(.body)] == (status == 413 ? 1 : 0))
        #expect(chunked.house.ledger.bytes == 0)
    }

    @Test(arguments: ["99999999999999999999", "9223372036854775807"]) func takesNoMemoryForWhatIsAnnounced(
        length: String
    ) throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("POST", "", "Content-Length: \(length)"))
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 413 ") || sent.hasPrefix("HTTP/1.1 400 "))
        let chunked = try self.fixture()
        chunked.send(Self.head("POST", "", "Transfer-Encoding: chunked") + "7fffffff\r\nabc")
        #expect(chunked.house.ledger.bytes == 3)
    }

    @Test func bodyIsInTheAccountWhileItComes() throws {
        let fixture = try self.fixture(loops: 2)
        fixture.send(Self.head("POST", "", "Content-Length: 1000") + String(repeating: "x", count: 600))
        #expect(fixture.house.ledger.bytes == 600)
        fixture.send(String(repeating: "x", count: 400))
        // On its way to the script.
        #expect(fixture.house.ledger.bytes >= 1000)
        fixture.house.run()
        #expect(fixture.house.ledger.bytes == 0)
        let gone = try self.fixture()
        gone.send(Self.head("POST", "", "Content-Length: 1000") + String(repeating: "x", count: 600))
        try gone.channel.close().wait()
        gone.house.run()
        #expect(gone.house.ledger.bytes == 0)
    }

    /// Behind a head and a little more, the bodies of all clients have a share of each turn of the loop; but of a client that has
    /// ended, the transport reads on.
    @Test(arguments: [false, true]) func bodiesHaveAShareOfATurn(readsOn: Bool) throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("POST", "", "Content-Length: 200000"))
        fixture.send(String(repeating: "x", count: 20_000))
        #expect(fixture.isReading)
        fixture.send(String(repeating: "x", count: 60_000))
        #expect(!fixture.isReading)
        // What is decoded, and what waits.
        #expect(fixture.house.ledger.bytes == 80_000)
        if !readsOn {
            fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
            #expect(fixture.isReading)
        }
        fixture.send(String(repeating: "x", count: 60_000))
        fixture.send(String(repeating: "x", count: 60_000))
        if readsOn {
            fixture.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
        fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        fixture.house.run()
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 200 "))
        #expect(fixture.house.ledger.bytes == 0)
    }

    /// The account is full, and nobody holds more than this client, whose body is on its way.
    @Test func endsTheLargestWhenAllBuffersAreFull() throws {
        let fixture = try self.fixture()
        let other = try fixture.house.connect()
        other.transport.room = 0
        other.send(String(repeating: "x", count: 10_000))
        fixture.house.run()
        fixture.send(Self.head("POST", "", "Content-Length: 40000") + String(repeating: "x", count: 20_000))
        let held = fixture.house.ledger.bytes
        #expect(held == 30_004 && fixture.channel.isActive)
        _ = fixture.house.ledger.add(fixture.house.ledger.limit - held, worker: 0)
        fixture.send("y")
        #expect(!fixture.channel.isActive)
        #expect(!other.transport.isClosed)
        #expect(fixture.house.ledger.bytes == fixture.house.ledger.limit - 20_000)
        #expect(fixture.worker.counters[.exceeded(.total)] == 1)
        let line = fixture.house.log.lines.first { $0.metadata["limit"] == "total" }
        #expect(line?.level == .warning && line?.metadata["ip"] == "127.0.0.1")
    }

    /// A WebSocket that holds more goes first, and then it fits.
    @Test func endsALargerWebSocketInstead() throws {
        let fixture = try self.fixture()
        let other = try fixture.house.connect()
        other.transport.room = 0
        other.send(String(repeating: "x", count: 30_000))
        fixture.house.run()
        fixture.send(Self.head("POST", "", "Content-Length: 40000") + String(repeating: "x", count: 20_000))
        _ = fixture.house.ledger.add(fixture.house.ledger.limit - fixture.house.ledger.bytes, worker: 0)
        fixture.send("y")
        #expect(other.transport.wasReset && fixture.channel.isActive)
    }

    @Test func asksForTheBodyThatAClientHoldsBack() throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("POST", "", "Content-Length: 4", "Expect: 100-Continue"))
        #expect(try fixture.sent() == "HTTP/1.1 100 Continue\r\n\r\n")
        fixture.send("body")
        #expect(Self.answers(try fixture.sent()) == ["200 POST  body"])
        // Nothing to ask for, and a body that is too large.
        fixture.send(Self.head("POST", "", "Expect: 100-continue"))
        #expect(Self.answers(try fixture.sent()) == ["200 POST  "])
        fixture.send(Self.head("POST", "", "Content-Length: 2000000", "Expect: 100-continue"))
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 413 "))
    }

    @Test(arguments: ["gzip, chunked", "chunked, chunked", "identity", "gzip\r\nTransfer-Encoding: chunked"])
    func knowsNoOtherTransferCoding(coding: String) throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("POST", "", "Transfer-Encoding: \(coding)") + "1\r\nx\r\n0\r\n\r\n")
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 501 ") || sent.hasPrefix("HTTP/1.1 400 "))
        #expect(Self.answers(sent).count == 1)
    }

    @Test func meetsNoOtherExpectation() throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("POST", "", "Content-Length: 4", "Expect: miracles"))
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 417 "))
        #expect(fixture.worker.counters[.refused(.expectation)] == 1)
    }

    // MARK: - Time

    @Test func bodyHasADeadline() throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("POST", "", "Content-Length: 1000"))
        for _ in 0..<59 {
            fixture.send("x")
            fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        }
        #expect(try fixture.sent() == "")
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 408 "))
        #expect(fixture.worker.counters[.exceeded(.bodyTime)] == 1)
        #expect(fixture.house.ledger.bytes == 0)
    }

    @Test func scriptHasADeadline() throws {
        let fixture = try self.fixture(loops: 2)
        fixture.send(Self.head())
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(39))
        #expect(try fixture.sent() == "")
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 503 "))
        #expect(fixture.worker.counters[.exceeded(.answerTime)] == 1)
        fixture.house.run()
        #expect(try fixture.sent() == "")
        #expect(fixture.house.runner.requests.isEmpty)
    }

    @Test func idleConnectionEndsQuietly() throws {
        let fixture = try self.fixture()
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(8))
        fixture.send(Self.head())
        _ = try fixture.sent()
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(fixture.channel.isActive)
        fixture.send(Self.head())
        #expect(Self.answers(try fixture.sent()).count == 1)
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(11))
        #expect(!fixture.channel.isActive)
        #expect(fixture.worker.counters[.exceeded(.handshakeTime)] == 0)
    }

    @Test func refusedClientHasTheHandshakesTimeToRead() throws {
        let fixture = try self.fixture()
        fixture.send(Self.head() + "NONSENSE\r\n\r\n")
        #expect(Self.answers(try fixture.sent()).map { $0.prefix(3) } == ["200", "400"])
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        fixture.send("x")
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(!fixture.channel.isActive)
    }

    // MARK: - Ends

    @Test(arguments: [1, 2]) func failureIs500AndTheConnectionGoesOn(loops: Int) throws {
        let fixture = try self.fixture(loops: loops)
        fixture.send(Self.head("GET", "fail") + Self.head("GET", "n=2"))
        fixture.house.run()
        let sent = try fixture.sent()
        #expect(Self.answers(sent) == ["500 the script failed to answer\n", "200 GET 2 "])
        #expect(fixture.house.log.texts(.info) == ["told nil request"])
        #expect(fixture.worker.counters[.request(.serverError)] == 1)
        let error = try #require(fixture.house.log.lines.first { $0.level == .error })
        #expect(error.metadata["error"] == "test.lua:3: no luck")
    }

    @Test func nothingBehindARefusalIsAnswered() throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("GET", "n=1") + "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n" + Self.head("GET", "n=3"))
        #expect(Self.answers(try fixture.sent()).map { $0.prefix(3) } == ["200", "404"])
        fixture.send(Self.head())
        #expect(try fixture.sent() == "")
    }

    @Test func becomesAWebSocketBehindRequests() throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("GET", "n=1") + HTTPFixture.upgrade.map { $0 + "\r\n" }.joined() + "\r\n")
        let sent = try fixture.sent()
        #expect(sent.contains("GET 1 HTTP/1.1 101 "))
        fixture.send([0x81, 0x81, 0, 0, 0, 0, 0x41])
        #expect(try fixture.sent().hasSuffix("\u{1}A"))
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(20))
        #expect(fixture.channel.isActive)
    }

    @Test func aClientThatLeavesIsForgotten() throws {
        let fixture = try self.fixture(loops: 2)
        fixture.send(Self.head("GET", "fail"))
        try fixture.channel.close().wait()
        fixture.house.run()
        #expect(fixture.house.runner.requests.isEmpty && fixture.worker.waitingRequests == 0)
        #expect(fixture.house.ledger.bytes == 0)
        #expect(fixture.worker.counters[.handshakes] == 0)
    }

    /// The client shuts down its side behind its requests, before the script has answered.
    @Test(arguments: [1, 2]) func answersAClientThatSaysNoMore(loops: Int) throws {
        let fixture = try self.fixture(loops: loops)
        let requests = Self.head("GET", "n=1") + Self.head("GET", "n=2") + "GET /test"
        _ = try fixture.channel.writeInbound(ByteBuffer(string: requests))
        fixture.endInput()
        #expect(fixture.channel.isActive == (loops == 2))
        fixture.house.run()
        #expect(Self.answers(try fixture.sent()) == ["200 GET 1 ", "200 GET 2 "])
        #expect(!fixture.channel.isActive)
        #expect(fixture.worker.waitingRequests == 0 && fixture.house.ledger.bytes == 0)
        #expect(fixture.worker.counters[.handshakes] == 0)
    }

    @Test(arguments: [1, 2]) func answersAClientThatWantsOneAnswerAndSaysNoMore(loops: Int) throws {
        let fixture = try self.fixture(loops: loops)
        _ = try fixture.channel.writeInbound(ByteBuffer(string: Self.head("GET", "n=1", "Connection: close")))
        fixture.endInput()
        fixture.house.run()
        #expect(Self.answers(try fixture.sent()) == ["200 GET 1 "])
        #expect(!fixture.channel.isActive)
    }

    @Test func aClientThatSaysNoMoreWaitsUntilTheDeadline() throws {
        let fixture = try self.fixture(loops: 2)
        fixture.send(Self.head("GET", "n=1"))
        fixture.endInput()
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(39))
        #expect(fixture.channel.isActive)
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(Self.answers(try fixture.sent()) == ["503 the script took too long to answer\n"])
        #expect(!fixture.channel.isActive)
    }

    @Test(arguments: ["", "GET /test HTTP/1.1\r\nHost", "POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"])
    func aClientThatSaysNoMoreBeforeItHasAskedIsGone(text: String) throws {
        let fixture = try self.fixture(loops: 2)
        fixture.send(text)
        fixture.endInput()
        #expect(!fixture.channel.isActive)
        #expect(try fixture.sent() == "")
        #expect(fixture.worker.counters[.handshakes] == 0 && fixture.house.ledger.bytes == 0)
    }

    /// More requests than the loop takes in a turn, and no more to come: all are answered.
    @Test func aClientThatSaysNoMoreIsAnsweredOverManyTurns() throws {
        let fixture = try HTTPFixture(script: "return { request = function() ws.sleep(0.001) return 200 end }")
        fixture.send(String(repeating: "GET /test HTTP/1.1\r\nHost: a\r\n\r\n", count: 2000))
        fixture.endInput()
        for _ in 0..<5000 { fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1)) }
        #expect(try fixture.sent().split(separator: "HTTP/1.1 200 ").count == 2000)
        #expect(!fixture.channel.isActive)
    }

    @Test func aClientThatSaysNoMoreReadsItsRefusal() throws {
        let fixture = try self.fixture()
        _ = try fixture.channel.writeInbound(ByteBuffer(string: "GET /none HTTP/1.1\r\nHost: a\r\n\r\n"))
        fixture.endInput()
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 404 "))
        #expect(!fixture.channel.isActive)
    }

    @Test func shutdownWaitsForTheScriptsAnswer() throws {
        let fixture = try self.fixture(loops: 2)
        fixture.send(Self.head("GET", "n=1"))
        let drained = fixture.worker.drain(over: .zero)
        let ended = Mutex(false)
        drained.whenComplete { _ in ended.withLock { $0 = true } }
        func isDrained() -> Bool { ended.withLock { $0 } }
        fixture.channel.embeddedEventLoop.run()
        #expect(!isDrained())
        fixture.house.run()
        let sent = try fixture.sent()
        #expect(Self.answers(sent) == ["200 GET 1 "] && sent.contains("\r\nConnection: close\r\n"))
        #expect(isDrained() && !fixture.channel.isActive)
    }

    @Test(arguments: ["", "POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"])
    func shutdownEndsWhoHasNotAskedYet(text: String) throws {
        let fixture = try self.fixture()
        fixture.send(text)
        let drained = fixture.worker.drain(over: .zero)
        fixture.channel.embeddedEventLoop.run()
        #expect(try fixture.sent().hasPrefix(text.isEmpty ? "" : "HTTP/1.1 503 "))
        #expect(!fixture.channel.isActive)
        try drained.wait()
    }

    @Test func countsTheClientOfEachRequestOfAProxy() throws {
        let census = ConnectionCensus(limit: 100, limitPerClient: 1)
        func proxy() throws -> HTTPFixture {
            try HTTPFixture(script: Self.script, census: census) { $0.trustedProxies = ["127.0.0.1"] }
        }
        let (first, second) = (try proxy(), try proxy())
        func ask(_ fixture: HTTPFixture, _ client: Int) throws -> String {
            fixture.send(Self.head("GET", "", "X-Forwarded-For: 203.0.113.\(client)"))
            return String(try fixture.sent().prefix(12))
        }
        #expect(try ask(first, 1) == "HTTP/1.1 200")
        #expect(try ask(first, 2) == "HTTP/1.1 200")
        // The first connection carries another client now.
        #expect(try ask(second, 1) == "HTTP/1.1 200")
        #expect(try ask(second, 2) == "HTTP/1.1 503")
        try first.channel.close().wait()
        first.channel.embeddedEventLoop.run()
        #expect(try ask(try proxy(), 2) == "HTTP/1.1 200")
    }

    @Test func originIsTheScriptsAffair() throws {
        let fixture = try self.fixture()
        fixture.send(Self.head("GET", "n=1", "Origin: http://evil.example"))
        #expect(Self.answers(try fixture.sent()) == ["200 GET 1 "])
    }
}
