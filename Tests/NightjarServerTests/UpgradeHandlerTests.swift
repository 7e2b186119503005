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

/// A script's `upgrade` decides who becomes a connection, on its own loop or on another.
struct UpgradeHandlerTests {
    private static let upgrade = HTTPFixture.upgrade
    /// A masked text frame with one letter, and its echo.
    private static let letter: [UInt8] = [0x81, 0x81, 0, 0, 0, 0, 0x41]

    private static let door = """
        return {
          upgrade = function(req)
            if req.query.name == "nobody" then return 401, "who?", { ["WWW-Authenticate"] = "Basic" } end
            if req.query.name == "false" then return false end
            if req.query.name == "nil" then return end
            if req.query.name == "error" then local x = nil; return x.y end
            if req.query.name == "json" then return 403, { why = "closed" } end
            return { name = req.query.name }, { headers = { ["Set-Cookie"] = { "a=1", "b=2" } } }
          end,
          connect = function(conn, req) print("connect"); conn:send(conn.state.name .. " " .. req.query.name) end,
          message = function(conn, data) conn:send(data .. conn.state.name) end,
          close = function() print("close") end,
          error = function(conn, err) ws.log.info("told %s %s", tostring(conn), err.handler) end,
        }
        """

    private static func lines(_ name: String) -> [String] {
        ["GET /test?name=\(name) HTTP/1.1"] + self.upgrade.dropFirst()
    }

    @Test(arguments: [1, 2]) func letsInWithAState(loops: Int) throws {
        let fixture = try HTTPFixture(script: Self.door, loops: loops)
        fixture.request(Self.lines("ada"))
        fixture.house.run()
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 101 "))
        #expect(sent.hasSuffix("ada ada"))
        #expect(sent.contains("\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"))
        fixture.send(Self.letter)
        fixture.house.run()
        #expect(try fixture.sent().hasSuffix("Aada"))
        #expect(fixture.worker.connections.count == 1)
        #expect(fixture.house.runner.requests.isEmpty)
        #expect(fixture.isReading)
    }

    @Test(
        arguments: [
            ("nobody", 401, "\r\nWWW-Authenticate: Basic\r\n", "\r\n\r\nwho?"), ("false", 403, "", "\r\n\r\n"),
            ("nil", 403, "", "\r\n\r\n"),
            ("json", 403, "\r\nContent-Type: application/json\r\n", "\r\n\r\n{\"why\":\"closed\"}"),
        ],
        [1, 2]
    )
    func refuses(answer: (name: String, status: Int, field: String, end: String), loops: Int) throws {
        let fixture = try HTTPFixture(script: Self.door, loops: loops)
        fixture.request(Self.lines(answer.name))
        fixture.house.run()
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 \(answer.status) "))
        #expect(sent.contains(answer.field) && sent.hasSuffix(answer.end))
        #expect(sent.contains("\r\nConnection: close\r\n"))
        #expect(fixture.worker.counters[.refused(.script)] == 1)
        #expect(fixture.worker.connections.count == 0)
        #expect(fixture.house.log.texts(.info).isEmpty)
        #expect(fixture.house.log.texts(.warning).count == (answer.name == "nil" ? 1 : 0))
        // What is behind it is not answered, and read so that the client sees the refusal.
        fixture.request(Self.upgrade)
        fixture.house.run()
        #expect(try fixture.sent() == "")
        #expect(fixture.isReading)
    }

    @Test(arguments: [1, 2]) func failureIs500AndToldToTheScript(loops: Int) throws {
        let fixture = try HTTPFixture(script: Self.door, loops: loops)
        fixture.request(Self.lines("error"))
        fixture.house.run()
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 500 ") && !sent.contains("x.y"))
        #expect(fixture.house.log.texts(.info) == ["told nil upgrade"])
        let error = try #require(fixture.house.log.lines.first { $0.level == .error })
        #expect(error.metadata["error"] == "test.lua:6: attempt to index a nil value (local 'x')")
        #expect(error.metadata["traceback"] != nil && error.metadata["connection"] == nil)
        #expect(fixture.worker.counters[.refused(.scriptError)] == 1)
        #expect(fixture.house.workers[loops - 1].counters[.scriptError(.runtime)] == 1)
    }

