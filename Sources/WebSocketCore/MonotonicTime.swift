//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// A point on a monotonic clock, in nanoseconds from an arbitrary start.
///
/// The core has no clock: whoever drives it passes the time in, so that tests can move it as they like.
package struct MonotonicTime: Comparable, Hashable, Sendable {
    /// Later than every real point: the value of a deadline that is not set.
    package static let never = MonotonicTime(nanoseconds: .max)

    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The point `duration` later; a sum out of range saturates, and a negative duration counts as zero.
    package static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
        time.advanced(byNanoseconds: duration.clampedNanoseconds)
    }

    /// The time from `right` to `left`, zero when `right` is later.
    package static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
        left > right ? Duration(clampedNanoseconds: left.nanoseconds - right.nanoseconds) : .zero
    }

    func advanced(byNanoseconds nanoseconds: UInt64) -> MonotonicTime {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return overflow ? .never : MonotonicTime(nanoseconds: sum)
    }
}

extension Duration {
    init(clampedNanoseconds nanoseconds: UInt64) {
        self = .nanoseconds(Int64(clamping: nanoseconds))
    }

    /// The duration in nanoseconds; negative is 0, and what does not fit is `UInt64.max` (584 years).
    var clampedNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = whole.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
        return overflow || carry ? .max : sum
    }
}
