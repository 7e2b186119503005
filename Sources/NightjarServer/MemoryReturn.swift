//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CMalloc
package import WebSocketCore

/// Says when memory that connections have let go of should go back to the system.
///
/// The C library keeps freed memory for later, whatever its size: a server that once was flooded would stay as large as it was
/// then, and the next flood would come on top of what else grew meanwhile.
package struct MemoryReturn {
    /// Bytes that must have been let go of.
    package static let threshold = 4 * 1024 * 1024

    /// What a socket holds outside of the account of buffers: its channel, the handlers, the tasks of its end.
    package static let socketBytes = 6 * 1024

    /// Looking through what is free takes milliseconds, so it is not done more often.
    package static let interval: Duration = .seconds(2)

    private var peak = 0
    private var socketsGone = 0
    /// Once more, an interval later: what was about to be let go of had been counted already.
    private var isFollowUpDue = false
    private var next = MonotonicTime(nanoseconds: 0)

    package init() {}

    /// Notes what connections hold now.
    ///
    /// - Parameters:
    ///   - bytes: what the account of buffers says.
    ///   - socketsGone: how many sockets have closed since the start.
    /// - Returns: whether to call ``perform()``.
    package mutating func isDue(bytes: Int, socketsGone: Int, now: MonotonicTime) -> Bool {
        self.peak = max(self.peak, bytes)
        let letGo = self.peak - bytes + (socketsGone - self.socketsGone) * Self.socketBytes
        guard letGo >= Self.threshold || self.isFollowUpDue, now >= self.next else { return false }
        self.isFollowUpDue = letGo >= Self.threshold
        self.peak = bytes
        self.socketsGone = socketsGone
        self.next = now + Self.interval
        return true
    }

    /// Has the C library give back whole pages that are free, on a thread that serves nobody.
    static func perform() {
        Task.detached { malloc_trim(0) }
    }
}