    @Test(arguments: [
        ([], "a, b", "b", 101), (["a", "b"], "a, b", "b", 101), (["a"], "a, b", "b", 500), ([], "a", "b", 500),
        ([], nil, "b", 500),
    ])
    func choosesAProtocolThatIsOfferedAndSpoken(spoken: [String], offered: String?, chosen: String, status: Int) throws
    {
        let script = """
            return { upgrade = function() return true, { protocol = "\(chosen)" } end,
              connect = function(conn) conn:send(tostring(conn.protocol)) end }
            """
        let fixture = try HTTPFixture(script: script) { $0.route.protocols = spoken }
        fixture.request(Self.upgrade + (offered.map { ["Sec-WebSocket-Protocol: \($0)"] } ?? []))
        let sent = try fixture.sent()
        #expect(sent.hasPrefix("HTTP/1.1 \(status) "))
        if status == 101 {
            #expect(sent.contains("\r\nSec-WebSocket-Protocol: \(chosen)\r\n") && sent.hasSuffix(chosen))
            #expect(sent.split(separator: "Sec-WebSocket-Protocol", omittingEmptySubsequences: false).count == 2)
        }
    }

    @Test func keepsTheServersChoiceOfProtocol() throws {
        let fixture = try HTTPFixture(script: "return { upgrade = function() return true end }") {
            $0.route.protocols = ["b"]
        }
        fixture.request(Self.upgrade + ["Sec-WebSocket-Protocol: a, b"])
        #expect(try fixture.sent().contains("\r\nSec-WebSocket-Protocol: b\r\n"))
    }

    @Test(arguments: ["Origin: http://evil.example", "Sec-WebSocket-Protocol: ;", "Sec-WebSocket-Key: x"])
    func looksAtTheRequestBeforeTheScriptDoes(line: String) throws {
        let fixture = try HTTPFixture(script: "return { upgrade = function() print('asked') return true end }")
        fixture.request(Self.upgrade + [line])
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 4"))
        #expect(!fixture.house.log.texts(.info).contains("asked"))
    }

    @Test func doesNotAskACrowdedScript() throws {
        let fixture = try HTTPFixture(script: "return { upgrade = function() print('asked') return true end }")
        fixture.house.route.census.isCongested.store(true, ordering: .relaxed)
        fixture.request(Self.upgrade)
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 503 "))
        #expect(!fixture.house.log.texts(.info).contains("asked"))
    }

    // MARK: - Before the answer

    @Test func readsNoMoreThanOnceBeforeTheAnswer() throws {
        let fixture = try HTTPFixture(script: Self.door, loops: 2)
        fixture.request(Self.lines("ada"))
        #expect(fixture.isReading, "the end of the client must be seen")
        fixture.send(Self.letter)
        #expect(!fixture.isReading)
        #expect(try fixture.sent() == "")
        fixture.house.run()
        #expect(fixture.isReading)
        #expect(try fixture.sent().hasSuffix("Aada"))
    }

    @Test func bytesWithTheRequestStopTheReading() throws {
        let fixture = try HTTPFixture(script: Self.door, loops: 2)
        let head = Self.lines("ada").map { $0 + "\r\n" }.joined() + "\r\n"
        fixture.send(Array(head.utf8) + Self.letter)
        #expect(!fixture.isReading)
        fixture.house.run()
        #expect(fixture.isReading)
        #expect(try fixture.sent().hasSuffix("Aada"))
    }

    /// Whether they come with the request or behind it.
    @Test(arguments: [true, false]) func earlyBytesAreInTheAccount(comeTogether: Bool) throws {
        let fixture = try HTTPFixture(script: Self.door, loops: 2)
        let head = Array((Self.lines("ada").map { $0 + "\r\n" }.joined() + "\r\n").utf8)
        // A Close, and what is ignored behind it.
        let early: [UInt8] = [0x88, 0x80, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 50_000)
        for bytes in comeTogether ? [head + early] : [head, early] { fixture.send(bytes) }
        #expect(fixture.house.ledger.bytes == 50_006)
        fixture.house.run()
        #expect(fixture.house.ledger.bytes < 1024)
    }

    @Test func earlyBytesAreEndedWhenAllBuffersAreFull() throws {
        let fixture = try HTTPFixture(script: Self.door, loops: 2)
        fixture.request(Self.lines("ada"))
        fixture.send([UInt8](repeating: 0, count: 50_000))
        _ = fixture.house.ledger.add(fixture.house.ledger.limit - fixture.house.ledger.bytes, worker: 0)
        fixture.send("y")
        fixture.house.run()
        #expect(!fixture.channel.isActive)
        #expect(fixture.house.ledger.bytes == fixture.house.ledger.limit - 50_000)
    }

