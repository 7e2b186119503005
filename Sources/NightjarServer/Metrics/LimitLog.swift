//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import WebSocketCore

/// Decides which of the times that a limit acts are told in the log: the first at once, repeats within 10 s as one sum after them.
///
/// A client can make limits act as fast as it can send; it must not write the log as fast.
package struct LimitLog {
    /// How long repeats are only counted.
    package static let window: Duration = .seconds(10)

    private struct Entry {
        var quietUntil = MonotonicTime(nanoseconds: 0)
        var repeats = 0
    }

    private var entries = Array(repeating: Entry(), count: Limit.allCases.count)
    private var repeats = 0

    package init() {}

    /// Notes that a limit acted.
    ///
    /// - Returns: whether this time is to be logged by itself.
    package mutating func isFirst(_ limit: Limit, now: MonotonicTime) -> Bool {
        // Repeats that are still untold come first, with the next call of `takeSum`.
        guard now >= self.entries[limit.rawValue].quietUntil, self.entries[limit.rawValue].repeats == 0 else {
            self.entries[limit.rawValue].repeats += 1
            self.repeats += 1
            return false
        }
        self.entries[limit.rawValue].quietUntil = now + Self.window
        return true
    }

    /// Takes a limit whose repeats are due to be told; nil when there is none.
    package mutating func takeSum(now: MonotonicTime) -> (limit: Limit, repeats: Int)? {
        guard self.repeats > 0 else { return nil }
        for limit in Limit.allCases {
            let entry = self.entries[limit.rawValue]
            guard entry.repeats > 0, now >= entry.quietUntil else { continue }
            self.entries[limit.rawValue] = Entry(quietUntil: now + Self.window, repeats: 0)
            self.repeats -= entry.repeats
            return (limit, entry.repeats)
        }
        return nil
    }
}
