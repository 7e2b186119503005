//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import Testing
import WebSocketCore

struct WebSocketConnectionSendingTests {
    @Test func aServerDoesNotMask() {
        let endpoint = Endpoint()
        #expect(endpoint.send(Array("hé".utf8)))
        #expect(endpoint.send([0, 1, 2], as: .binary))
        #expect(endpoint.send([], as: .text))
        let expected = [RawFrame.text("hé"), RawFrame(opcode: 2, payload: [0, 1, 2]), .text("")].map(\.unmasked)
        #expect(endpoint.takeOutput() == expected.bytes)
    }

    @Test func aClientMasksEachFrameWithANewKey() {
        for role: WebSocketConnection.Role in [.client(seed: 5), .client(seed: nil)] {
            let client = Endpoint(role)
            var keys: Set<[UInt8]> = []
            for _ in 0..<100 {
                #expect(client.send(Array("hello".utf8)))
                let bytes = client.takeOutput()
                #expect(bytes[0] == 0x81 && bytes[1] == 0x85)
                let key = Array(bytes[2..<6])
                #expect(bytes == RawFrame(opcode: 1, payload: Array("hello".utf8), key: key).bytes)
                keys.insert(key)
            }
            #expect(keys.count == 100)
        }
    }

    @Test func aSeedFixesTheKeys() {
        func output(_ seed: UInt64) -> [UInt8] {
            let client = Endpoint(.client(seed: seed))
            for _ in 0..<10 { client.send([0]) }
            return client.takeOutput()
        }
        #expect(output(1) == output(1))
        #expect(output(1) != output(2))
    }

    @Test func nothingIsWrittenAfterOurClose() {
        let endpoint = Endpoint()
        #expect(endpoint.receive(RawFrame(opcode: 9, payload: [1])) == [.ping])
        _ = endpoint.takeOutput()
        #expect(endpoint.close(.normal))
        _ = endpoint.takeOutput()
        #expect(!endpoint.send([1]))
        #expect(!endpoint.ping())
        #expect(!endpoint.close(.goingAway))
        endpoint.writePendingPong()
        endpoint.acknowledgeClose()
        endpoint.fail(.reservedBits)
        #expect(endpoint.takeOutput() == [])
    }

    /// A ping that came before our Close has no answer after it.
    @Test func ourCloseDropsThePendingPong() {
        let endpoint = Endpoint()
        var bytes = RawFrame(opcode: 9, payload: [1]).bytes
        bytes.withUnsafeMutableBytes {
            var input = $0
            while (try? endpoint.connection.nextEvent(from: &input)) != nil {}
        }
        #expect(endpoint.hasPendingPong)
        #expect(endpoint.close(.normal))
        _ = endpoint.takeOutput()
        #expect(!endpoint.hasPendingPong)
        endpoint.writePendingPong()
        #expect(endpoint.takeOutput() == [])
    }

    @Test func failsOnce() {
        let endpoint = Endpoint()
        endpoint.fail(.textNotUTF8)
        endpoint.fail(.reservedBits)
        #expect(!endpoint.close(.normal))
        #expect(endpoint.takeOutput() == RawFrame.close(1007, "a text message must be UTF-8").unmasked.bytes)
        #expect(endpoint.connection.state == .failed)
    }

    @Test func acknowledgesOnlyAClose() {
        let endpoint = Endpoint()
        endpoint.acknowledgeClose()
        #expect(endpoint.takeOutput() == [])
        #expect(endpoint.connection.state == .open)
    }

    @Test func aPingHoldsAtMost125Bytes() {
        let endpoint = Endpoint()
        #expect(endpoint.ping([UInt8](repeating: 7, count: 300)))
        let expected = RawFrame(opcode: 9, payload: [UInt8](repeating: 7, count: 125)).unmasked
        #expect(endpoint.takeOutput() == expected.bytes)
    }

    /// Bytes from a script may not be UTF-8, but a Close's reason must be.
    @Test func aReasonOfBytesIsCutWhereItStopsBeingUTF8() {
        var connection = WebSocketConnection(role: .server, limits: .init(), now: MonotonicTime(nanoseconds: 0))
        var output = ByteBuffer()
        let reason: [UInt8] = [0x61, 0x62, 0xFF, 0x63]
        let isSent = reason.withUnsafeBytes {
            connection.close(code: .normal, reason: $0, into: &output, now: MonotonicTime(nanoseconds: 0))
        }
        #expect(isSent)
        #expect(Array(output.readableBytesView) == RawFrame.close(1000, "ab").unmasked.bytes)
    }
}
