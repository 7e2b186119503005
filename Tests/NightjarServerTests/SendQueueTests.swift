//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import NightjarServer
import Testing

struct SendQueueTests {
    /// Takes everything, `step` bytes at a time.
    private func drain(_ queue: inout SendQueue, step: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while !queue.isEmpty {
            _ = queue.withFirst { first in
                let count = min(step, first.count)
                bytes += first[..<count]
                return count
            }
        }
        return bytes
    }

    @Test(arguments: [1, 7, 4096, 100_000])
    func givesBackWhatWasPutInInOrder(step: Int) {
        var queue = SendQueue()
        var expected: [UInt8] = []
        for index in 0..<40 {
            let bytes = [UInt8](repeating: UInt8(index), count: index * 731 % 9000)
            expected += bytes
            if index % 3 == 0 {
                queue.append(sharing: ByteBuffer(bytes: bytes))
            } else {
                queue.append { $0.writeBytes(bytes) }
            }
        }
        #expect(queue.byteCount == expected.count)
        #expect(self.drain(&queue, step: step) == expected)
        #expect(queue.byteCount == 0)
    }

    @Test func keepsWhatComesAfterAPartlySentFrame() {
        var queue = SendQueue()
        queue.append { $0.writeString("abc") }
        _ = queue.withFirst { _ in 2 }
        queue.append { $0.writeString("def") }
        #expect(self.drain(&queue, step: 100) == Array("cdef".utf8))
    }

    @Test func takesChunksOfAtMostTheLimit() {
        var queue = SendQueue()
        queue.append { $0.writeRepeatingByte(1, count: 100) }
        #expect(queue.takeFirst(atMost: 60)?.readableBytes == 60)
        #expect(queue.takeFirst(atMost: 60)?.readableBytes == 40)
        #expect(queue.takeFirst(atMost: 60) == nil)
    }

    @Test func sharesLargeFramesAndCopiesSmallOnes() {
        var queue = SendQueue()
        let large = ByteBuffer(repeating: 1, count: SendQueue.sharingThreshold + 1)
        queue.append(sharing: large)
        let addresses = (
            large.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) },
            queue.takeFirst(atMost: .max)?.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        )
        #expect(addresses.0 == addresses.1)
    }

    @Test func staysEmptyWhenNothingIsWritten() {
        var queue = SendQueue()
        queue.append { _ in }
        queue.append(sharing: ByteBuffer())
        #expect(queue.isEmpty)
        #expect(queue.takeFirst(atMost: 10) == nil)
    }

    @Test func aFailureRemovesNothing() {
        var queue = SendQueue()
        queue.append { $0.writeString("abc") }
        #expect(queue.withFirst { _ in nil } == nil)
        #expect(queue.byteCount == 3)
    }
}
