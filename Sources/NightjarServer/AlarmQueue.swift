//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import HeapModule
internal import LuaRuntime
internal import NIOCore

/// What a script waits for, by the time at which it is due.
///
/// An alarm that is not wanted any more stays until it is due, or until such are more than the wanted ones: whoever takes it
/// out looks whether it still means something.
struct AlarmQueue {
    enum Purpose {
        /// `ws.after` or `ws.every`.
        case timer(TimerID)

        /// A handler has waited as long as it wanted to.
        case timeout(TaskID)

        /// A handler has become as old as it may.
        case expiry(TaskID)
    }

    private struct Alarm: Comparable {
        let due: NIODeadline
        /// Of those that are due together the first comes first.
        let serial: UInt64
        let purpose: Purpose

        static func < (left: Alarm, right: Alarm) -> Bool {
            (left.due, left.serial) < (right.due, right.serial)
        }

        static func == (left: Alarm, right: Alarm) -> Bool {
            left.serial == right.serial
        }
    }

    /// Alarms that may be out of use before anybody counts them.
    private static let slack = 64

    private var alarms: Heap<Alarm> = []
    private var lastSerial: UInt64 = 0

    /// When the first is due; nil when there is none.
    var first: NIODeadline? { self.alarms.min?.due }

    var count: Int { self.alarms.count }

    mutating func insert(_ purpose: Purpose, due: NIODeadline) {
        self.lastSerial += 1
        self.alarms.insert(Alarm(due: due, serial: self.lastSerial, purpose: purpose))
    }

    /// Takes out one that is due.
    mutating func next(now: NIODeadline) -> Purpose? {
        guard let first = self.alarms.min, first.due <= now else { return nil }
        return self.alarms.removeMin().purpose
    }

    /// Drops those that mean nothing any more, when they are more than the `wanted` ones.
    mutating func prune(wanted: Int, isWanted: (Purpose) -> Bool) {
        guard self.alarms.count > 2 * wanted + Self.slack else { return }
        self.alarms = Heap(self.alarms.unordered.filter { isWanted($0.purpose) })
    }
}
