//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

/// A server and a client that compress for each other.
struct CompressedConversationTests {
    private static let texts = [
        "", "a", "aa", "Hello", String(repeating: "Hello ", count: 100), String(repeating: "κόσμε 😀 ", count: 3000),
        String(repeating: "x", count: 70_000), "Hello",
    ]

    private func converse(_ parameters: DeflateParameters, level: Int, seed: UInt64) {
        let (pool, otherPool) = (DeflatePool(), DeflatePool())
        let server = Endpoint(deflate: parameters, pool: pool)
        let client = Endpoint(.client(seed: seed), deflate: parameters, pool: otherPool)
        var generator = SeededGenerator(seed: seed)
        for round in 0..<3 {
            var sent = Self.texts.map { Observed.text($0) }
            for size in [2, 100, 5000, 40_000] {
                sent.append(.message(.binary, generator.bytes(size)))
                sent.append(.message(.binary, [UInt8](repeating: UInt8(round), count: size)))
            }
            for (from, to) in [(server, client), (client, server)] {
                for case .message(let kind, let payload) in sent {
                    from.writeMessage(payload, as: kind, level: level)
                    let bytes = from.takeOutput()
                    #expect(bytes.count <= payload.count + 14)
                    let splits = [Int.random(in: 0...bytes.count, using: &generator)]
                    #expect(to.receive(bytes, splitAt: splits) == [.message(kind, payload)])
                }
            }
        }
        #expect(pool.lentInflaters == 0 && otherPool.lentInflaters == 0)
    }

    @Test(arguments: UInt8(9)...15)
    func agreesWithEveryWindow(bits: UInt8) {
        for (server, client) in [(true, true), (true, false), (false, true), (false, false)] {
            for (level, other) in [(1, UInt8(15)), (6, 9)] {
                let parameters = DeflateParameters(
                    serverNoContextTakeover: server,
                    clientNoContextTakeover: client,
                    serverMaxWindowBits: bits,
                    clientMaxWindowBits: other
                )
                converse(parameters, level: level, seed: UInt64(bits))
            }
        }
    }

    /// RFC 7692 section 7.2.3.1 and 7.2.3.2, byte for byte; zlib makes what the RFC shows.
    @Test func writesTheExamplesOfTheRFC() {
        let pool = DeflatePool()
        let hello = Array("HelloHelloHello".utf8)
        let fresh = Endpoint(deflate: DeflateParameters(), pool: pool)
        fresh.writeMessage(hello)
        let first = fresh.takeOutput()
        #expect(first.first == 0xC1)
        fresh.writeMessage(hello)
        #expect(fresh.takeOutput() == first, "without a context that is taken over messages are alike")
        let keeping = Endpoint(deflate: InflationTests.takeover, pool: pool)
        keeping.writeMessage(hello)
        #expect(keeping.takeOutput() == first)
        keeping.writeMessage(hello)
        let second = keeping.takeOutput()
        #expect(second.count < first.count, "the second message refers to the first")
    }

    @Test func sendsPlainWhatWouldNotShrink() {
        var generator = SeededGenerator(seed: 8)
        for parameters in [DeflateParameters(), InflationTests.takeover] {
            let server = Endpoint(deflate: parameters, pool: DeflatePool())
            let client = Endpoint(.client(seed: 1), deflate: parameters, pool: DeflatePool())
            let text = [UInt8](repeating: 0x61, count: 500)
            for payload in [generator.bytes(1000), text, generator.bytes(70_000), text, [], [0x61], text] {
                server.writeMessage(payload, as: .binary)
                let bytes = server.takeOutput()
                #expect((bytes[0] & 0x40 != 0) == (payload == text))
                #expect(client.receive(bytes) == [.message(.binary, payload)])
            }
        }
    }

    @Test func compressesNothingThatWasNotAgreed() {
        let endpoint = Endpoint(pool: DeflatePool())
        #expect(endpoint.connection.sharedWindowBits == nil)
        endpoint.writeMessage([UInt8](repeating: 0x61, count: 100))
        #expect(endpoint.takeOutput().first == 0x81)
    }
}
