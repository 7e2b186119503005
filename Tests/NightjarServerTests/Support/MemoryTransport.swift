//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import NightjarServer

/// A transport that is memory: a test decides how much the "kernel" takes and when it has room again.
final class MemoryTransport: Transport {
    /// False for one that has something between it and the kernel, as TLS is.
    var writesDirectly = true

    /// How many bytes the kernel takes now.
    var room = Int.max

    /// True when the next write finds the connection broken.
    var isBroken = false

    /// What the "kernel" says that the peer has not taken.
    var unacknowledgedBytes = 0

    private(set) var sent = ByteBuffer()
    private(set) var later: ByteBuffer?
    private(set) var isReading = true
    private(set) var isOutputShut = false
    private(set) var isClosed = false
    private(set) var wasReset = false
    private(set) var writes = 0

    unowned var connection: Connection!

    func write(_ bytes: UnsafeRawBufferPointer, _ rest: UnsafeRawBufferPointer) -> Int? {
        precondition(self.later == nil, "written past a chunk that is under way")
        precondition(!self.isOutputShut && !self.isClosed, "written after the end")
        guard self.writesDirectly else { return 0 }
        guard !self.isBroken else { return nil }
        self.writes += 1
        return self.take(bytes) + self.take(rest)
    }

    private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        let count = min(bytes.count, self.room)
        self.sent.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        if self.room != .max { self.room -= count }
        return count
    }

    func writeLater(_ chunk: ByteBuffer) -> LaterWrite {
        precondition(self.later == nil, "two chunks under way")
        precondition(!self.isOutputShut && !self.isClosed, "written after the end")
        guard !self.isBroken else { return .failed }
        guard self.writesDirectly || self.room < chunk.readableBytes else {
            if self.room != .max { self.room -= chunk.readableBytes }
            self.sent.writeImmutableBuffer(chunk)
            return .sent
        }
        self.later = chunk
        return .underWay
    }

    func setReading(_ isReading: Bool) {
        self.isReading = isReading
    }

    func shutdownOutput() {
        self.isOutputShut = true
    }

    func reset() {
        guard !self.isClosed else { return }
        self.wasReset = true
        self.close()
    }

    /// The kernel has room again: takes the chunk that waits, then as much as `room`.
    func makeRoom(_ room: Int = .max) {
        self.room = room
        guard var chunk = self.later else { return }
        self.later = nil
        self.sent.writeBuffer(&chunk)
        self.connection.laterWriteEnded(succeeded: true)
    }

    /// The socket is gone, as when the peer ends it.
    func close() {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.later = nil
        self.connection.transportClosed()
    }

    /// Takes what has been sent so far.
    func takeSent() -> ByteBuffer {
        defer { self.sent.clear() }
        return self.sent
    }

    /// Forgets what has been sent, keeping the memory.
    func forgetSent() {
        self.sent.clear()
    }
}
