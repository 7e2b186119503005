//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import struct NIOCore.ByteBuffer

/// The zlib states and buffers of one event loop, lent to its connections for the time of a message (RFC 7692).
///
/// A connection that does not take its context over from message to message owns none of them while it is idle. What
/// is kept for the next message is bounded, and goes with the pool. A pool and the connections that use it belong to one
/// thread.
package final class DeflatePool {
    /// Inflaters that are kept for the next messages, at most.
    static let keptInflaters = 8
    /// Buffers for inflated messages that are kept, at most, and the capacity of one, in bytes.
    static let keptBuffers = 4
    static let keptCapacity = 64 * 1024

    /// With the largest window, which reads what any smaller one has written.
    private var inflaters: [Inflater] = []
    private var buffers: [ByteBuffer] = []
    /// One for each size of the window, 9...15, when it was asked for.
    private var deflaters: [Deflater?]
    /// Where messages are compressed to.
    private var scratch = ByteBuffer()

    /// Inflaters that connections have borrowed for unfinished messages.
    package private(set) var lentInflaters = 0

    /// Bytes that messages were inflated to since the owner set it to 0 at the start of a turn of its loop.
    package var inflatedBytes = 0
    /// The bytes after which messages wait for the next turn.
    package var inflationLimit = Int.max
    /// Whether a message may wait where it is; else only the next one does.
    package var pausesWithinMessages = true

    /// Whether messages may be inflated in this turn.
    package var mayInflate: Bool { inflatedBytes < inflationLimit }

    package init() {
        inflaters.reserveCapacity(Self.keptInflaters)
        buffers.reserveCapacity(Self.keptBuffers)
        deflaters = Array(repeating: nil, count: DeflateParameters.windowBits.count)
    }

    /// Inflaters that wait for a message.
    package var idleInflaters: Int { inflaters.count }

    /// The heap memory of what is kept, in bytes, as far as zlib tells.
    package var byteCount: Int {
        let deflaters = zip(self.deflaters, DeflateParameters.windowBits).reduce(0) { sum, entry in
            entry.0 == nil ? sum : sum + Deflater.byteCount(windowBits: entry.1)
        }
        return inflaters.reduce(scratch.capacity) { $0 + $1.byteCount } + buffers.reduce(0) { $0 + $1.capacity }
            + deflaters
    }

    /// Compresses a message that refers to no other, for one connection or for all that share the window's size.
    ///
    /// - Parameters:
    ///   - windowBits: 9...15.
    ///   - level: 1...9, from fast to small.
    /// - Returns: The compressed payload, valid until the next call, or nil when it would not be smaller.
    package func compress(
        _ payload: UnsafeRawBufferPointer,
        windowBits: UInt8,
        level: Int
    ) -> UnsafeRawBufferPointer? {
        let place = Int(DeflateParameters.clamped(windowBits) - DeflateParameters.windowBits.lowerBound)
        if deflaters[place] == nil { deflaters[place] = Deflater(windowBits: windowBits, level: level) }
        guard let deflater = deflaters[place] else { return nil }
        deflater.reset()
        return compress(payload, with: deflater, level: level)
    }

    /// Compresses a message with a deflater that remembers the ones before.
    func compress(
        _ payload: UnsafeRawBufferPointer,
        with deflater: Deflater,
        level: Int
    ) -> UnsafeRawBufferPointer? {
        // What zlib counts with has 32 bits; a message of this size is no work for an event loop.
        guard payload.count > 1, payload.count <= 1 << 30 else { return nil }
        if scratch.capacity > Self.keptCapacity { scratch = ByteBuffer() }
        scratch.clear()
        let room = payload.count + Deflater.tailSize
        let count = scratch.withUnsafeMutableWritableBytes(room) { deflater.compress(payload, level: level, into: $0) }
        // What fits in the room with a byte to spare is smaller than the payload.
        guard let count else { return nil }
        scratch.moveWriterIndex(to: count)
        return scratch.withUnsafeReadableBytes { $0 }
    }

    func borrowInflater() -> Inflater? {
        guard let inflater = inflaters.popLast() ?? Inflater(windowBits: DeflateParameters.windowBits.upperBound) else {
            return nil
        }
        lentInflaters += 1
        return inflater
    }

    func giveBack(_ inflater: Inflater) {
        lentInflaters -= 1
        guard inflaters.count < Self.keptInflaters else { return }
        inflater.reset()
        inflaters.append(inflater)
    }

    func borrowBuffer() -> ByteBuffer {
        buffers.popLast() ?? ByteBuffer()
    }

    func giveBack(_ buffer: consuming ByteBuffer) {
        guard buffers.count < Self.keptBuffers, buffer.capacity > 0, buffer.capacity <= Self.keptCapacity else {
            return
        }
        buffer.clear()
        buffers.append(buffer)
    }
}

@available(*, unavailable)
extension DeflatePool: Sendable {}

extension ByteBuffer {
    /// The next `count` bytes to be written, which `body` may fill; the writer's index stays.
    fileprivate mutating func withUnsafeMutableWritableBytes<Result>(
        _ count: Int,
        _ body: (UnsafeMutableRawBufferPointer) -> Result
    ) -> Result {
        reserveCapacity(minimumWritableBytes: count)
        return withUnsafeMutableWritableBytes { body(UnsafeMutableRawBufferPointer(rebasing: $0.prefix(count))) }
    }
}
