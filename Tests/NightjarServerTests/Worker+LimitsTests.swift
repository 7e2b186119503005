//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import LuaRuntime
import NIOCore
import NightjarServer
import Testing

/// Limits that act in a house in memory: what is counted, and what the log says of it.
struct WorkerLimitsTests {
    private static let echo = "return { message = function(conn, data, kind) conn:send(data, kind) end }"

    private static func small() -> RouteConfiguration {
        var configuration = RouteConfiguration()
        configuration.messageBytes = 10
        return configuration
    }

    @Test func countsEachAndLogsOnce() throws {
        let house = try TestHouse(Self.echo, configuration: Self.small())
        for _ in 0..<5 {
            try house.connect().send("more than ten bytes")
        }
        let lines = house.log.lines.filter { $0.text.hasPrefix("closed for a violation: message too big") }
        #expect(lines.count == 1)
        #expect(lines.first?.metadata["limit"] == "message")
        #expect(lines.first?.metadata["ip"] == "127.0.0.1")
        #expect(lines.first?.metadata["route"] == "/test")
        #expect(house.workers[0].counters[.exceeded(.message)] == 5)
        house.advance(by: .seconds(11))
        let sums = house.log.lines.filter { $0.text == "the limit message acted 4 times more" }
        #expect(sums.count == 1 && sums.first?.metadata["repeats"] == "4")
    }

    @Test func tellsThatScriptsShareAllTheyMay() throws {
        let script = """
            return { message = function(conn, data) print(ws.shared.set(data, ("x"):rep(60000))) end }
            """
        let house = try TestHouse(script, sharedBytes: 100_000)
        let client = try house.connect()
        for key in ["a", "b", "c"] {
            client.send(key)
        }
        #expect(
            house.log.lines.map(\.text).filter { $0.hasPrefix("true") || $0.hasPrefix("nil") } == [
                "true", "nil\tfull", "nil\tfull",
            ]
        )
        let warnings = house.log.lines.filter { $0.level == .warning }
        #expect(warnings.count == 1)
        #expect(warnings.first?.text.hasPrefix("a value found no room: what scripts share takes 60") == true)
        #expect(warnings.first?.metadata["route"] == "/test")
        #expect(house.workers[0].counters[.exceeded(.shared)] == 2)
    }

    @Test func tellsWhatIsLeftAtTheEnd() throws {
        let house = try TestHouse(Self.echo, configuration: Self.small())
        for _ in 0..<2 {
            try house.connect().send("more than ten bytes")
        }
        house.workers[0].stop()
        #expect(house.log.lines.contains { $0.text == "the limit message acted once more" })
    }

    @Test func countsBrokenRulesByKind() throws {
        let house = try TestHouse(Self.echo)
        try house.connect().feed([0x81, 0x01, 0x41])
        try house.connect().feed([0xC1, 0x81, 0, 0, 0, 0, 0x41])
        let counters = house.workers[0].counters
        #expect(counters[.violation(.unmaskedFrame)] == 1)
        #expect(counters[.violation(.reservedBits)] == 1)
        #expect(counters[.closed(.protocolError)] == 2)
        #expect(Limit.allCases.allSatisfy { counters[.exceeded($0)] == 0 })
    }

    @Test func logsBrokenRulesOnce() throws {
        let house = try TestHouse(Self.echo)
        for _ in 0..<5 {
            try house.connect().feed([0x81, 0x01, 0x41])
        }
        let lines = house.log.lines.filter { $0.text.hasPrefix("closed for a violation") }
        #expect(lines.count == 1)
        #expect(lines.first?.metadata["ip"] == "127.0.0.1" && lines.first?.metadata["route"] == "/test")
        house.advance(by: .seconds(11))
        let sums = house.log.lines.filter { $0.text == "the rule unmasked_frame was broken 4 times more" }
        #expect(sums.count == 1 && sums.first?.metadata["violation"] == "unmasked_frame")
    }

    @Test func countsMessagesBothWays() throws {
        let house = try TestHouse(
            "return { message = function(conn, data) conn:send(data) ws.broadcast('b') end }"
        )
        let clients = try [house.connect(), house.connect()]
        house.run()
        clients[0].send(["1", "2"])
        house.run()
        let counters = house.workers[0].counters
        #expect(counters[.messagesReceived] == 2)
        #expect(counters[.messagesSent] == 6)
        #expect(counters[.broadcasts] == 2)
        #expect(counters[.bytesReceived] == 2 * 7)
        #expect(counters[.bytesSent] == 6 * 3 + 2 * 4)
        #expect(counters[.open] == 2 && counters[.upgraded] == 2)
        clients[0].transport.close()
        #expect(counters[.open] == 1 && counters[.closed(.abnormal)] == 1)
    }

    @Test func countsASilentClient() throws {
        let house = try TestHouse(Self.echo)
        _ = try house.connect()
        house.advance(by: .seconds(46))
        #expect(house.workers[0].counters[.exceeded(.keepAlive)] == 1)
    }

    @Test func countsClientsThatDoNotRead() throws {
        var configuration = RouteConfiguration()
        (configuration.bufferedSoft, configuration.buffered) = (100, 1000)
        let house = try TestHouse(Self.echo, configuration: configuration)
        let client = try house.connect()
        house.run()
        client.transport.room = 0
        client.send((0..<20).map { _ in String(repeating: "x", count: 100) })
        house.run()
        let counters = house.workers[0].counters
        #expect(counters[.exceeded(.buffered)] == 1)
        #expect(counters[.exceeded(.bufferedSoft)] == 1)
        #expect(counters[.messagesDropped] >= 1)
    }

    @Test func countsScriptErrorsByKind() throws {
        let house = try TestHouse("return { message = function() error('no') end }")
        let client = try house.connect()
        client.send(["1", "2"])
        house.run()
        #expect(house.workers[0].counters[.scriptError(.runtime)] == 2)
        #expect(house.workers[0].counters[.exceeded(.scriptCPU)] == 0)
    }

    @Test func countsMailBetweenLoops() throws {
        let house = try TestHouse(Self.echo, loops: 2)
        let client = try house.connect()
        client.send("x")
        house.run()
        #expect(client.texts == ["x"])
        #expect(house.workers[0].counters[.mail] >= 2)
        #expect(house.workers[1].counters[.mail] >= 2)
    }
}
