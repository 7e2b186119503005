//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NIOCore

/// `ws.after` or `ws.every`: when it is due, at a fixed rate.
package struct ScriptTimer {
    /// Nanoseconds; 0 for one that runs once.
    package let interval: Int64
    package private(set) var due: NIODeadline
    private var lastRun: NIODeadline

    /// It waits in the queue, or its function has not returned.
    package var isBusy = false

    package init(delay: Int64, interval: Int64, now: NIODeadline) {
        self.interval = interval
        self.due = now.later(delay)
        self.lastRun = now
    }

    package var repeats: Bool { self.interval > 0 }

    /// It was due: sets the next time of one that repeats. Ticks that `now` is too late for are skipped, and the rhythm stays.
    package mutating func advance(now: NIODeadline) {
        guard self.repeats else { return }
        let late = max(0, Int64(clamping: now.uptimeNanoseconds) - Int64(clamping: self.due.uptimeNanoseconds))
        let (skipped, overflow) = (late / self.interval).multipliedReportingOverflow(by: self.interval)
        self.due = self.due.later(overflow ? .max : skipped).later(self.interval)
    }

    /// It runs now.
    ///
    /// - Returns: the seconds since it last did, or since it was made.
    package mutating func run(now: NIODeadline) -> Double {
        defer { self.lastRun = now }
        return Double((now - self.lastRun).nanoseconds) / 1e9
    }
}

extension NIODeadline {
    /// So many nanoseconds later, or as late as can be.
    package func later(_ nanoseconds: Int64) -> NIODeadline {
        let (sum, overflow) = Int64(clamping: self.uptimeNanoseconds).addingReportingOverflow(nanoseconds)
        return overflow ? .distantFuture : .uptimeNanoseconds(UInt64(clamping: sum))
    }
}
