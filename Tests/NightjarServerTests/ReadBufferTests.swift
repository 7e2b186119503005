//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import NIOEmbedded
import NightjarServer
import Testing

/// The memory that the channels of a loop share for what they read.
struct ReadBufferTests {
    let readBuffer = ReadBuffer(capacity: 4096)
    let allocator: any RecvByteBufferAllocator

    init() throws {
        let channel = EmbeddedChannel()
        self.readBuffer.install(in: channel)
        let option = channel.options.last { $0.option is ChannelOptions.Types.RecvAllocatorOption }
        self.allocator = try #require(option?.value as? any RecvByteBufferAllocator)
    }

    private func read() -> ByteBuffer {
        self.allocator.buffer(allocator: ByteBufferAllocator())
    }

    private func address(of buffer: ByteBuffer) -> UnsafeRawPointer? {
        buffer.withVeryUnsafeBytes { $0.baseAddress }
    }

    /// NIO keeps a buffer of its own only for allocators that foretell a size, or of which it knows that they give the same again.
    @Test func isAskedAtEachRead() {
        var allocator = self.allocator
        #expect(allocator.nextBufferSize() == nil)
        let mayGrow = allocator.record(actualReadBytes: 1)
        #expect(mayGrow)
    }

    @Test func readsIntoTheSameMemory() {
        var first = self.read()
        #expect(first.writableBytes == 4096)
        first.writeString("left over")
        let memory = self.address(of: first)
        self.readBuffer.giveBack(first)
        first = ByteBuffer()
        let second = self.read()
        #expect(self.address(of: second) == memory)
        #expect(second.readableBytes == 0 && second.writableBytes == 4096)
    }

    @Test func leavesWhatIsStillHeldAlone() {
        var first = self.read()
        first.writeString("held")
        var second = self.read()
        second.writeString("next")
        #expect(self.address(of: first) != self.address(of: second))
        #expect(String(buffer: first) == "held")
    }

    /// What NIO keeps of a request is small, and is not read into again.
    @Test func requestsBeginSmallAndGrow() {
        var reads = RequestReads()
        #expect(reads.nextBufferSize() == nil)
        #expect(reads.buffer(allocator: ByteBufferAllocator()).storageCapacity == 512)
        for _ in 0..<10 {
            let mayGrow = reads.record(actualReadBytes: reads.buffer(allocator: ByteBufferAllocator()).storageCapacity)
            #expect(mayGrow)
        }
        #expect(reads.buffer(allocator: ByteBufferAllocator()).storageCapacity == 64 * 1024)
    }

    @Test func takesBackItsOwnOnly() {
        self.readBuffer.giveBack(ByteBuffer(string: "small"))
        #expect(self.read().storageCapacity == 4096)
    }
}
