//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct WebSocketConnectionLimitsTests {
    @Test func hasTheDocumentedDefaults() {
        let limits = WebSocketConnection.Limits()
        #expect(limits.maxMessageSize == 1_048_576)
        #expect(limits.maxFragments == 4096)
        #expect(limits.maxControlFrames == 200)
        #expect(limits.messageTime == .seconds(60))
        #expect(limits.keepAliveInterval == .seconds(25))
        #expect(limits.keepAliveTimeout == .seconds(20))
        #expect(limits.closeTimeout == .seconds(5))
    }

    @Test func clampsToItsRanges() {
        var limits = WebSocketConnection.Limits(maxMessageSize: .max, maxFragments: 0, maxControlFrames: -1)
        #expect(limits.maxMessageSize == 1 << 30)
        #expect(limits.maxFragments == 1)
        #expect(limits.maxControlFrames == 0)
        limits.maxMessageSize = -1
        limits.maxFragments = .max
        limits.maxControlFrames = .max
        #expect(limits.maxMessageSize == 0)
        #expect(limits.maxFragments == Int(UInt32.max))
        #expect(limits.maxControlFrames == Int(UInt32.max))
        limits.messageTime = .seconds(-1)
        #expect(limits.messageTime == .zero)
    }

    /// Ten thousand idle connections are the measure.
    @Test func aConnectionIsSmall() {
        #expect(MemoryLayout<WebSocketConnection>.size <= 200)
    }

    @Test func theLongestMessagePassesAndOneByteMoreDoesNot() {
        let limits = WebSocketConnection.Limits(maxMessageSize: 1000)
        let longest = RawFrame(opcode: 2, payload: [UInt8](repeating: 5, count: 1000))
        #expect(Endpoint(limits: limits).receive(longest) == [.message(.binary, longest.payload)])
        let tooLong = RawFrame(opcode: 2, declaredLength: 1001)
        let endpoint = Endpoint(limits: limits)
        #expect(endpoint.receive(tooLong) == [.violation(.messageTooBig(limit: 1000))])
        let close = RawFrame.close(1009, "message too big: the limit is 1000 bytes")
        #expect(endpoint.takeOutput() == close.unmasked.bytes)
    }
}
