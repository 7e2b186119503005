//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import NIOCore
import NIOEmbedded
import NightjarServer
import Testing
import WebSocketCore

private let echo = "return { message = function(conn, data, kind) conn:send(data, kind) end }"

/// Peers that do not read, and peers that send too much.
struct ConnectionPressureTests {
    // MARK: - Keys

    @Test(arguments: [1, 2])
    func sendsTheLatestFrameOfAKey(loops: Int) throws {
        let house = try TestHouse(
            """
            return { message = function(c, d)
              c:send("a")
              for i = 1, 5 do c:send("k" .. i, { key = "k" }) c:send("m" .. i, { key = "m" }) end
              c:send("b")
              ws.broadcast("k6", { key = "k" })
            end }
            """,
            loops: loops
        )
        let client = try house.connect()
        house.run()
        client.send("go")
        house.run()
        #expect(client.texts == ["a", "m5", "b", "k6"])
        #expect(house.ledger.bytes == 0)
    }

    /// What was replaced no longer counts as buffered, on whichever loop the script is.
    @Test(arguments: [1, 2])
    func whatIsReplacedIsNotBuffered(loops: Int) throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 10_000
        configuration.bufferedSoft = 9000
        let house = try TestHouse(
            """
            return { message = function(c, d)
              if d == "report" then print(c.buffered) else print(tostring(c:send(d, { key = "k" }))) end
            end }
            """,
            loops: loops,
            configuration: configuration
        )
        let client = try house.connect()
        house.run()
        client.transport.room = 0
        client.send(String(repeating: "0", count: 100))
        house.run()
        for index in 1...9 {
            client.send(String(repeating: "\(index)", count: 6000))
            house.run()
        }
        client.send("report")
        house.run()
        #expect(house.log.texts(.info) == Array(repeating: "true", count: 10) + ["\(102 + 6004)"])
        client.transport.makeRoom()
        house.run()
        #expect(client.texts == [String(repeating: "0", count: 100), String(repeating: "9", count: 6000)])
        client.send("report")
        house.run()
        #expect(house.log.texts(.info).last == "0")
        #expect(house.ledger.bytes == 0)
    }

    /// Frames that replace each other take the room of one, wherever the script is and however many one event sends.
    @Test(arguments: [1, 2], [SlowPolicy.close, .drop])
    func manyFramesOfAKeyCountOnce(loops: Int, slow: SlowPolicy) throws {
        var configuration = RouteConfiguration()
        configuration.slow = slow
        // Under a sanitizer this takes longer than a handler may.
        configuration.eventCPU = .seconds(5)
        let house = try TestHouse(
            """
            return { message = function(c)
              local accepted = 0
              for i = 1, 2500 do
                if c:send(i .. ":" .. ("x"):rep(1020), { key = "k" }) then accepted = accepted + 1 end
              end
              print(accepted, c.buffered)
            end }
            """,
            loops: loops,
            configuration: configuration
        )
        let client = try house.connect()
        house.run()
        client.transport.room = 0
        client.send("go")
        house.loops[0].run()
        house.loops[loops - 1].run()
        #expect(house.ledger.bytes < 2000)
        house.run()
        #expect(house.log.texts(.info) == ["2500\t1029"])
        while client.transport.later != nil { client.transport.makeRoom() }
        #expect(client.texts.map { $0.prefix(5) } == ["2500:"])
        house.run()
        #expect(house.ledger.bytes == 0 && client.close == nil)
    }

    @Test func aPongIsNotLostWithTheFrameBeforeIt() throws {
        let house = try TestHouse("return { message = function(c, d) c:send(d, { key = 'k' }) end }")
        let client = try house.connect()
        client.transport.room = 0
        client.send("head")
        client.send("old")
        client.ping("1")
        client.send("new")
        client.ping("2")
        while client.transport.later != nil { client.transport.makeRoom() }
        client.take()
        #expect(client.received == [.text("head"), .pong, .text("new"), .pong])
    }

    // MARK: - Slow readers

    @Test(arguments: [1, 2])
    func dropsWhatDoesNotFitAndLives(loops: Int) throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 1000
        configuration.slow = .drop
        let house = try TestHouse(
            """
            return { message = function(c, d)
              for i = 1, 40 do
                local ok, why = c:send(i .. ("x"):rep(97), "text")
                if not ok then print(why) return end
              end
            end }
            """,
            loops: loops,
            configuration: configuration
        )
        let client = try house.connect()
        house.run()
        client.transport.room = 0
        client.send("go")
        house.run()
        client.ping()
        #expect(house.log.texts(.info).filter { !$0.hasPrefix("message dropped:") } == ["overflow"])
        let dropped = house.workers.reduce(0) { $0 + $1.counters[.messagesDropped] }
        while client.transport.later != nil { client.transport.makeRoom() }
        house.run()
        let texts = client.texts
        #expect(texts == (1...texts.count).map { "\($0)" + String(repeating: "x", count: 97) })
        #expect(texts.count == 9 && dropped >= 1)
        #expect(client.received.contains(.pong))
        #expect(client.close == nil && house.ledger.bytes == 0)
        // The script's account is even again: as much fits as before.
        client.send("go")
        house.run()
        #expect(loops == 1 ? client.texts.count > 18 : client.texts.count == 18)
    }

    @Test(arguments: [1, 2])
    func dropsABroadcastForTheSlowOneOnly(loops: Int) throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 1000
        configuration.slow = .drop
        let house = try TestHouse(
            "return { message = function(c, d) for i = 1, 5 do ws.broadcast(('x'):rep(300)) end c:close() end }",
            loops: loops,
            configuration: configuration
        )
        let (slow, fast) = (try house.connect(), try house.connect())
        house.run()
        slow.transport.room = 0
        fast.send("go")
        house.run()
        #expect(fast.texts.count == 5)
        #expect(house.workers[0].counters[.messagesDropped] == 2)
        slow.connection.close(code: .goingAway, reason: "")
        house.run()
        while slow.transport.later != nil { slow.transport.makeRoom() }
        #expect(slow.texts.count == 3)
        #expect(slow.close == .close(1001, ""))
    }

    /// Broadcasts wait as messages do, on whichever loop the script is, and go from the account when they are sent.
    @Test(arguments: [1, 2])
    func broadcastsCountAsBuffered(loops: Int) throws {
        let house = try TestHouse(
            """
            return { message = function(c, d)
              if d == "report" then print(c.buffered) return end
              c:send("mine") ws.broadcast(d) ws.broadcast(d, { key = "k" }) ws.broadcast(d, { key = "k" })
            end }
            """,
            loops: loops
        )
        let client = try house.connect()
        house.run()
        client.transport.room = 0
        client.send(String(repeating: "x", count: 10_000))
        house.run()
        client.send("report")
        house.run()
        #expect(house.log.texts(.info) == ["\(6 + 2 * 10_004)"])
        client.transport.makeRoom()
        house.run()
        client.send("report")
        house.run()
        #expect(house.log.texts(.info).last == "0")
        #expect(client.texts.count == 3)
    }

    /// What is dropped because broadcasts wait before it is not said to be accepted.
    @Test(arguments: [1, 2])
    func saysThatWhatIsDroppedBehindBroadcastsIs(loops: Int) throws {
        var configuration = RouteConfiguration()
        configuration.slow = .drop
        let house = try TestHouse(
            """
            local data = ("x"):rep(100000)
            return { message = function(c, d)
              if d == "all" then for i = 1, 150 do ws.broadcast(data) end return end
              local accepted = 0
              for i = 1, 40 do if c:send(data) then accepted = accepted + 1 end end
              print(accepted, c.buffered)
            end }
            """,
            loops: loops,
            configuration: configuration
        )
        let client = try house.connect()
        house.run()
        client.transport.room = 0
        client.send("all")
        house.run()
        client.send("send")
        house.run()
        let lines = house.log.texts(.info).filter { !$0.hasPrefix("message dropped") }
        #expect(lines == ["0\t\(10 * 100_010)"])
        while client.transport.later != nil { client.transport.makeRoom() }
        #expect(client.texts.count == 10)
    }

    /// The line of the log counts the frame for which there was no room.
    @Test(arguments: [1, 2], [SlowPolicy.close, .drop])
    func saysHowMuchWouldHaveWaited(loops: Int, slow: SlowPolicy) throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 1000
        configuration.slow = slow
        let house = try TestHouse(
            "return { message = function(c, d) for i = 1, 3 do ws.broadcast(('x'):rep(400)) end c:send(d) end }",
            loops: loops,
            configuration: configuration
        )
        let client = try house.connect()
        house.run()
        client.transport.room = 0
        client.send("go")
        house.run()
        let start = slow == .close ? "closed" : "message dropped"
        let lines = house.log.texts(.info)
        #expect(lines.contains("\(start): 1212 bytes wait for a peer that reads too slowly"), "\(lines)")
    }

    @Test func saysHowMuchOneEventWouldHaveBuffered() throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 1000
        let house = try TestHouse(
            "return { message = function(c, d) while c:send(('x'):rep(398)) do end end }",
            configuration: configuration
        )
        let client = try house.connect()
        client.transport.room = 0
        client.send("go")
        #expect(house.log.texts(.info) == ["closed: 1206 bytes wait for a peer that reads too slowly"])
    }

    /// The kernel is asked before a peer is closed as too slow, with TLS too.
    @Test(arguments: [true, false])
    func oneEventMaySendMoreThanTheLimitToAFastReader(writesDirectly: Bool) throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 10_000
        let house = try TestHouse(
            """
            return { message = function(c)
              local sent = 0
              while sent < 40 and c:send(("x"):rep(996)) do sent = sent + 1 end
              print(sent)
            end }
            """,
            configuration: configuration
        )
        let (fast, slow) = (try house.connect(), try house.connect())
        fast.transport.writesDirectly = writesDirectly
        fast.send("go")
        #expect(fast.texts.count == 40)
        slow.transport.writesDirectly = writesDirectly
        slow.transport.room = 15_000
        slow.send("go")
        // What is sent without TLS need not fit as a whole.
        #expect(house.log.texts(.info).filter { !$0.hasPrefix("closed") } == ["40", writesDirectly ? "25" : "20"])
        while slow.transport.later != nil { slow.transport.makeRoom() }
        #expect(slow.texts.count == (writesDirectly ? 25 : 20))
        #expect(slow.close == .close(1013, "too slow: more than 10000 bytes wait to be sent"))
        #expect(house.ledger.bytes == 0)
    }

    /// Whether a peer reads cannot be told of one that is gone.
    @Test(arguments: [1, 2], [true, false])
    func aBrokenPeerIsNotASlowOne(loops: Int, writesDirectly: Bool) throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 1000
        let house = try TestHouse(
            """
            local function send(c)
              for i = 1, 15 do
                local ok, why = c:send(("x"):rep(100))
                if not ok then print(why) return end
              end
            end
            return { message = send, close = function(c, code) print(code) end }
            """,
            loops: loops,
            configuration: configuration
        )
        let client = try house.connect()
        house.run()
        client.transport.writesDirectly = writesDirectly
        client.transport.isBroken = true
        client.send("go")
        house.run()
        // A script on another loop hears of it only by the end.
        #expect(house.log.texts(.info) == (loops == 1 ? ["closed", "1006"] : ["1006"]))
        #expect(client.transport.wasReset)
        for worker in house.workers {
            #expect(worker.counters[.exceeded(.buffered)] == 0 && worker.counters[.messagesDropped] == 0)
        }
        #expect(house.ledger.bytes == 0)
    }

    // MARK: - Rates

    private func limited(_ flood: FloodPolicy, rate: Int = 20, burst: Int = 0) -> RouteConfiguration {
        var configuration = RouteConfiguration()
        configuration.messageRate = rate
        configuration.messageBurst = burst
        configuration.flood = flood
        return configuration
    }

    @Test(arguments: [1, 2])
    func closesAPeerThatSendsTooMuch(loops: Int) throws {
        let house = try TestHouse(echo, loops: loops, configuration: self.limited(.close))
        let client = try house.connect()
        house.run()
        client.send((0..<50).map(String.init))
        client.send("late")
        house.run()
        #expect(client.texts == (0..<40).map(String.init))
        #expect(client.close == .close(1008, "rate limit: 20 messages/s"))
        #expect(client.transport.isOutputShut && client.transport.isReading)
    }

    @Test func lets20MessagesASecondThrough() throws {
        let house = try TestHouse(echo, configuration: self.limited(.close, burst: 5))
        let client = try house.connect()
        for _ in 0..<100 {
            client.send((0..<5).map(String.init))
            house.advance(by: .milliseconds(250))
        }
        #expect(client.texts.count == 500)
        #expect(client.close == nil)
    }

    /// Everything arrives, in order, at the rate.
    @Test(arguments: [1, 2], [0, 1])
    func slowsAPeerThatSendsTooMuch(loops: Int, burst: Int) throws {
        let house = try TestHouse(echo, loops: loops, configuration: self.limited(.slow, burst: burst))
        let client = try house.connect()
        house.run()
        client.send((0..<500).map(String.init))
        house.run()
        let first = client.texts.count
        #expect(first == (burst == 0 ? 40 : 11))
        #expect(!client.transport.isReading)
        for _ in 0..<40 {
            for loop in house.loops { loop.advanceTime(by: .milliseconds(250)) }
            house.run()
        }
        #expect(client.texts == (0..<first + 200).map(String.init))
        house.advance(by: .seconds(60))
        #expect(client.texts == (0..<500).map(String.init))
        #expect(client.transport.isReading)
    }

    /// Or a client would send as much as it likes by leaving each time.
    @Test func leavingDoesNotLeadAroundTheRate() throws {
        let house = try TestHouse(
            "return { message = function(c, d) print(d) end, close = function(c, code) print(code) end }",
            configuration: self.limited(.slow, rate: 1)
        )
        let client = try house.connect()
        client.send((0..<50).map(String.init))
        #expect(house.log.texts(.info) == ["0", "1"])
        client.transport.close()
        house.run()
        let dropped = "input dropped: the peer is gone and has sent more than 1 messages/s"
        #expect(house.log.texts(.info) == ["0", "1", dropped, "1006"])
        #expect(house.workers[0].counters[.exceeded(.queueDropped)] == 1)
        #expect(house.ledger.bytes == 0)
    }

    /// Nor around the queue: what a peer that is gone has sent is taken as far as it fits in.
    @Test(arguments: [1, 2])
    func leavingDoesNotLeadAroundTheQueue(loops: Int) throws {
        let house = try TestHouse(
            "return { message = function(c, d) if d == '0' then ws.sleep(0.3) end print(d) end }",
            loops: loops
        )
        let client = try house.connect()
        house.run()
        client.send((0..<20_000).map(String.init))
        client.transport.close()
        #expect(house.ledger.bytes < 100_000)
        house.advance(by: .seconds(1))
        let told = house.log.texts(.info).filter { Int($0) != nil }
        #expect(told == (0..<(loops == 1 ? 65 : 64)).map(String.init))
        #expect(house.workers[0].counters[.exceeded(.queueDropped)] == 1)
        #expect(house.ledger.bytes == 0)
    }

    /// A little that is held must not keep all that one read brought, out of the account.
    @Test func holdsNoMoreThanItAccountsFor() throws {
        let house = try TestHouse(echo, configuration: self.limited(.slow, rate: 1))
        let client = try house.connect()
        var burst = ByteBufferAllocator().buffer(capacity: 64 * 1024)
        for number in 0..<5 { burst.writeImmutableBuffer(client.frame(String(number))) }
        client.connection.receive(burst)
        #expect(!client.transport.isReading)
        #expect(client.connection.heldCapacity < 200)
        #expect(house.ledger.bytes == client.connection.heldCapacity)
    }

    @Test func keepAliveDoesNotCountThePauseAgainstThePeer() throws {
        var configuration = self.limited(.slow, rate: 1)
        configuration.keepAliveInterval = .milliseconds(250)
        configuration.keepAliveTimeout = .milliseconds(250)
        let house = try TestHouse(echo, configuration: configuration)
        let client = try house.connect()
        client.send((0..<20).map(String.init))
        house.advance(by: .seconds(15))
        #expect(!client.transport.isClosed)
        #expect(client.texts.count >= 16)
    }

    /// Its Pong lies unread behind what the rate holds back, also at the moment in which the next message may come.
    @Test(arguments: [1, 2, 10])
    func keepAliveLetsASlowedPeerLive(rate: Int) throws {
        let house = try TestHouse(echo, configuration: self.limited(.slow, rate: rate, burst: 1))
        let client = try house.connect()
        client.send((0..<rate * 100).map(String.init))
        house.advance(by: .seconds(98))
        #expect(!client.transport.isClosed)
        // Once it is read again its silence counts.
        house.advance(by: .seconds(50))
        #expect(client.transport.isClosed)
    }

    // MARK: - Slow senders

    /// W8: the time of a message runs from its first frame, whatever trickles in.
    @Test func aByteASecondDoesNotStretchTheTimeOfAMessage() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        client.feed([0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0])
        for _ in 0..<58 {
            client.feed([0])
            house.advance(by: .milliseconds(900))
        }
        #expect(client.close == nil)
        house.advance(by: .seconds(8))
        client.take()
        #expect(client.close == .close(1008, "message not finished in time: the limit is 60.0 seconds"))
        #expect(house.ledger.bytes == 0)
    }

    // MARK: - The Close of a violation

    /// A peer that sends before it reads has to get rid of what it sends before it can see the Close.
    @Test func readsOnAfterAViolationThoughItsOutputIsStuck() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        client.transport.room = 0
        var burst = client.frame(String(repeating: "x", count: 100_000))
        burst.writeBytes([0x81, 0x01, 0x41])
        client.feed(burst)
        #expect(client.transport.isReading)
        for _ in 0..<20 { client.feed(Array(repeating: 0xFF, count: 500_000)) }
        #expect(!client.transport.isClosed)
        #expect(house.ledger.bytes < 110_000)
        while client.transport.later != nil { client.transport.makeRoom() }
        #expect(client.close == .close(1002, ProtocolViolation.unmaskedFrame.sentence))
        #expect(client.transport.isOutputShut)
    }
}
