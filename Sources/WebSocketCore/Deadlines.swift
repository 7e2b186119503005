//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// When a connection must act without hearing from its peer.
///
/// Every deadline is a value that is compared when somebody asks: a read costs one store, and no timer is ever moved.
struct Deadlines {
    enum KeepAlive {
        case alive
        case pingIsDue
        case peerIsGone
    }

    /// When bytes last came, and at first when the connection opened.
    var lastReceived: MonotonicTime
    /// When an unfinished message must be finished.
    var message = MonotonicTime.never
    /// When a connection in its close handshake must be over.
    var close = MonotonicTime.never
    private var lastPing = MonotonicTime.never

    init(now: MonotonicTime) {
        lastReceived = now
    }

    /// Whether a ping is out and nothing at all came since.
    private var isWaiting: Bool { lastPing != .never && lastReceived < lastPing }

    /// When `keepAlive` is next due, `.never` when it is off.
    func nextKeepAlive(_ limits: WebSocketConnection.Limits) -> MonotonicTime {
        guard limits.keepAliveIntervalNanoseconds > 0 else { return .never }
        guard isWaiting else { return lastReceived.advanced(byNanoseconds: limits.keepAliveIntervalNanoseconds) }
        let timeout = limits.keepAliveTimeoutNanoseconds
        return lastPing.advanced(byNanoseconds: timeout > 0 ? timeout : limits.keepAliveIntervalNanoseconds)
    }

    /// Judges the silence until `now`; the caller sends the ping that is due.
    mutating func keepAlive(now: MonotonicTime, _ limits: WebSocketConnection.Limits) -> KeepAlive {
        guard now >= nextKeepAlive(limits), limits.keepAliveIntervalNanoseconds > 0 else { return .alive }
        guard !isWaiting || limits.keepAliveTimeoutNanoseconds == 0 else { return .peerIsGone }
        lastPing = now
        return .pingIsDue
    }
}
