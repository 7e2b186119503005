//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import WebSocketCore

/// The sockets of one loop that speak HTTP, and their deadlines.
struct HandshakeQueue {
    private var handlers: [UInt64: HandshakeHandler] = [:]
    private var wheel: DeadlineWheel<UInt64>
    private var lastSerial: UInt64 = 0

    init(now: MonotonicTime) {
        self.wheel = DeadlineWheel(now: now)
    }

    /// Adds a socket.
    ///
    /// - Returns: what the other functions want.
    mutating func insert(_ handler: HandshakeHandler) -> UInt64 {
        self.lastSerial += 1
        self.handlers[self.lastSerial] = handler
        return self.lastSerial
    }

    mutating func remove(_ serial: UInt64) {
        self.handlers[serial] = nil
    }

    /// Has a socket found by ``next(now:)`` at `deadline`, unless it will be looked at by the turn `expected`.
    ///
    /// - Returns: the turn at which it will be looked at.
    mutating func schedule(_ serial: UInt64, at deadline: MonotonicTime, unlessBefore expected: UInt64) -> UInt64 {
        guard self.wheel.turnOf(deadline) < expected else { return expected }
        return self.wheel.insert(serial, at: deadline)
    }

    /// Takes out the sockets that are to be looked at, with the turn of each; nil when there are no more.
    mutating func next(now: MonotonicTime) -> [(handler: HandshakeHandler, turn: UInt64)]? {
        guard let due = self.wheel.next(now: now) else { return nil }
        return due.compactMap { entry in self.handlers[entry.id].map { ($0, entry.turn) } }
    }

    /// Every one of them.
    var all: [HandshakeHandler] { Array(self.handlers.values) }

    var isEmpty: Bool { self.handlers.isEmpty }
}
