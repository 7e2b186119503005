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

/// A connection and its VM on one loop or on two, while a seeded generator decides what happens next: which loop runs, which
/// client speaks, when the kernel takes bytes, who ends a connection and how, when another version of the script begins to take
/// over and whether it does. Whatever the order, the promises hold.
struct EventOrderTests {
    /// Breaks loudly when handlers nest, when an event of a connection comes out of order, or when a connection has not exactly
    /// one `connect` before and one `close` behind everything else. What it knows of a connection is in its state.
    private static let script = """
        local running = false
        local script = {}
        local function enter(name)
          if running then error("nested: " .. name .. " in " .. running) end
          running = name
        end
        local function leave() running = false end

        -- Waits in a handler of the connection, of which nothing else may run meanwhile.
        local function wait(conn, f, ...)
          conn.state.waits = true
          leave()
          local result = f(...)
          enter("a handler that has waited")
          conn.state.waits = nil
          return result
        end

        local function take(conn, data)
          local number, verb = data:match("^(%d+) (%a+)")
          number = tonumber(number)
          assert(number == conn.state.last + 1, "message " .. number .. " after " .. conn.state.last)
          conn.state.last = number
          conn:send(data)
          return number, verb
        end

        function script.connect(conn)
          enter("connect")
          assert(conn.state.phase == nil, "connect twice")
          conn.state = { phase = "open", last = 0, drains = 0 }
          leave()
        end

        function script.message(conn, data)
          enter("message")
          assert(conn.state.phase == "open", "message outside of connect and close")
          assert(not conn.state.waits, "message behind a handler that waits")
          local number, verb = take(conn, data)
          if verb == "close" then
            conn:close(4000 + number % 900, "by script")
            conn.state.phase = "closing"
          elseif verb == "all" then
            ws.broadcast("to all " .. number, { except = conn })
          elseif verb == "sleep" then
            wait(conn, ws.sleep, number % 20 / 1000)
          elseif verb == "receive" then
            local text = wait(conn, conn.receive, conn, "5ms")
            if text then take(conn, text) end
          end
          leave()
        end

        function script.drain(conn)
          enter("drain")
          assert(conn.state.phase == "open", "drain outside of connect and close")
          assert(not conn.state.waits, "drain behind a handler that waits")
          conn.state.drains = conn.state.drains + 1
          leave()
        end

        function script.close(conn)
          enter("close")
          assert(conn.state.phase == "open" or conn.state.phase == "closing", "close twice, or without connect")
          assert(not conn.state.waits, "close behind a handler that waits")
          conn.state.phase = "closed"
          leave()
          ws.log.info("closed")
        end

        return script
        """

    @Test(arguments: [1, 2], 0..<40)
    func holdsItsPromisesInAnyOrder(loops: Int, seed: Int) throws {
        var configuration = RouteConfiguration()
        configuration.bufferedSoft = 2000
        configuration.buffered = 20_000
        configuration.queueMessages = 4
        configuration.queueBytes = 3000
        let house = try TestHouse(Self.script, loops: loops, configuration: configuration)
        var random = Generator(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
        var clients: [Peer] = []
        for _ in 0..<400 {
            switch Int.random(in: 0..<22, using: &random) {
            case 0 where clients.count < 6:
                let client = try house.connect()
                client.transport.writesDirectly = Bool.random(using: &random)
                clients.append(Peer(client))
            case 1...7:
                clients.randomElement(using: &random)?.speak(using: &random)
            case 8...11:
                let client = clients.randomElement(using: &random)?.client
                client?.transport.makeRoom(Bool.random(using: &random) ? .max : Int.random(in: 0...900, using: &random))
            case 12...17:
                house.loops.randomElement(using: &random)?.run()
            case 18 where Int.random(in: 0..<4, using: &random) == 0:
                clients.randomElement(using: &random)?.end(using: &random)
            case 20 where Int.random(in: 0..<3, using: &random) == 0:
                // More at once would end the handlers that wait in the oldest.
                guard house.runner.nextRoute == nil, house.runner.retiredCount < 4 else { continue }
                let version = Bool.random(using: &random) ? house.runner.version + 1 : 1
                try house.beginSwap(to: Self.script, version: version)
            case 21:
                if Bool.random(using: &random) {
                    house.runner.commitSwap()
                } else {
                    house.runner.abortSwap()
                }
            case 19:
                let time = TimeAmount.milliseconds(Int64.random(in: 0...15, using: &random))
                house.loops.forEach { $0.advanceTime(by: time) }
            default:
                break
            }
        }
        house.runner.commitSwap()
        for client in clients {
            client.finish()
        }
        house.run()
        // As long as every handler waits that waits one after the other for each message.
        house.advance(by: .seconds(3))
        for client in clients {
            client.finish()
        }
        house.run()
        for client in clients {
            client.check()
            client.client.transport.close()
        }
        house.settle()

        #expect(house.runner.retiredCount == 0)
        #expect(house.log.texts(.warning).filter { $0.contains("left out") } == [])
        #expect(house.log.texts(.error) == [], "\(house.log.lines.filter { $0.level == .error }.map(\.metadata))")
        #expect(house.log.texts(.info).filter { $0 == "closed" }.count == clients.count)
        #expect(house.workers[0].connections.count == 0)
        #expect(house.runner.membersByID.isEmpty)
        #expect(house.runner.openCount == 0)
        #expect(house.ledger.bytes == 0)
    }
}

/// A client that knows what it has sent and so what must come back.
private final class Peer {
    let client: TestClient
    private var sent: [String] = []
    private var hasEnded = false

    init(_ client: TestClient) {
        self.client = client
    }

    func speak(using random: inout Generator) {
        guard !self.hasEnded else { return }
        var texts: [String] = []
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            let verb =
                switch Int.random(in: 0..<40, using: &random) {
                case 0: "close"
                case 1...4: "all"
                case 5...7: "sleep"
                case 8, 9: "receive"
                default: "say"
                }
            let padding = String(repeating: "x", count: Int.random(in: 0...700, using: &random))
            texts.append("\(self.sent.count + texts.count + 1) \(verb) \(padding)")
        }
        self.sent += texts
        // A transport that was told not to read brings nothing; its socket keeps the bytes.
        self.client.send(texts)
    }

    func end(using random: inout Generator) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        switch Int.random(in: 0..<3, using: &random) {
        case 0: self.client.sendClose(.normal, "by client")
        case 1: self.client.transport.close()
        default: self.client.feed([0xFF, 0x00])
        }
    }

    func finish() {
        for _ in 0..<2000 where self.client.transport.later != nil {
            self.client.transport.makeRoom()
        }
    }

    /// The echoes are what was sent, in order, up to some point; broadcasts lie between them.
    func check() {
        while self.client.transport.later != nil { self.client.transport.makeRoom() }
        let echoes = self.client.texts.filter { !$0.hasPrefix("to all") }
        #expect(echoes == Array(self.sent.prefix(echoes.count)))
        let closes = self.client.received.filter { if case .close = $0 { true } else { false } }
        #expect(closes.count <= 1)
        if !self.hasEnded, closes.isEmpty {
            #expect(echoes.count == self.sent.count)
        }
    }
}

/// SplitMix64: the same seed, the same story.
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
