//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import WebSocketCore

/// Deadlines of many owners, such as connections, in a ring of buckets: setting one is an append, and time costs only what is
/// due.
///
/// A deadline that moves away is not touched: its entry comes up at the old time, the owner says that it is not due and
/// is put in again. One that comes nearer gets a second entry, and the first is stale when it comes up.
package struct DeadlineWheel<ID> {
    /// The grain of time: a deadline is noticed up to this much late.
    package static var interval: Duration { .milliseconds(250) }

    private static var intervalNanoseconds: UInt64 { 250_000_000 }
    private static var bucketCount: UInt64 { 256 }

    package struct Entry {
        package let id: ID
        /// The turn at which the entry comes up; an entry that its owner does not expect is stale.
        package let turn: UInt64
    }

    private var buckets: [[Entry]]

    /// The last turn that has been taken out.
    private var turn: UInt64

    package init(now: MonotonicTime) {
        self.buckets = Array(repeating: [], count: Int(Self.bucketCount))
        self.turn = now.nanoseconds / Self.intervalNanoseconds
    }

    /// Puts in an owner that wants to be called at `deadline`, or before it when it lies beyond the ring (about a minute).
    ///
    /// - Returns: the turn at which the entry will come up.
    package mutating func insert(_ id: ID, at deadline: MonotonicTime) -> UInt64 {
        let turn = self.turnOf(deadline)
        self.buckets[Int(turn % Self.bucketCount)].append(Entry(id: id, turn: turn))
        return turn
    }

    /// The turn at which an entry for `deadline` would come up.
    package func turnOf(_ deadline: MonotonicTime) -> UInt64 {
        let due = deadline.nanoseconds / Self.intervalNanoseconds + 1
        return min(max(due, self.turn + 1), self.turn + Self.bucketCount - 1)
    }

    /// Takes out the next bucket that is due at `now`.
    ///
    /// - Returns: its entries, or nil when nothing more is due.
    package mutating func next(now: MonotonicTime) -> [Entry]? {
        while self.turn < now.nanoseconds / Self.intervalNanoseconds {
            self.turn += 1
            let index = Int(self.turn % Self.bucketCount)
            guard !self.buckets[index].isEmpty else { continue }
            let due = self.buckets[index]
            self.buckets[index] = []
            return due
        }
        return nil
    }
}
