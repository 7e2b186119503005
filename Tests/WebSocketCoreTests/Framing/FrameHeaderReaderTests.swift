//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct FrameHeaderReaderTests {
    /// Every header size, cut into two and three pieces at every place.
    @Test(arguments: [5, 126, 70_000])
    func putsACutHeaderTogether(length: Int) {
        let payload = [UInt8](repeating: 0x7A, count: length)
        let bytes = RawFrame(opcode: 1, payload: payload).bytes
        let header = bytes.count - length
        for first in 0...header {
            for second in first...header {
                let observed = Endpoint().receive(bytes, splitAt: [first, second])
                #expect(observed == [.message(.text, payload)], "split at \(first) and \(second)")
            }
        }
    }

    @Test func goesOnWithTheNextHeader() {
        let bytes = [RawFrame.text("one"), .text("two"), RawFrame(opcode: 9), .text("three")].bytes
        let observed = Endpoint().receive(bytes, splitAt: Array(1..<bytes.count))
        #expect(observed == [.text("one"), .text("two"), .ping, .text("three")])
    }

    @Test func readsAServersHeaders() {
        let bytes = [RawFrame.text("one").unmasked, .text("two").unmasked].bytes
        let observed = Endpoint(.client(seed: 1)).receive(bytes, splitAt: Array(1..<bytes.count))
        #expect(observed == [.text("one"), .text("two")])
    }
}
