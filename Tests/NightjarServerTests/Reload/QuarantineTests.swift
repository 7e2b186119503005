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
import Testing
import WebSocketCore

/// A script that takes the loop from everybody again and again is put out of service.
struct QuarantineTests {
    private static let hungry = """
        local ticks = 0
        return {
          load = function() ws.every(1, function() ticks = ticks + 1 print("tick " .. ticks) end) end,
          message = function(conn, data)
            if data == "hunger" then local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end end
            if data == "error" then error("mine") end
            if data == "wait" then ws.sleep(100) end
            conn:send("fine")
          end,
          close = function(_, code) print("closed " .. code) end,
        }
        """
    private static let sentence =
        "quarantined: the script passed its limits 3 times in a minute; mend and save it, or run: nightjar reload test"

    private static func house(breaches: Int = 3) throws -> TestHouse {
        var configuration = RouteConfiguration()
        configuration.memory = 1 << 20
        configuration.eventCPU = .seconds(20)
        configuration.breaches = breaches
        return try TestHouse(Self.hungry, configuration: configuration)
    }

    private static func isOut(_ house: TestHouse) -> Bool { house.route.census.isQuarantined }

    @Test func threeBreachesInAMinutePutItOut() throws {
        let house = try Self.house()
        var told: [Int] = []
        house.runner.quarantined = { told.append($0) }
        let (client, other, waiting) = (try house.connect(), try house.connect(), try house.connect())
        waiting.send("wait")
        client.send("hunger")
        other.send("hunger")
        #expect(!Self.isOut(house) && told.isEmpty)
        client.send("hunger")
        #expect(Self.isOut(house) && told == [0])
        #expect(house.log.texts(.error).filter { $0.hasPrefix("quarantined") } == [Self.sentence])
        #expect(house.workers[0].counters[.exceeded(.quarantine)] == 1)
        // Nothing but `close` runs any more: no message, no timer, no handler that waited.
        other.send("hello")
        client.send("hunger")
        house.loops[0].advanceTime(by: .seconds(5))
        house.workers[0].closeConnections(ofRoute: 0, code: .tryAgainLater, reason: "enough")
        house.loops[0].advanceTime(by: .seconds(6))
        other.take()
        #expect(other.received == [.close(1013, "enough")])
        let lines = house.log.texts(.info).filter { $0.hasPrefix("closed") || $0.hasPrefix("tick") }
        #expect(lines == ["closed 1013", "closed 1013", "closed 1013"])
        #expect(told == [0] && house.workers[0].counters[.exceeded(.quarantine)] == 1)
    }

    @Test func aMinuteForgives() throws {
        let house = try Self.house()
        for _ in 0..<3 {
            let client = try house.connect()
            client.send("hunger")
            house.loops[0].advanceTime(by: .milliseconds(30_001))
        }
        #expect(!Self.isOut(house))
    }

    /// Errors cost nobody anything, and handlers that wait too long do not either.
    @Test func otherErrorsAreNone() throws {
        let house = try Self.house()
        let client = try house.connect()
        for _ in 0..<10 { client.send("error") }
        #expect(house.log.texts(.error).count == 10)
        #expect(!Self.isOut(house))
    }

    @Test func zeroNeverDoesIt() throws {
        let house = try Self.house(breaches: 0)
        let client = try house.connect()
        for _ in 0..<10 { client.send("hunger") }
        #expect(!Self.isOut(house))
    }

    @Test func theNextVersionServesAndCountsAnew() throws {
        let house = try Self.house()
        let client = try house.connect()
        for _ in 0..<3 { client.send("hunger") }
        #expect(Self.isOut(house))
        try house.reload(Self.hungry)
        #expect(!Self.isOut(house))
        // Who was not closed in time is served again.
        client.send("hello")
        client.take()
        #expect(client.received == [.text("fine")])
        let next = try house.connect()
        next.send("hunger")
        next.send("hunger")
        next.send("hello")
        next.take()
        #expect(next.received == [.text("fine")])
        #expect(!Self.isOut(house))
        next.send("hunger")
        #expect(Self.isOut(house))
        // Each time somebody has to be told.
        #expect(house.log.texts(.error).count { $0 == Self.sentence } == 2)
    }

    private static let waitingUpgrade = """
        return {
          upgrade = function() ws.sleep(1) return true end,
          request = function() return 200, "here" end,
          message = function() local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end end,
        }
        """

    /// Also who was being let in when it came to that.
    @Test func nobodyIsLetIn() throws {
        let fixture = try HTTPFixture(script: Self.waitingUpgrade) {
            $0.route.memory = 1 << 20
            $0.route.eventCPU = .seconds(20)
        }
        let client = try fixture.house.connect()
        fixture.request(HTTPFixture.upgrade)
        for _ in 0..<3 { client.send("go") }
        fixture.channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        let answer = try fixture.sent()
        #expect(answer.hasPrefix("HTTP/1.1 50"))
        let other = try HTTPFixture(script: Self.waitingUpgrade)
        #expect(other.house.route.census.refusal == nil)
        let sentence = try #require(fixture.house.route.census.refusal?.sentence)
        #expect(sentence == "the script of this route used too much CPU time or memory; it is out of service")
    }

    @Test func requestsHearWhy() throws {
        let fixture = try HTTPFixture(script: Self.waitingUpgrade) {
            $0.route.memory = 1 << 20
            $0.route.eventCPU = .seconds(20)
        }
        let client = try fixture.house.connect()
        for _ in 0..<3 { client.send("go") }
        fixture.request(["GET /test HTTP/1.1", "Host: localhost"])
        let answer = try fixture.sent()
        #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
        #expect(answer.hasSuffix("it is out of service\n"))
        #expect(fixture.worker.counters[.exceeded(.quarantineRefused)] == 1)
    }
}
