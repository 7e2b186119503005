//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import WebSocketCore

/// A token for each message: `rate` of them come in a second, and `burst` fit in.
///
/// Exact in integers over any time: what goes through in a stretch of time is at most burst + rate × time.
package struct TokenBucket {
    private static let token: UInt64 = 1_000_000_000

    /// Billionths of a token: in one nanosecond come as many as the rate says.
    private var credit: UInt64
    private var filledAt: MonotonicTime

    /// A full bucket.
    package init(burst: Int, now: MonotonicTime) {
        self.credit = UInt64(clamping: burst) * Self.token
        self.filledAt = now
    }

    /// Whether a message may pass.
    package var hasToken: Bool { self.credit >= Self.token }

    /// Takes the token of a message that passes.
    ///
    /// - Returns: false, and nothing is taken, when there is none.
    package mutating func take() -> Bool {
        guard self.hasToken else { return false }
        self.credit -= Self.token
        return true
    }

    /// Puts in what has come until `now`; a time before the last one counts as that.
    ///
    /// - Parameters:
    ///   - now: as exact as the rate is to be.
    ///   - rate: tokens a second, 1...1,000,000.
    ///   - burst: tokens that fit in, at least 1.
    package mutating func fill(now: MonotonicTime, rate: Int, burst: Int) {
        guard now > self.filledAt else { return }
        let elapsed = now.nanoseconds - self.filledAt.nanoseconds
        self.filledAt = now
        let capacity = UInt64(clamping: burst) * Self.token
        let (gained, overflow) = elapsed.multipliedReportingOverflow(by: UInt64(clamping: rate))
        self.credit = overflow || gained >= capacity - min(self.credit, capacity) ? capacity : self.credit + gained
    }

    /// When the next token is there.
    package func nextToken(rate: Int) -> MonotonicTime {
        guard !self.hasToken, rate > 0 else { return self.filledAt }
        let missing = Self.token - self.credit
        let wait = (missing + UInt64(rate) - 1) / UInt64(rate)
        return self.filledAt + .nanoseconds(Int64(clamping: wait))
    }
}
