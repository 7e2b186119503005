//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import Testing
import WebSocketCore

struct ByteBufferFrameTests {
    @Test func writesTheRFCsExamples() {
        var output = ByteBuffer()
        Array("Hello".utf8).withUnsafeBytes { WebSocketConnection.writeFrame(.text, payload: $0, into: &output) }
        Array("Hello".utf8).withUnsafeBytes { WebSocketConnection.writeFrame(.ping, payload: $0, into: &output) }
        let expected: [UInt8] = [0x81, 5, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x89, 5, 0x48, 0x65, 0x6C, 0x6C, 0x6F]
        #expect(Array(output.readableBytesView) == expected)
    }

    @Test func appendsBehindWhatIsThere() {
        var output = ByteBuffer(string: "before")
        WebSocketConnection.writeFrame(.binary, payload: .init(start: nil, count: 0), into: &output)
        #expect(Array(output.readableBytesView) == Array("before".utf8) + [0x82, 0])
    }
}
