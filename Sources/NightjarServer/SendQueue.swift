//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import DequeModule
package import NIOCore

/// The bytes of one connection that the kernel has not taken yet, in order.
///
/// Small frames are copied behind each other; a large frame that many connections share is kept as a slice of it.
package struct SendQueue {
    /// Frames up to this size are copied, larger ones shared: a copy below it costs less than the bookkeeping.
    package static let sharingThreshold = 4 * 1024

    /// Chunks grow up to here before a new one begins, so that what has been sent is given back piece by piece.
    private static let chunkCapacity = 64 * 1024

    private var chunks: Deque<ByteBuffer> = []

    /// True while the last chunk is this queue's own and may grow.
    private var tailIsOpen = false

    /// Bytes that wait.
    package private(set) var byteCount = 0

    package init() {}

    package var isEmpty: Bool { self.byteCount == 0 }

    /// Appends what `body` writes behind everything else.
    @discardableResult
    package mutating func append<Result>(_ body: (inout ByteBuffer) -> Result) -> Result {
        if !self.tailIsOpen || self.chunks[self.chunks.count - 1].writerIndex >= Self.chunkCapacity {
            self.chunks.append(ByteBuffer())
            self.tailIsOpen = true
        }
        let last = self.chunks.count - 1
        let before = self.chunks[last].writerIndex
        let result = body(&self.chunks[last])
        self.byteCount += self.chunks[last].writerIndex - before
        if self.byteCount == 0 {
            // Nothing was written: an empty queue has no chunk.
            self.removeAll()
        }
        return result
    }

    /// Appends a frame that other queues may hold too.
    package mutating func append(sharing frame: ByteBuffer) {
        if frame.readableBytes <= Self.sharingThreshold {
            self.append { $0.writeImmutableBuffer(frame) }
        } else {
            self.chunks.append(frame)
            self.tailIsOpen = false
            self.byteCount += frame.readableBytes
        }
    }

    /// Calls `body` with the oldest bytes that lie together; it returns how many of them are done with.
    ///
    /// - Returns: what `body` returned; nil stands for a failure and removes nothing.
    package mutating func withFirst(_ body: (UnsafeRawBufferPointer) -> Int?) -> Int? {
        guard let first = self.chunks.first else { return 0 }
        guard let count = first.withUnsafeReadableBytes(body) else { return nil }
        self.removeFirst(count)
        return count
    }

    /// Takes the oldest bytes, at most `limit` of them, for somebody who will send them.
    package mutating func takeFirst(atMost limit: Int) -> ByteBuffer? {
        guard let first = self.chunks.first else { return nil }
        let count = min(limit, first.readableBytes)
        guard let taken = first.getSlice(at: first.readerIndex, length: count) else { return nil }
        self.removeFirst(count)
        return taken
    }

    /// Forgets everything.
    package mutating func removeAll() {
        self.chunks = []
        self.tailIsOpen = false
        self.byteCount = 0
    }

    private mutating func removeFirst(_ count: Int) {
        self.byteCount -= count
        if self.byteCount == 0 {
            // An idle connection keeps no storage.
            self.chunks = []
            self.tailIsOpen = false
        } else if count == self.chunks[0].readableBytes {
            self.chunks.removeFirst()
            if self.chunks.isEmpty {
                self.tailIsOpen = false
            }
        } else {
            self.chunks[0].moveReaderIndex(forwardBy: count)
        }
    }
}
