//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import struct NIOCore.ByteBuffer

extension WebSocketConnection {
    /// What a deadline led to.
    package enum DeadlineAction: Hashable, Sendable {
        /// No deadline has passed; `nextDeadline` may have moved on.
        case none
        /// The peer was silent, and a ping was appended to the output.
        case sentPing
        /// The peer stayed silent after the ping: the caller drops the connection.
        case peerIsGone
        /// The caller goes on with `fail(with:into:now:)`.
        case violation(ProtocolViolation)
        /// The close handshake took too long, or the peer did not end the connection after it: the caller drops it.
        case closeTimedOut
    }

    /// When `handleDeadline(now:into:)` is to be called at the latest, nil when no deadline is set.
    ///
    /// It moves on with each read, so one timer is enough that, when it goes off, is set anew for what this says then.
    package var nextDeadline: MonotonicTime? {
        let next = state == .open ? min(deadlines.message, deadlines.nextKeepAlive(limits)) : deadlines.close
        return next == .never ? nil : next
    }

    /// Notes that the peer could not be heard until `now`, because nothing was read: neither its silence nor an unfinished
    /// message counts against it.
    package mutating func notRead(until now: MonotonicTime) {
        deadlines.lastReceived = now
        if deadlines.message != .never { deadlines.message = limits.messageDeadline(from: now) }
    }

    /// Does what is due at `now`; called too early it does nothing.
    package mutating func handleDeadline(now: MonotonicTime, into output: inout ByteBuffer) -> DeadlineAction {
        guard state == .open else {
            guard now >= deadlines.close, deadlines.close != .never else { return .none }
            deadlines.close = .never
            if state != .closed { state = .failed }
            return .closeTimedOut
        }
        switch deadlines.keepAlive(now: now, limits) {
        case .peerIsGone:
            state = .failed
            discardMessage()
            return .peerIsGone
        case .pingIsDue where now < deadlines.message:
            _ = ping(UnsafeRawBufferPointer(start: nil, count: 0), into: &output)
            return .sentPing
        case .alive, .pingIsDue:
            guard now >= deadlines.message else { return .none }
            state = .failed
            return .violation(.messageTooSlow(limit: limits.messageTime))
        }
    }
}
