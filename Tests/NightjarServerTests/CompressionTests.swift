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
import WebSocketCore

/// permessage-deflate between connections and scripts.
struct CompressionTests {
    static let takeover = DeflateParameters(serverNoContextTakeover: false, clientNoContextTakeover: false)
    private static let echo = "return { message = function(conn, data, kind) conn:send(data, kind) end }"
    private static let text = String(repeating: "one two three ", count: 300)

    @Test(arguments: [1, 2])
    func echoesInBothForms(loops: Int) throws {
        let house = try TestHouse(Self.echo, loops: loops)
        for (deflate, most) in [(nil, 5000), (DeflateParameters(), 200), (Self.takeover, 200)] {
            let client = try house.connect(deflate: deflate)
            house.run()
            client.send(compressed: Self.text)
            house.run()
            #expect(client.texts == [Self.text])
            #expect(client.receivedBytes <= most)
            client.send(compressed: "short")
            house.run()
            #expect(client.texts == [Self.text, "short"], "below the least size it goes as it is")
        }
        for worker in house.workers { #expect(worker.deflatePool.lentInflaters == 0) }
    }

    @Test func theLeastSizeIsASetting() throws {
        var configuration = RouteConfiguration()
        for (minimum, isSmall) in [(Self.text.utf8.count, true), (Self.text.utf8.count + 1, false)] {
            configuration.deflateMinimum = minimum
            let house = try TestHouse(Self.echo, configuration: configuration)
            let client = try house.connect(deflate: DeflateParameters())
            client.send(Self.text)
            #expect(client.texts == [Self.text])
            #expect((client.receivedBytes < 200) == isSmall)
        }
    }

    /// Whoever shares parameters gets the same frame; who does not gets what it can read.
    @Test(arguments: [1, 2])
    func broadcastsInEveryForm(loops: Int) throws {
        let script = "return { message = function(conn, data) ws.broadcast(data) end }"
        let house = try TestHouse(script, loops: loops)
        let parameters: [DeflateParameters?] = [
            nil, DeflateParameters(), DeflateParameters(), DeflateParameters(serverMaxWindowBits: 9), Self.takeover,
        ]
        let clients = try parameters.map { try house.connect(deflate: $0) }
        house.run()
        for round in 1...3 {
            clients[0].send(Self.text)
            house.run()
            for client in clients { #expect(client.texts == Array(repeating: Self.text, count: round)) }
        }
        #expect(clients[0].receivedBytes > 3 * Self.text.utf8.count)
        for client in clients.dropFirst() { #expect(client.receivedBytes < 600) }
        #expect(house.runner.demand.description == "0: 2, 9: 1, 15: 2")
        for client in clients { client.transport.close() }
        house.run()
        #expect(house.runner.demand.description == "")
        #expect(house.ledger.bytes == 0)
    }

    @Test func compressesNothingThatTheScriptWantsPlain() throws {
        let script = """
            return {
              message = function(conn, data)
                conn:send(data, {compress = false})
                ws.broadcast(data, {compress = false})
              end,
            }
            """
        let house = try TestHouse(script)
        for deflate in [DeflateParameters(), Self.takeover] {
            let client = try house.connect(deflate: deflate)
            client.send(compressed: Self.text)
            house.run()
            #expect(client.texts == [Self.text, Self.text])
            #expect(client.receivedBytes > 2 * Self.text.utf8.count)
            client.transport.close()
        }
    }

    /// A few bytes can mean much to inflate: the loop looks at its sockets in between, within a message too, and nothing is lost
    /// or overtaken.
    @Test func inflatesSoMuchInATurnOfTheLoop() throws {
        var configuration = RouteConfiguration()
        configuration.messageBytes = 2 * Worker.inflationLimit
        let house = try TestHouse(
            "local n = 0 return { message = function(conn, data) n = n + 1 conn:send(n .. ' ' .. #data) end }",
            configuration: configuration
        )
        let limit = Worker.inflationLimit
        let sizes = [5 * limit / 4, limit / 8, limit / 2, 5]
        let clients = try (0..<2).map { _ in try house.connect(deflate: DeflateParameters()) }
        let plain = try house.connect()
        clients[0].send(compressed: sizes.map { String(repeating: "a", count: $0) })
        #expect(clients[0].texts.isEmpty && !clients[0].transport.isReading)
        #expect(house.workers[0].deflatePool.inflatedBytes < limit + 16 * 1024)
        clients[1].send(compressed: String(repeating: "b", count: sizes[2]))
        #expect(clients[1].texts.isEmpty, "the limit is the loop's, not the connection's")
        plain.send("not compressed")
        #expect(plain.texts == ["1 14"])
        house.workers[0].nextTurn()
        // What has begun holds memory, so it is ended first; then who waits comes before the next message.
        #expect(clients[0].texts == ["2 \(sizes[0])"] && clients[1].texts == ["3 \(sizes[2])"])
        house.workers[0].nextTurn()
        #expect(clients[0].texts.dropFirst() == ["4 \(sizes[1])", "5 \(sizes[2])", "6 5"])
        for client in clients { #expect(client.transport.isReading) }
        #expect(house.ledger.bytes == 0)
    }

    /// What a peer sent before it vanished belongs to the script, within what one turn may inflate.
    @Test func inflatesAMessageOfAPeerThatIsGone() throws {
        var configuration = RouteConfiguration()
        configuration.messageBytes = 2 * Worker.inflationLimit
        let house = try TestHouse(
            "return { message = function(conn, data) print(#data) end }",
            configuration: configuration
        )
        let size = 3 * Worker.inflationLimit / 2
        let clients = try (0..<3).map { _ in try house.connect(deflate: DeflateParameters()) }
        for client in clients { client.send(compressed: String(repeating: "a", count: size)) }
        house.workers[0].deflatePool.inflatedBytes = 0
        for client in clients { client.transport.close() }
        #expect(house.log.texts(.info).filter { $0 == "\(size)" }.count == 2)
        #expect(house.workers[0].counters[.exceeded(.queueDropped)] == 1)
        #expect(house.workers[0].deflatePool.lentInflaters == 0 && house.ledger.bytes == 0)
    }

    @Test func noiseIsBroadcastAsItIs() throws {
        let house = try TestHouse(
            "return { message = function(conn, data) ws.broadcast(data, { kind = 'binary' }) end }"
        )
        let clients = try [nil, DeflateParameters(), Self.takeover].map { try house.connect(deflate: $0) }
        var state: UInt32 = 7
        let noise = (0..<3000).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
        clients[0].send(binary: noise)
        house.run()
        for client in clients {
            client.take()
            #expect(client.received == [.binary(noise)])
        }
    }

    /// What the script counts as waiting is back at nothing when all is sent, though frames were smaller than it thought.
    @Test(arguments: [1, 2])
    func countsWhatWaitsExactly(loops: Int) throws {
        let script = """
            return {
              message = function(conn, data)
                if data == "?" then conn:send(tostring(conn.buffered)) else conn:send(data) end
              end,
            }
            """
        let house = try TestHouse(script, loops: loops)
        let client = try house.connect(deflate: DeflateParameters())
        house.run()
        client.transport.room = 0
        for _ in 0..<20 {
            client.send(compressed: Self.text)
            house.run()
        }
        #expect(client.connection.bufferedBytes < 20 * 200)
        #expect(house.ledger.bytes >= client.connection.bufferedBytes)
        client.send("?")
        house.run()
        let buffered = client.connection.bufferedBytes
        client.transport.makeRoom()
        house.run()
        client.send("?")
        house.run()
        let texts = client.texts
        #expect(texts.count == 22)
        // A loop that owns the socket has the exact figure; another knows it when the frame was made.
        #expect(Int(texts[20]).map { $0 <= buffered && $0 > 0 } == true, "\(texts[20]) of \(buffered)")
        #expect(texts[21] == "0")
        #expect(house.ledger.bytes == 0)
    }

    /// An unfinished message's borrowed state counts as what its connection holds, and comes back with its end.
    @Test func accountsForBorrowedStates() throws {
        let house = try TestHouse(Self.echo)
        let client = try house.connect(deflate: DeflateParameters())
        client.feed([0x41, 0x82, 0, 0, 0, 0, 0xF2, 0x48])
        #expect(house.ledger.bytes > 32 * 1024)
        #expect(house.workers[0].deflatePool.lentInflaters == 1)
        client.feed([0x80, 0x85, 0, 0, 0, 0, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        #expect(client.texts == ["Hello"])
        #expect(house.ledger.bytes == 0)
        #expect(house.workers[0].deflatePool.lentInflaters == 0)
        client.feed([0x41, 0x82, 0, 0, 0, 0, 0xF2, 0x48])
        client.transport.close()
        house.run()
        #expect(house.ledger.bytes == 0)
    }

    @Test func closesACorruptStreamWithASentence() throws {
        let house = try TestHouse(Self.echo)
        let client = try house.connect(deflate: DeflateParameters())
        client.feed([0xC1, 0x81, 0, 0, 0, 0, 0xFF])
        #expect(client.close == .close(1007, "a compressed message is not a whole DEFLATE stream"))
    }
}
