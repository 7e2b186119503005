//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NIOCore

/// The memory into which the channels of one event loop read, one after the other.
///
/// NIO keeps a buffer for each channel, which for a client that sends now and then is most of what it costs. What was read is
/// dealt with before the next channel reads, so one is enough; whoever has to keep bytes copies them.
///
/// Unchecked: only the loop's thread comes here, as NIO asks for a buffer when it reads.
package final class ReadBuffer: @unchecked Sendable {
    static let plainCapacity = 64 * 1024

    /// Bytes of clients that compress: a connection whose turn to inflate has not come holds what one read has brought, and a hundred
    /// of those must cost no more than a message. Such a read inflates to as much as 16 MiB; a larger one saves nothing.
    static let compressedCapacity = 16 * 1024

    /// Bytes that one read brings at most.
    private let capacity: Int
    private var spare: ByteBuffer?

    package init(capacity: Int) {
        self.capacity = capacity
    }

    /// The buffer, empty, or another one while somebody has it.
    fileprivate func take(_ allocator: ByteBufferAllocator) -> ByteBuffer {
        guard var buffer = self.spare else { return allocator.buffer(capacity: self.capacity) }
        // Two references would make the read copy it.
        self.spare = nil
        buffer.clear()
        return buffer
    }

    /// Takes back what a read has brought, now that all is dealt with.
    package func giveBack(_ buffer: ByteBuffer) {
        guard buffer.storageCapacity == self.capacity else { return }
        self.spare = buffer
    }

    /// Has the channel read into this buffer from its next read on.
    package func install(in channel: any Channel) {
        try? channel.syncOptions?.setOption(.recvAllocator, value: Allocator(buffer: self))
    }

    private struct Allocator: RecvByteBufferAllocator {
        let buffer: ReadBuffer

        func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { self.buffer.take(allocator) }

        /// "May grow" is what makes NIO ask for a buffer at each read.
        func record(actualReadBytes: Int) -> Bool { true }
    }
}

/// What channels read into before they are WebSockets: a new buffer for each read, larger for who sends more. NIO keeps the first
/// one, as long as the channel is there; most requests fit into it.
package struct RequestReads: RecvByteBufferAllocator {
    private var sizes = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: ReadBuffer.plainCapacity)

    package init() {}

    package func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { self.sizes.buffer(allocator: allocator) }

    package mutating func record(actualReadBytes: Int) -> Bool {
        _ = self.sizes.record(actualReadBytes: actualReadBytes)
        // Or NIO would read into the first one again.
        return true
    }
}
