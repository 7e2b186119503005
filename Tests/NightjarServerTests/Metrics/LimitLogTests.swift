//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing
import WebSocketCore

struct LimitLogTests {
    /// A reference, because an expectation cannot change a value.
    private final class Log {
        private var log = LimitLog()

        func isFirst(_ limit: Limit, now: MonotonicTime) -> Bool {
            self.log.isFirst(limit, now: now)
        }

        func takeSum(now: MonotonicTime) -> (limit: Limit, repeats: Int)? {
            self.log.takeSum(now: now)
        }
    }

    private static func at(_ seconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: seconds * 1_000_000_000)
    }

    @Test func tellsTheFirstAndSumsTheRest() {
        let log = Log()
        #expect(log.isFirst(.message, now: Self.at(0)))
        #expect(!log.isFirst(.message, now: Self.at(1)))
        #expect(!log.isFirst(.message, now: Self.at(9)))
        #expect(log.takeSum(now: Self.at(9)) == nil)
        let sum = log.takeSum(now: Self.at(10))
        #expect(sum?.limit == .message && sum?.repeats == 2)
        #expect(log.takeSum(now: Self.at(10)) == nil)
    }

    @Test func keepsLimitsApart() {
        let log = Log()
        #expect(log.isFirst(.message, now: Self.at(0)))
        #expect(log.isFirst(.buffered, now: Self.at(0)))
    }

    @Test func goesOnSummingAStorm() {
        let log = Log()
        #expect(log.isFirst(.queue, now: Self.at(0)))
        for second in 1...30 as ClosedRange<UInt64> {
            #expect(!log.isFirst(.queue, now: Self.at(second)))
            if second % 10 == 0 { #expect(log.takeSum(now: Self.at(second))?.repeats == 10) }
        }
    }

    @Test func tellsTheNextOneWhenItIsQuietAgain() {
        let log = Log()
        #expect(log.isFirst(.queue, now: Self.at(0)))
        #expect(log.isFirst(.queue, now: Self.at(10)))
    }
}