    @Test func dropsAClientWhoseEarlyBytesDoNotEnd() throws {
        let fixture = try HTTPFixture(script: Self.door, loops: 2)
        fixture.request(Self.lines("ada"))
        var sent = 0
        while fixture.channel.isActive, sent < 1 << 20 {
            fixture.send([UInt8](repeating: 0, count: 65536))
            sent += 65536
        }
        #expect(sent == 3 * 65536)
        fixture.house.run()
        #expect(fixture.house.runner.requests.isEmpty && fixture.house.runner.membersByID.isEmpty)
    }

    @Test(arguments: [false, true]) func aClientThatLeavesBeforeIsNotConnected(hasAnswered: Bool) throws {
        let fixture = try HTTPFixture(script: Self.door, loops: 2)
        fixture.request(Self.lines("ada"))
        if hasAnswered {
            fixture.house.loops[1].run()
        }
        try fixture.channel.close().wait()
        fixture.house.run()
        #expect(fixture.house.log.texts(.info).isEmpty)
        #expect(fixture.house.runner.requests.isEmpty && fixture.house.runner.membersByID.isEmpty)
        #expect(fixture.worker.waitingRequests == 0)
        #expect(fixture.house.ledger.bytes == 0)
    }

    /// A WebSocket ends with Close frames: who shuts down its side before it has one is gone, and so is who does later.
    @Test(arguments: [false, true]) func aClientThatSaysNoMoreIsGone(isConnected: Bool) throws {
        let fixture = try HTTPFixture(script: Self.door, loops: 2)
        fixture.request(Self.lines("ada"))
        if isConnected {
            fixture.house.run()
            #expect(try fixture.sent().hasPrefix("HTTP/1.1 101 "))
            let option = fixture.channel.options.last { $0.option is ChannelOptions.Types.AllowRemoteHalfClosureOption }
            #expect(option?.value as? Bool == false)
        }
        fixture.endInput()
        #expect(!fixture.channel.isActive)
        fixture.house.run()
        #expect(fixture.house.runner.requests.isEmpty && fixture.house.runner.membersByID.isEmpty)
        #expect(fixture.worker.waitingRequests == 0 && fixture.house.ledger.bytes == 0)
    }

    @Test(arguments: [1, 2]) func forgetsTheStatesOfThoseWhoLeft(loops: Int) throws {
        let script = """
            return { upgrade = function() return { text = ("x"):rep(10000) } end,
              request = function() return 204 end }
            """
        var house: TestHouse?
        for _ in 0..<100 {
            let fixture = try HTTPFixture(script: script, loops: loops)
            fixture.request(Self.upgrade)
            house = fixture.house
        }
        let runner = try #require(house).runner
        let vm = try #require(runner.vm)
        for number: UInt64 in 1...2000 {
            let token = RequestToken(worker: 0, number: number << 20)
            let request = ClientRequest(
                publicID: PublicID(),
                method: "GET",
                target: try RequestTarget("/test"),
                parameters: [],
                ip: "127.0.0.1",
                isSecure: false,
                headers: [],
                subprotocol: nil
            )
            runner.upgrade(token, request)
            if number.isMultiple(of: 2) { house?.run() }
            runner.abandoned(token)
        }
        house?.run()
        #expect(vm.memoryUsed < 5 << 20)
    }

    @Test func dropsAClientWhenTheScriptTakesLongerThanTheHandshake() throws {
        let fixture = try HTTPFixture(script: Self.door, loops: 2)
        fixture.request(Self.lines("ada"))
        fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(9900))
        #expect(fixture.channel.isActive)
        fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(500))
        #expect(!fixture.channel.isActive)
        #expect(fixture.worker.counters[.exceeded(.handshakeTime)] == 1)
        fixture.house.run()
        #expect(fixture.house.log.texts(.info).filter { $0 == "connect" || $0 == "close" }.isEmpty)
        #expect(fixture.house.runner.requests.isEmpty)
    }

    @Test func shutdownDoesNotWaitForTheScript() throws {
        let fixture = try HTTPFixture(script: Self.door, loops: 2)
        fixture.request(Self.lines("ada"))
        let drained = fixture.worker.drain(over: .zero)
        fixture.channel.embeddedEventLoop.run()
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 503 "))
        fixture.house.run()
        try drained.wait()
        #expect(fixture.house.runner.membersByID.isEmpty && fixture.house.runner.requests.isEmpty)
    }

    @Test func whatUpgradeSendsToOthersIsSent() throws {
        let script = """
            return { upgrade = function() ws.broadcast("somebody comes"); return true end }
            """
        let fixture = try HTTPFixture(script: script)
        let other = try fixture.house.connect()
        fixture.house.run()
        fixture.request(Self.upgrade)
        #expect(other.texts == ["somebody comes"])
        #expect(try fixture.sent().hasPrefix("HTTP/1.1 101 "))
    }
}
