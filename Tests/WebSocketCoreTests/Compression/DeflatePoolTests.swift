//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct DeflatePoolTests {
    private static let begin = RawFrame(opcode: 1, payload: [0xF2, 0x48], isFinal: false, reserved: 4)
    private static let end = RawFrame(opcode: 0, payload: [0xCD, 0xC9, 0xC9, 0x07, 0x00])

    /// A connection that agreed and is idle holds no state, whatever it has received and sent (W12).
    @Test func lendsForTheTimeOfAMessage() {
        let pool = DeflatePool()
        let endpoints = (0..<100).map { _ in Endpoint(deflate: DeflateParameters(), pool: pool) }
        #expect(pool.byteCount == 0)
        for endpoint in endpoints {
            #expect(endpoint.receive(Self.begin, Self.end) == [.text("Hello")])
            endpoint.writeMessage([UInt8](repeating: 0x61, count: 1000))
            endpoint.connection.releaseIdleMemory()
            #expect(endpoint.connection.compressionBytes == 0 && endpoint.connection.bufferCapacity == 0)
        }
        #expect(pool.lentInflaters == 0)
        #expect(pool.idleInflaters == 1, "one after the other they use the same")
    }

    @Test func keepsABoundedNumber() {
        let pool = DeflatePool()
        let endpoints = (0..<100).map { _ in Endpoint(deflate: DeflateParameters(), pool: pool) }
        for endpoint in endpoints {
            #expect(endpoint.receive(Self.begin) == [])
            #expect(endpoint.connection.compressionBytes > 32 * 1024)
        }
        #expect(pool.lentInflaters == 100 && pool.idleInflaters == 0)
        for endpoint in endpoints { #expect(endpoint.receive(Self.end) == [.text("Hello")]) }
        #expect(pool.lentInflaters == 0 && pool.idleInflaters == 8)
        #expect(pool.byteCount < 1024 * 1024)
    }

    /// However a message breaks off, its state comes back.
    @Test func getsBackWhatAMessageBorrowed() {
        let pool = DeflatePool()
        for way in 0..<5 {
            var endpoint: Endpoint? = Endpoint(deflate: DeflateParameters(), pool: pool)
            #expect(endpoint?.receive(Self.begin) == [])
            #expect(pool.lentInflaters == 1)
            switch way {
            case 0: #expect(endpoint?.receive(RawFrame(opcode: 7)) == [.violation(.reservedOpcode(7))])
            case 1: endpoint?.close(.normal)
            case 2: #expect(endpoint?.receive(.close(1000)) == [.close(1000, "")])
            case 3: endpoint?.fail(.messageTooSlow(limit: .seconds(1)))
            default: break
            }
            endpoint = nil
            #expect(pool.lentInflaters == 0, "way \(way)")
        }
        #expect(pool.idleInflaters == 1)
    }

    /// Where a context is taken over the state is the connection's own, and no other gets it.
    @Test func lendsNothingWhereAContextIsTakenOver() {
        let pool = DeflatePool()
        let small = DeflateParameters(
            serverNoContextTakeover: false,
            clientNoContextTakeover: false,
            serverMaxWindowBits: 9,
            clientMaxWindowBits: 9
        )
        for (parameters, bytes) in [(InflationTests.takeover, 40 * 1024..<512 * 1024), (small, 8 * 1024..<160 * 1024)] {
            let endpoint = Endpoint(deflate: parameters, pool: pool)
            #expect(endpoint.connection.compressionBytes == 0)
            #expect(endpoint.receive(Self.begin, Self.end) == [.text("Hello")])
            endpoint.writeMessage([UInt8](repeating: 0x61, count: 1000))
            #expect(bytes.contains(endpoint.connection.compressionBytes))
            #expect(pool.lentInflaters == 0 && pool.idleInflaters == 0)
            #expect(endpoint.connection.sharedWindowBits == nil)
        }
    }

    @Test func reusesBuffersUpToASize() throws {
        let pool = DeflatePool()
        let endpoint = Endpoint(deflate: DeflateParameters(), pool: pool)
        let large = try InflationTests.compressed([UInt8](repeating: 1, count: 300_000))
        #expect(endpoint.receive(RawFrame(opcode: 2, payload: large, reserved: 4)).count == 1)
        endpoint.connection.releaseIdleMemory()
        #expect(endpoint.connection.bufferCapacity == 0)
        #expect(pool.byteCount < 64 * 1024, "a large buffer is given back")
    }

    /// A frame for many is what each of them would have been sent.
    @Test func compressesOnceForMany() throws {
        let pool = DeflatePool()
        let text = Array(String(repeating: "shared ", count: 50).utf8)
        let endpoint = Endpoint(deflate: DeflateParameters(serverMaxWindowBits: 10), pool: pool)
        #expect(endpoint.connection.sharedWindowBits == 10)
        endpoint.writeMessage(text)
        let payload = text.withUnsafeBytes { pool.compress($0, windowBits: 10, level: 1).map(Array.init) }
        let shared = try #require(payload)
        #expect(endpoint.takeOutput() == RawFrame(opcode: 1, payload: shared, reserved: 4, key: nil).bytes)
    }
}
