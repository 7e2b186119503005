//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import WebSocketCore

/// Decides which of the times that something happens are told in the log: the first at once, repeats within 10 s as one sum after
/// them.
///
/// A client can make limits act, and break rules, as fast as it can send; it must not write the log as fast.
package struct RepeatLog {
    /// What clients can bring about.
    package enum Subject: Hashable, Sendable {
        case limit(Limit)
        case violation(ViolationKind)
        case originRefused
    }

    /// How long repeats are only counted.
    package static let window: Duration = .seconds(10)

    private struct Entry {
        var quietUntil: MonotonicTime
        var repeats = 0
    }

    private var entries: [Subject: Entry] = [:]
    private var repeats = 0

    package init() {}

    /// Notes that something happened.
    ///
    /// - Returns: whether this time is to be logged by itself.
    package mutating func isFirst(_ subject: Subject, now: MonotonicTime) -> Bool {
        // Repeats that are still untold come first, with the next call of `takeSum`.
        if let entry = self.entries[subject], now < entry.quietUntil || entry.repeats > 0 {
            self.entries[subject]?.repeats += 1
            self.repeats += 1
            return false
        }
        self.entries[subject] = Entry(quietUntil: now + Self.window)
        return true
    }

    /// Takes a subject whose repeats are due to be told; nil when there is none.
    package mutating func takeSum(now: MonotonicTime) -> (subject: Subject, repeats: Int)? {
        guard self.repeats > 0,
            let (subject, entry) = self.entries.first(where: { $1.repeats > 0 && now >= $1.quietUntil })
        else { return nil }
        self.entries[subject] = Entry(quietUntil: now + Self.window)
        self.repeats -= entry.repeats
        return (subject, entry.repeats)
    }
}
