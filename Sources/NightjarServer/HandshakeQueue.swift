//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import DequeModule
internal import WebSocketCore

/// The handshakes under way on one loop, in the order of their deadlines: all have the same time, so the first in is the first due.
struct HandshakeQueue {
    private var deadlines: Deque<(at: MonotonicTime, serial: UInt64)> = []
    private var handlers: [UInt64: HandshakeHandler] = [:]
    private var lastSerial: UInt64 = 0

    /// Adds a handshake.
    ///
    /// - Returns: what ``remove(_:)`` wants when it is over.
    mutating func insert(_ handler: HandshakeHandler, deadline: MonotonicTime) -> UInt64 {
        self.lastSerial += 1
        self.handlers[self.lastSerial] = handler
        self.deadlines.append((deadline, self.lastSerial))
        return self.lastSerial
    }

    mutating func remove(_ serial: UInt64) {
        self.handlers[serial] = nil
        while let first = self.deadlines.first, self.handlers[first.serial] == nil {
            self.deadlines.removeFirst()
        }
    }

    /// Takes out a handshake whose deadline has passed; nil when there is none.
    mutating func next(now: MonotonicTime) -> HandshakeHandler? {
        while let first = self.deadlines.first, first.at <= now {
            self.deadlines.removeFirst()
            if let handler = self.handlers.removeValue(forKey: first.serial) {
                return handler
            }
        }
        return nil
    }

    /// Every handshake under way.
    var all: [HandshakeHandler] { Array(self.handlers.values) }
}
