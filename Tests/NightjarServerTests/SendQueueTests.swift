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
        let large = ByteBuffer(repeating: 1, count: SendQueue.gatheringThreshold + 1)
        queue.append(sharing: large)
        let addresses = (
            large.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) },
            queue.takeFirst(atMost: .max)?.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        )
        #expect(addresses.0 == addresses.1)
    }

    /// What waits is shared with the others; it goes out in pieces as large as ever.
    /// Whatever part of it goes first, and whatever comes behind.
    @Test(arguments: [0, 2, 6])
    func keepsAFrameThatWaitsAloneAsItIs(sent: Int) {
        var queue = SendQueue()
        let frame = ByteBuffer(string: "shared")
        let address = frame.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        queue.append(sharing: frame)
        #expect(queue.byteCount == 6 && queue.capacity == frame.storageCapacity)
        var seen: UInt?
        _ = queue.withFirst { bytes in
            seen = UInt(bitPattern: bytes.baseAddress)
            return sent
        }
        #expect(seen == address)
        #expect(queue.byteCount == 6 - sent && queue.isEmpty == (sent == 6))
        queue.append { $0.writeString("own") }
        queue.append(sharing: ByteBuffer(string: "other"))
        #expect(self.drain(&queue, step: 100) == Array("shared".utf8.dropFirst(sent)) + Array("ownother".utf8))
        queue.append(sharing: frame)
        queue.removeAll()
        #expect(queue.isEmpty && queue.capacity == 0 && queue.takeFirst(atMost: 10) == nil)
        queue.append(sharing: frame)
        #expect(queue.takeFirst(atMost: 4) == ByteBuffer(string: "shar"))
        #expect(queue.withFirst { _ in nil } == nil)
        #expect(self.drain(&queue, step: 1) == Array("ed".utf8))
    }

    @Test func gathersSharedFramesToBeSent() {
        var queue = SendQueue()
        let frames = (0..<500).map { ByteBuffer(repeating: UInt8($0 % 251), count: 1000) }
        for frame in frames { queue.append(sharing: frame) }
        #expect(queue.capacity == frames.reduce(0) { $0 + $1.storageCapacity })
        var pieces: [Int] = []
        var sent: [UInt8] = []
        while !queue.isEmpty {
            _ = queue.withFirst { bytes in
                // A kernel that takes a part.
                pieces.append(bytes.count)
                let count = min(bytes.count, 50_000)
                sent += bytes[..<count]
                return count
            }
        }
        #expect(sent == frames.flatMap { $0.readableBytesView })
        #expect(pieces.count < 20 && pieces[0] == 65_000)
    }

    /// Of a chunk that is full the next frame must not double the storage.
    @Test func keepsChunksWithinTheirCapacity() {
        var queue = SendQueue()
        for _ in 0..<1000 { queue.append { $0.writeRepeatingByte(1, count: 1028) } }
        #expect(queue.capacity < queue.byteCount * 5 / 4)
    }

    @Test func staysEmptyWhenNothingIsWritten() {
        var queue = SendQueue()
        queue.append { _ in }
        queue.append(sharing: ByteBuffer())
        #expect(queue.isEmpty)
        #expect(queue.takeFirst(atMost: 10) == nil)
    }

    /// Appends a frame with a key, as a connection does.
    @discardableResult
    private func replace(_ queue: inout SendQueue, _ key: String, _ frame: [UInt8], shared: Bool = false) -> Int {
        Array(key.utf8).withUnsafeBytes { key in
            let removed = queue.remove(key: key)
            if shared {
                queue.append(sharing: ByteBuffer(bytes: frame))
            } else {
                queue.append { _ = $0.writeBytes(frame) }
            }
            queue.setKey(ofLast: frame.count, to: key)
            return removed
        }
    }

    @Test func aKeyReplacesWhatIsWhollyUnsent() {
        var queue = SendQueue()
        queue.append { $0.writeString("a") }
        self.replace(&queue, "k", Array("old".utf8))
        queue.append { $0.writeString("b") }
        self.replace(&queue, "other", Array("o".utf8))
        #expect(self.replace(&queue, "k", Array("new!".utf8)) == 3)
        #expect(queue.byteCount == 7)
        #expect(self.drain(&queue, step: 100) == Array("abonew!".utf8))
    }

    @Test func aKeyDoesNotTearWhatHasBegun() {
        var queue = SendQueue()
        self.replace(&queue, "k", Array("old".utf8))
        _ = queue.withFirst { _ in 1 }
        #expect(self.replace(&queue, "k", Array("new".utf8)) == 0)
        #expect(queue.takeFirst(atMost: 1)?.readableBytes == 1)
        #expect(self.replace(&queue, "k", Array("last".utf8)) == 3)
        #expect(self.drain(&queue, step: 100) == Array("dlast".utf8))
        #expect(self.replace(&queue, "k", Array("again".utf8)) == 0)
    }

    /// A queue without conflation, frame by frame, is the model; also whatever is removed, little of it is kept.
    @Test func conflatesAsAListOfFramesWould() {
        struct Frame {
            var key: String?
            var bytes: [UInt8]
        }
        for seed in UInt64(1)...60 {
            var generator = SeededGenerator(seed: seed)
            var queue = SendQueue()
            var model: [Frame] = []
            var (begun, sent, expected) = (0, [UInt8](), [UInt8]())
            for step in 0..<600 {
                switch Int.random(in: 0..<10, using: &generator) {
                case 0..<3:
                    let large = Int.random(in: 0..<8, using: &generator) == 0
                    let frame = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: large ? 9000 : 1 + step % 50)
                    queue.append(sharing: ByteBuffer(bytes: frame))
                    model.append(Frame(key: nil, bytes: frame))
                case 3..<9:
                    let key = "k\(Int.random(in: 0..<6, using: &generator))"
                    let shared = Int.random(in: 0..<4, using: &generator) == 0
                    let count = shared ? 5000 : 1 + step % 70
                    let frame = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: count)
                    if let index = model.indices.first(where: { model[$0].key == key && ($0 > 0 || begun == 0) }) {
                        model.remove(at: index)
                    }
                    self.replace(&queue, key, frame, shared: shared)
                    model.append(Frame(key: key, bytes: frame))
                default:
                    let limit = Int.random(in: 1..<6000, using: &generator)
                    let taken: [UInt8]
                    if Bool.random(using: &generator) {
                        taken = queue.takeFirst(atMost: limit).map { Array($0.readableBytesView) } ?? []
                    } else {
                        var bytes: [UInt8] = []
                        _ = queue.withFirst { first in
                            bytes = Array(first.prefix(limit))
                            return bytes.count
                        }
                        taken = bytes
                    }
                    sent += taken
                    var left = taken.count
                    while left > 0, let first = model.first {
                        let count = min(left, first.bytes.count - begun)
                        expected += first.bytes[begun..<begun + count]
                        left -= count
                        begun += count
                        if begun == first.bytes.count {
                            model.removeFirst()
                            begun = 0
                        }
                    }
                }
                #expect(queue.byteCount == model.reduce(-begun) { $0 + $1.bytes.count })
            }
            sent += self.drain(&queue, step: 777)
            expected += model.flatMap(\.bytes).dropFirst(begun)
            #expect(sent == expected, "seed \(seed)")
        }
    }

    @Test func aFailureRemovesNothing() {
        var queue = SendQueue()
        queue.append { $0.writeString("abc") }
        #expect(queue.withFirst { _ in nil } == nil)
        #expect(queue.byteCount == 3)
    }
}
