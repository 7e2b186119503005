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

private let echo = "return { message = function(conn, data, kind) conn:send(data, kind) end }"

/// Tells every event in a line of text that a test can read back with the message `report`.
private let recorder = """
    local seen = {}
    local r = {}
    function r.connect(conn, req) seen[#seen + 1] = "connect" end
    function r.message(conn, data, kind)
      if data == "report" then conn:send(table.concat(seen, " ")) return end
      if data == "bye" then conn:close(4001, "so long") return end
      seen[#seen + 1] = data
    end
    function r.drain(conn) seen[#seen + 1] = "drain" end
    function r.close(conn, code, reason, clean)
      seen[#seen + 1] = "close:" .. code .. ":" .. reason .. ":" .. tostring(clean)
    end
    return r
    """

struct ConnectionTests {
    @Test func sendsTheAnswerBeforeAnythingElse() throws {
        let house = try TestHouse("return { connect = function(conn) conn:send('hello') end }")
        let client = try house.connect()
        house.run()
        #expect(client.texts == ["hello"])
        #expect(client.answer == "101\n")
    }

    @Test func answersABurstInOneWrite() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        let before = client.transport.writes
        client.send((0..<16).map(String.init))
        #expect(client.texts == (0..<16).map(String.init))
        #expect(client.transport.writes == before + 1)
    }

    /// However much of it the kernel takes, and of what is before and behind it.
    @Test(arguments: [Int.max, 0, 3, 6, 10, 11, 40_000, 60_015])
    func sendsALargeMessageWithoutGatheringIt(room: Int) throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        let before = client.transport.writes
        let texts = ["first", String(repeating: "x", count: 60_000), "last"]
        client.transport.room = room
        client.send(texts)
        if room == .max {
            // The frames up to the large one, and those behind it.
            #expect(client.transport.writes == before + 2)
        }
        while client.transport.later != nil { client.transport.makeRoom() }
        #expect(client.texts == texts)
        #expect(house.workers[0].counters[.messagesSent] == 3)
        #expect(house.ledger.bytes == 0)
    }

    @Test func tellsTheScriptOfALargeMessageToABrokenPeer() throws {
        let house = try TestHouse(
            "return { message = function(c, data) print(select('#', c:send(data)), select(2, c:send(data))) end }"
        )
        let client = try house.connect()
        house.run()
        client.transport.isBroken = true
        client.send(String(repeating: "x", count: 60_000))
        #expect(house.log.texts(.info) == ["2\tclosed"])
        #expect(client.transport.wasReset)
        #expect(house.workers[0].counters[.messagesSent] == 0)
    }

    @Test func keepsOrderWhenTheKernelPushesBack() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        let texts = (0..<400).map { "\($0):" + String(repeating: "x", count: 300) }
        for (index, text) in texts.enumerated() {
            client.transport.room = index % 7 == 0 ? 0 : 211
            client.send(text)
            if index % 5 == 0 { client.transport.makeRoom(97) }
            if !client.transport.isReading { client.transport.makeRoom() }
        }
        while client.transport.later != nil { client.transport.makeRoom() }
        #expect(client.texts == texts)
    }

    @Test func givesTheTransportOneChunkOfAtMost64KiBAtATime() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        client.transport.room = 0
        client.send(binary: Array(repeating: 1, count: 200_000))
        #expect(client.transport.later?.readableBytes == 64 * 1024)
    }

    @Test func stopsReadingAboveTheSoftLimitAndTellsTheScriptWhenItIsOver() throws {
        let house = try TestHouse(
            "local n = 0 return { message = function(c, d) if d == 'n' then c:send(tostring(n)) else c:send(d) end end,"
                + " drain = function(c) n = n + 1 end }"
        )
        let client = try house.connect()
        client.transport.room = 0
        client.send(String(repeating: "x", count: 70_000))
        #expect(!client.transport.isReading)
        client.transport.makeRoom()
        #expect(client.transport.isReading)
        client.send("n")
        #expect(client.texts.last == "1")
    }

    @Test func closesWith1013BeyondTheHardLimit() throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 100_000
        let house = try TestHouse(
            "return { message = function(c, d) for i = 1, 5 do if c:send(d) == nil then return end end end }",
            configuration: configuration
        )
        let client = try house.connect()
        client.transport.room = 0
        client.send(String(repeating: "x", count: 40_000))
        house.run()
        while client.transport.later != nil { client.transport.makeRoom() }
        #expect(client.texts.count == 2)
        #expect(client.close == .close(1013, "too slow: more than 100000 bytes wait to be sent"))
    }

    @Test func asksTheKernelBeforeItCallsAClientTooSlow() throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 1000
        let house = try TestHouse(
            "return { message = function(c, d) c:send(d) c:send(tostring(c.open)) end }",
            configuration: configuration
        )
        let client = try house.connect()
        client.send([String(repeating: "x", count: 5000), "y"])
        #expect(client.texts == [String(repeating: "x", count: 5000), "true", "y", "true"])
    }

    @Test(arguments: [1, 2])
    func theAnswerToTheHandshakeIsNotTheScriptsOutput(loops: Int) throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 1000
        let house = try TestHouse(
            "return { connect = function(c) print(c.buffered) c:send(('x'):rep(5000)) end }",
            loops: loops,
            configuration: configuration
        )
        let client = try house.connect()
        house.run()
        #expect(client.texts == [String(repeating: "x", count: 5000)])
        #expect(house.log.texts(.info) == ["0"])
    }

    @Test func letsOneFrameLargerThanTheHardLimitThroughWhenNothingWaits() throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 1000
        let house = try TestHouse(echo, configuration: configuration)
        let client = try house.connect()
        client.transport.room = 0
        client.send(String(repeating: "x", count: 5000))
        client.transport.makeRoom()
        #expect(client.texts == [String(repeating: "x", count: 5000)])
    }

    /// The first Pong takes its place behind what waits; while it waits, only the latest of the other Pings is remembered.
    @Test func queuesOnePongWhileTheKernelPushesBack() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        client.transport.room = 0
        client.send("first")
        for index in 0..<5 { client.ping("\(index)") }
        client.send("second")
        while client.transport.later != nil { client.transport.makeRoom() }
        client.take()
        #expect(client.received == [.text("first"), .pong, .text("second"), .pong])
    }

    @Test func answersAPingThoughTheQueueIsNeverEmpty() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        client.transport.room = 0
        client.send("a")
        client.ping()
        for index in 0..<10 {
            client.send("\(index)")
            client.transport.makeRoom(1)
        }
        client.take()
        #expect(client.received.contains(.pong))
        #expect(client.transport.later != nil)
    }

    @Test func answersEveryPingWhileThereIsRoom() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        for _ in 0..<5 { client.ping() }
        client.take()
        #expect(client.received == Array(repeating: .pong, count: 5))
    }

    // MARK: - Closing

    @Test func echoesThePeersCloseAndShutsItsSide() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        client.sendClose(CloseCode(rawValue: 3000), "done")
        #expect(client.close == .close(3000, ""))
        #expect(client.transport.isOutputShut)
        #expect(!client.transport.isClosed)
    }

    @Test func tellsTheScriptOfEachEndOnce() throws {
        let house = try TestHouse(recorder)
        let witness = try house.connect()

        let polite = try house.connect()
        polite.sendClose(CloseCode(rawValue: 3000), "done")
        polite.transport.close()
        let vanished = try house.connect()
        vanished.transport.close()
        let silent = try house.connect()
        silent.sendClose(nil)
        silent.transport.close()
        let dismissed = try house.connect()
        dismissed.send("bye")
        house.run()
        dismissed.acknowledgeClose()
        dismissed.transport.close()
        let rude = try house.connect()
        rude.feed([0x81, 0x01, 0x41])
        rude.transport.close()

        house.run()
        witness.send("report")
        #expect(
            witness.texts == [
                [
                    "connect connect close:3000:done:true connect close:1006::false connect close:1005::true",
                    "connect close:4001:so long:true connect close:1002:"
                        + ProtocolViolation.unmaskedFrame.sentence + ":false",
                ].joined(separator: " ")
            ]
        )
    }

    /// The VM lives on another loop, so both messages and the end are read before the script sees anything.
    @Test func answersWhatCameBeforeTheEndBeforeItsClose() throws {
        let house = try TestHouse(echo, loops: 2)
        let polite = try house.connect()
        polite.send(["a", "b"])
        // As raw bytes: the core's client would not look at messages behind its own Close.
        polite.feed([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8])
        let rude = try house.connect()
        rude.send("c")
        rude.feed([0xB1, 0x80, 0, 0, 0, 0])
        house.run()
        #expect(polite.texts == ["a", "b"])
        #expect(polite.close == .close(1000, ""))
        #expect(rude.texts == ["c"])
        #expect(rude.close == .close(1002, ProtocolViolation.reservedBits.sentence))
        #expect(polite.transport.isOutputShut && rude.transport.isOutputShut)
    }

    /// As much of it as the queue holds; when all of it does, its Close, too.
    @Test(arguments: [(64, "0 1 2 3 4 5 6 7 8 9 close:3000::true"), (2, "0 1 close:1006::false")])
    func givesTheScriptWhatWasReadBeforeThePeerVanished(queueMessages: Int, told: String) throws {
        var configuration = RouteConfiguration()
        configuration.queueMessages = queueMessages
        let house = try TestHouse(recorder, loops: 2, configuration: configuration)
        let witness = try house.connect()
        house.run()
        let client = try house.connect()
        var burst = ByteBuffer()
        for index in 0..<10 { burst.writeImmutableBuffer(client.frame("\(index)")) }
        burst.writeBytes([0x88, 0x82, 0, 0, 0, 0, 0x0B, 0xB8])
        client.feed(burst)
        #expect(client.transport.isReading == (queueMessages > 10))
        client.transport.close()
        house.run()
        witness.send("report")
        house.run()
        #expect(witness.texts == ["connect connect \(told)"])
        #expect(house.ledger.bytes == 0)
    }

    @Test func endsAConnectionWhoseInputItCannotHold() throws {
        var configuration = RouteConfiguration()
        configuration.queueMessages = 2
        configuration.queueBytes = 1000
        let house = try TestHouse(recorder, loops: 2, configuration: configuration)
        let witness = try house.connect()
        house.run()
        let client = try house.connect()
        client.send(["first", "second", "third"])
        client.feed(ByteBuffer(repeating: 0, count: 70_000))
        #expect(client.transport.wasReset)
        house.run()
        witness.send("report")
        house.run()
        #expect(witness.texts == ["connect connect first second close:1006::false"])
        #expect(house.ledger.bytes == 0)
    }

    /// The server closes, as at shutdown: what the peer had sent before is not lost.
    @Test(arguments: [1, 2])
    func theScriptGetsWhatCameBeforeTheServersOwnClose(loops: Int) throws {
        var configuration = RouteConfiguration()
        configuration.eventCPU = .seconds(5)
        let house = try TestHouse(
            """
            return { message = function(conn, data)
              if data == "burn" then for _ = 1, 3e7 do end end
              print(data, tostring(conn:send("x")))
            end }
            """,
            loops: loops,
            configuration: configuration,
            sliceTicks: 1
        )
        let client = try house.connect()
        client.send(["burn", "a"])
        client.connection.close(code: .goingAway, reason: "")
        for _ in 0..<4 {
            for loop in house.loops { loop.advanceTime(by: .microseconds(200)) }
            house.run()
        }
        let messages = house.log.texts(.info).map { $0.prefix { $0 != "\t" } }
        #expect(messages == ["burn", "a"])
    }

    @Test func doesNotWaitLongerThanTheCloseTimeoutForTheScript() throws {
        let house = try TestHouse(echo, loops: 2)
        let client = try house.connect()
        client.send("a")
        client.sendClose()
        for _ in 0..<22 { house.loops[0].advanceTime(by: .milliseconds(250)) }
        #expect(client.texts == [])
        #expect(client.close == .close(1000, ""))
    }

    @Test func sendsWhatWasAcceptedBeforeAClose() throws {
        let house = try TestHouse(
            "return { message = function(c, d) c:send('a') c:send('b') c:close() print(c:send('c')) end }"
        )
        let client = try house.connect()
        client.send(["x", "y"])
        house.run()
        #expect(client.texts == ["a", "b"])
        #expect(client.close == .close(1000, ""))
    }

    @Test func resetsAPeerThatDoesNotAnswerTheClose() throws {
        let house = try TestHouse("return { message = function(c) c:close() end }")
        let client = try house.connect()
        client.send("x")
        house.run()
        house.advance(by: .seconds(4))
        #expect(!client.transport.isClosed)
        house.advance(by: .seconds(2))
        #expect(client.transport.wasReset)
    }

    @Test func readsOnAfterAViolationButDoesNotLook() throws {
        let house = try TestHouse(recorder)
        let client = try house.connect()
        client.feed([0x81, 0x01, 0x41])
        #expect(client.close == .close(1002, ProtocolViolation.unmaskedFrame.sentence))
        #expect(client.transport.isOutputShut)
        // A reset would overtake the Close of a peer that is still sending; the time is what ends it.
        for _ in 0..<20 { client.feed(Array(repeating: 0, count: 500_000)) }
        #expect(!client.transport.isClosed)
        #expect(client.transport.isReading)
        house.advance(by: .seconds(6))
        #expect(client.transport.wasReset)
    }

    @Test func pingsASilentPeerAndDropsItAfter45Seconds() throws {
        let house = try TestHouse(recorder)
        let client = try house.connect()
        house.advance(by: .seconds(24))
        client.take()
        #expect(client.received.isEmpty)
        house.advance(by: .seconds(2))
        client.take()
        #expect(client.received == [.ping])
        house.advance(by: .seconds(17))
        #expect(!client.transport.isClosed)
        house.advance(by: .seconds(3))
        #expect(client.transport.wasReset)
    }

    @Test func aSlowReaderIsAliveAsLongAsItTakesSomething() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        client.transport.room = 0
        client.send(String(repeating: "x", count: 100_000))
        #expect(!client.transport.isReading)
        for step in 1...10 {
            client.transport.unacknowledgedBytes = 60_000 - step
            house.advance(by: .seconds(20))
        }
        #expect(!client.transport.isClosed)
        house.advance(by: .seconds(80))
        #expect(client.transport.wasReset)
    }

    @Test func theTimeOfAMessageDoesNotRunWhileItIsNotRead() throws {
        var configuration = RouteConfiguration()
        configuration.messageTime = .seconds(10)
        let house = try TestHouse(echo, configuration: configuration)
        let client = try house.connect()
        var late = client.frame("late")
        client.transport.room = 0
        client.send(String(repeating: "x", count: 100_000))
        client.feed(late.readSlice(length: 8)!)
        for step in 1...6 {
            client.transport.unacknowledgedBytes = step
            house.advance(by: .seconds(5))
        }
        client.transport.makeRoom()
        house.run()
        #expect(client.transport.isReading)
        client.feed(late)
        #expect(client.texts.last == "late")
    }

    @Test func anyByteKeepsAPeerAlive() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        for _ in 0..<12 {
            house.advance(by: .seconds(20))
            client.send("x")
        }
        client.take()
        #expect(client.received == Array(repeating: .text("x"), count: 12))
    }

    @Test func abandonsATransportThatBreaks() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        client.transport.isBroken = true
        client.send("x")
        #expect(client.transport.isClosed)
        #expect(house.workers[0].connections.count == 0)
    }

    @Test func anIDThatOutlivesItsConnectionReachesNobody() throws {
        let house = try TestHouse(
            "local old return { message = function(c, d) if d == 'keep' then old = c"
                + " else local ok, why = old:send('leak') c:send(tostring(ok) .. why) end end }"
        )
        let first = try house.connect()
        first.send("keep")
        let slot = first.id.rawValue >> 32
        first.transport.close()
        house.run()
        let second = try house.connect()
        #expect(second.id.rawValue >> 32 == slot)
        second.send("try")
        #expect(second.texts == ["nilclosed"])
    }

    @Test func aConnectionThatTheServerClosesIsNotOpenForTheScript() throws {
        var configuration = RouteConfiguration()
        configuration.buffered = 1000
        let house = try TestHouse(
            """
            return { message = function(c, d)
              if d == "all" then
                ws.broadcast(("x"):rep(600))
                ws.broadcast(("y"):rep(600))
              else
                local open = 0
                for conn in ws.conns() do if conn.open then open = open + 1 end end
                c:send(open .. " " .. ws.broadcast("z", { except = c }))
              end
            end }
            """,
            configuration: configuration
        )
        let (slow, fast) = (try house.connect(), try house.connect())
        slow.transport.room = 0
        fast.send("all")
        house.run()
        fast.send("count")
        house.run()
        #expect(fast.texts.last == "1 0")
    }

    @Test(arguments: [1, 2])
    func aBroadcastInCloseDoesNotReachTheOneThatLeaves(loops: Int) throws {
        let house = try TestHouse("return { close = function() ws.broadcast('left') end }", loops: loops)
        let (stays, leaves) = (try house.connect(), try house.connect())
        house.run()
        leaves.feed([0x88, 0x80, 0, 0, 0, 0])
        house.run()
        #expect(stays.texts == ["left"])
        #expect(leaves.texts == [])
        #expect(leaves.close == .close(nil, ""))
    }

    // MARK: - Accounting

    @Test func keepsNoBufferOnceAMessageIsDone() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        var large = client.frame(String(repeating: "x", count: 50_000))
        client.feed(large.readSlice(length: 20_000)!)
        client.feed(large)
        #expect(client.texts.count == 1)
        #expect(house.ledger.bytes == 0)
    }

    @Test func accountsForWhatItHoldsAndGivesItBack() throws {
        let house = try TestHouse(echo)
        let client = try house.connect()
        client.transport.room = 0
        client.send(String(repeating: "x", count: 10_000))
        #expect(house.ledger.bytes == 10_004)
        client.transport.makeRoom()
        #expect(house.ledger.bytes == 0)
        var cut = client.frame(String(repeating: "y", count: 1000))
        client.feed(cut.readSlice(length: 508)!)
        #expect(house.ledger.bytes == 500)
        client.transport.close()
        #expect(house.ledger.bytes == 0)
    }

    @Test func shedsTheLargestWhenAllBuffersAreFull() throws {
        let house = try TestHouse(echo, bufferedTotal: 50_000)
        let small = try house.connect()
        let large = try house.connect()
        small.transport.room = 0
        large.transport.room = 0
        small.send(String(repeating: "x", count: 10_000))
        large.send(String(repeating: "x", count: 30_000))
        house.run()
        #expect(!large.transport.isClosed)
        small.send(String(repeating: "x", count: 12_000))
        house.run()
        #expect(large.transport.wasReset)
        #expect(!small.transport.isClosed)
        #expect(house.ledger.bytes == 22_008)
    }

    /// Those that grow in one turn may pass the limit together, and then be silent.
    @Test func shedsUntilAllBuffersFit() throws {
        let house = try TestHouse(echo, bufferedTotal: 50_000)
        let clients = try (0..<5).map { _ in try house.connect() }
        for client in clients {
            client.transport.room = 0
            client.send(String(repeating: "x", count: 20_000))
        }
        house.run()
        #expect(clients.filter(\.transport.wasReset).count == 3)
        #expect(house.ledger.bytes == 40_008)
    }

    /// Ending many takes time: the loop looks at its sockets in between.
    @Test func shedsSoManyInATurnOfTheLoop() throws {
        let house = try TestHouse(echo, bufferedTotal: 100_000)
        let count = 2 * Worker.shedLimit + 1
        let clients = try (0..<count).map { _ in try house.connect() }
        for (number, client) in clients.enumerated() {
            client.transport.room = 0
            client.send(String(repeating: "x", count: 700 + number))
        }
        #expect(house.ledger.bytes < 100_100)
        _ = house.ledger.add(100_000, worker: 0)
        clients[count - 1].send("y")
        house.run()
        #expect(clients.map(\.transport.wasReset) == (0..<count).map { $0 >= count - Worker.shedLimit })
        house.workers[0].nextTurn()
        house.run()
        #expect(clients.map(\.transport.wasReset) == (0..<count).map { $0 >= 1 })
        house.workers[0].nextTurn()
        house.run()
        #expect(clients.map(\.transport.wasReset) == Array(repeating: true, count: count))
        #expect(house.ledger.bytes == 100_000)
    }

    /// What went from loop to loop is nobody's when it has arrived.
    @Test func mailLeavesEachLoopsAccountEven() throws {
        let script = "return { message = function(c, d) c:send(('x'):rep(30000)) ws.broadcast(('x'):rep(30000)) end }"
        let house = try TestHouse(script, loops: 2, bufferedTotal: 100_000)
        let client = try house.connect()
        house.run()
        for _ in 0..<3 {
            client.send("go")
            house.run()
        }
        #expect(client.texts.count == 6 && house.ledger.bytes == 0)
        #expect(house.ledger.add(100_001, worker: 0) == 0)
    }

    /// The loop of a script may hold the most and have no connection to end.
    @Test func shedsWhereThereIsSomethingToEnd() throws {
        let house = try TestHouse("return { message = function() end }", loops: 2, bufferedTotal: 50_000)
        let client = try house.connect()
        house.run()
        _ = house.ledger.add(48_000, worker: 1)
        var cut = client.frame(String(repeating: "y", count: 5000))
        client.feed(cut.readSlice(length: 4000)!)
        house.run()
        house.workers[0].nextTurn()
        house.run()
        #expect(client.transport.wasReset)
        #expect(house.ledger.bytes == 48_000)
    }
}
