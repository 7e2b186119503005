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
/// Tiny frames are copied behind each other; another one that many connections share is kept as a slice of it, and copied behind
/// its neighbours only to be sent: a thousand receivers of fifty messages hold one copy of each. One that waits alone, as
/// most frames of broadcasts do, is kept as it is and takes no memory. A frame
/// with a conflation key lies among the others and is removed by marking it: its bytes are passed over when its chunk is to
/// be sent, or when marked bytes outweigh those that wait. Without keys none of that costs more than a look at a nil.
package struct SendQueue {
    /// Smaller frames are copied, others shared: a copy below it costs less than the bookkeeping.
    package static let sharingThreshold = 256

    /// Frames up to this size are sent together, larger ones by themselves: a copy below it costs less than a system call.
    package static let gatheringThreshold = 4 * 1024

    /// What a chunk holds, so that what has been sent is given back piece by piece.
    private static let chunkCapacity = 64 * 1024

    /// Chunks that hold more are followed by a new one: the next small frame would double the storage.
    private static let fullChunk = Self.chunkCapacity - 2 * Self.gatheringThreshold

    /// Removed bytes that may lie about, if not more than wait.
    private static let removedBytesKept = 4 * 1024

    private struct Chunk {
        var bytes: ByteBuffer
        /// Those of its frames that have a key and of which nothing is sent, removed ones too, in order.
        var keyed: [ConflatedFrame] = []
    }

    private var chunks: Deque<Chunk> = []

    /// The only frame, if it is shared and has no key: there are no chunks then.
    private var lone: ByteBuffer?

    /// The frames that their keys can remove; nil while none waits.
    private var conflation: Conflation?

    /// True while the last chunk is this queue's own and may grow.
    private var tailIsOpen = false

    /// Bytes that wait.
    package private(set) var byteCount = 0

    package init() {}

    /// Bytes of storage behind the chunks, those of shared frames too.
    package var capacity: Int {
        self.chunks.reduce(self.lone?.storageCapacity ?? 0) { $0 + $1.bytes.storageCapacity }
    }

    package var isEmpty: Bool { self.byteCount == 0 }

    /// Appends what `body` writes behind everything else.
    @discardableResult
    package mutating func append<Result>(_ body: (inout ByteBuffer) -> Result) -> Result {
        self.makeChunkOfLone()
        if !self.tailIsOpen || self.chunks[self.chunks.count - 1].bytes.writerIndex >= Self.fullChunk {
            self.chunks.append(Chunk(bytes: ByteBuffer()))
            self.tailIsOpen = true
        }
        let last = self.chunks.count - 1
        let before = self.chunks[last].bytes.writerIndex
        let result = body(&self.chunks[last].bytes)
        self.byteCount += self.chunks[last].bytes.writerIndex - before
        if self.byteCount == 0 {
            // Nothing was written: an empty queue has no chunk.
            self.removeAll()
        }
        return result
    }

    /// Appends a frame that other queues may hold too.
    ///
    /// - Parameter isKeyed: whether ``setKey(ofLast:to:)`` follows; frames with keys are not gathered later.
    package mutating func append(sharing frame: ByteBuffer, isKeyed: Bool = false) {
        let threshold = isKeyed ? Self.gatheringThreshold + 1 : Self.sharingThreshold
        if self.isEmpty, frame.readableBytes > 0 {
            self.lone = frame
            self.byteCount = frame.readableBytes
        } else if frame.readableBytes < threshold {
            self.append { $0.writeImmutableBuffer(frame) }
        } else {
            self.makeChunkOfLone()
            self.chunks.append(Chunk(bytes: frame))
            self.tailIsOpen = false
            self.byteCount += frame.readableBytes
        }
    }

    /// The bytes of the frame that ``remove(key:)`` would remove.
    package func byteCount(ofKey key: UnsafeRawBufferPointer) -> Int {
        self.conflation?.frames[ConflationKey(key)]?.byteCount ?? 0
    }

    /// Removes the frame of that key, if one is wholly unsent.
    ///
    /// - Returns: its bytes, 0 when there is none.
    @discardableResult
    package mutating func remove(key: UnsafeRawBufferPointer) -> Int {
        guard let conflation, let frame = conflation.frames.removeValue(forKey: ConflationKey(key)) else { return 0 }
        frame.isRemoved = true
        self.byteCount -= frame.byteCount
        conflation.removedBytes += frame.byteCount
        if self.byteCount == 0 {
            self.removeAll()
        } else if conflation.removedBytes > max(self.byteCount, Self.removedBytesKept) {
            for index in self.chunks.indices {
                self.compact(index)
            }
            self.chunks.removeAll { $0.bytes.readableBytes == 0 }
            // The last chunk may be another one now, and shared.
            self.tailIsOpen = false
        }
        return frame.byteCount
    }

    /// Makes the frame that was appended last one that its key removes.
    ///
    /// - Parameters:
    ///   - byteCount: the frame's bytes.
    ///   - key: no other frame of it may be in the queue.
    package mutating func setKey(ofLast byteCount: Int, to key: UnsafeRawBufferPointer) {
        self.makeChunkOfLone()
        guard let last = self.chunks.indices.last, byteCount > 0 else { return }
        let conflation = self.conflation ?? Conflation()
        self.conflation = conflation
        let frame = ConflatedFrame(
            key: ConflationKey(key),
            start: self.chunks[last].bytes.writerIndex - byteCount,
            byteCount: byteCount
        )
        self.chunks[last].keyed.append(frame)
        conflation.frames[frame.key] = frame
    }

    /// Calls `body` with the oldest bytes that lie together; it returns how many of them are done with.
    ///
    /// - Returns: what `body` returned; nil stands for a failure and removes nothing.
    package mutating func withFirst(_ body: (UnsafeRawBufferPointer) -> Int?) -> Int? {
        if let lone = self.lone {
            guard let count = lone.withUnsafeReadableBytes(body) else { return nil }
            if count < self.byteCount {
                self.makeChunkOfLone()
                self.removeFirst(count)
            } else {
                self.lone = nil
                self.byteCount = 0
            }
            return count
        }
        self.passOverRemoved()
        self.gatherFirst()
        guard let first = self.chunks.first else { return 0 }
        guard let count = first.bytes.withUnsafeReadableBytes(body) else { return nil }
        self.removeFirst(count)
        return count
    }

    /// Takes the oldest bytes, at most `limit` of them, for somebody who will send them.
    package mutating func takeFirst(atMost limit: Int) -> ByteBuffer? {
        self.makeChunkOfLone()
        self.passOverRemoved()
        self.gatherFirst()
        guard let first = self.chunks.first?.bytes else { return nil }
        let count = min(limit, first.readableBytes)
        guard let taken = first.getSlice(at: first.readerIndex, length: count) else { return nil }
        self.removeFirst(count)
        return taken
    }

    /// Forgets everything.
    package mutating func removeAll() {
        self.lone = nil
        self.chunks = []
        self.conflation = nil
        self.tailIsOpen = false
        self.byteCount = 0
    }

    /// More than a look at the only frame begins with this.
    private mutating func makeChunkOfLone() {
        guard let lone = self.lone else { return }
        self.lone = nil
        self.chunks.append(Chunk(bytes: lone))
        self.tailIsOpen = false
    }

    private mutating func removeFirst(_ count: Int) {
        self.byteCount -= count
        if self.byteCount == 0 {
            // An idle connection keeps no storage.
            self.removeAll()
            return
        }
        self.chunks[0].bytes.moveReaderIndex(forwardBy: count)
        if !self.chunks[0].keyed.isEmpty, count > 0 {
            self.forgetBegun()
        }
        if self.chunks[0].bytes.readableBytes == 0 {
            self.removeFirstChunk()
        }
    }

    private mutating func removeFirstChunk() {
        self.chunks.removeFirst()
        if self.chunks.isEmpty {
            self.tailIsOpen = false
        }
    }

    /// What has begun to be sent is no longer anybody's to remove.
    private mutating func forgetBegun() {
        let begun = self.chunks[0].keyed.prefix { $0.start < self.chunks[0].bytes.readerIndex }
        for frame in begun {
            self.conflation?.frames[frame.key] = nil
        }
        self.chunks[0].keyed.removeFirst(begun.count)
    }

    /// Copies small frames that follow each other into one chunk, to be sent at once.
    private mutating func gatherFirst() {
        func isSmall(_ chunk: Chunk) -> Bool {
            chunk.keyed.isEmpty && chunk.bytes.readableBytes <= Self.gatheringThreshold
        }
        guard self.chunks.count > 1, isSmall(self.chunks[0]), isSmall(self.chunks[1]) else { return }
        var bytes = ByteBufferAllocator().buffer(capacity: min(self.byteCount, Self.chunkCapacity))
        while let next = self.chunks.first, isSmall(next),
            bytes.readableBytes + next.bytes.readableBytes <= Self.chunkCapacity
        {
            bytes.writeImmutableBuffer(next.bytes)
            self.removeFirstChunk()
        }
        if self.chunks.isEmpty {
            // The one that it has become.
            self.tailIsOpen = true
        }
        self.chunks.prepend(Chunk(bytes: bytes))
    }

    /// Makes the first chunk one that can be sent as it is.
    private mutating func passOverRemoved() {
        while let conflation, conflation.removedBytes > 0, !self.chunks.isEmpty {
            self.compact(0)
            guard self.chunks[0].bytes.readableBytes == 0 else { return }
            self.removeFirstChunk()
        }
    }

    /// Copies what still is to be sent of a chunk to a new one, if any of it was removed.
    private mutating func compact(_ index: Int) {
        guard let conflation, self.chunks[index].keyed.contains(where: \.isRemoved) else { return }
        let old = self.chunks[index]
        var bytes = ByteBuffer()
        var copied = old.bytes.readerIndex
        func copy(to end: Int) {
            if end > copied, let piece = old.bytes.getSlice(at: copied, length: end - copied) {
                bytes.writeImmutableBuffer(piece)
            }
            copied = end
        }
        for frame in old.keyed {
            copy(to: frame.start)
            if frame.isRemoved {
                copied += frame.byteCount
                conflation.removedBytes -= frame.byteCount
            } else {
                frame.start = bytes.writerIndex
                copy(to: copied + frame.byteCount)
            }
        }
        copy(to: old.bytes.writerIndex)
        self.chunks[index] = Chunk(bytes: bytes, keyed: old.keyed.filter { !$0.isRemoved })
    }
}
