//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing
import WebSocketCore

struct RepeatLogTests {
    /// A reference, because an expectation cannot change a value.
    private final class Log {
        private var log = RepeatLog()

        func isFirst(_ subject: RepeatLog.Subject, now: MonotonicTime) -> Bool {
            self.log.isFirst(subject, now: now)
        }

        func takeSum(now: MonotonicTime) -> (subject: RepeatLog.Subject, repeats: Int)? {
            self.log.takeSum(now: now)
        }
    }

    private static func at(_ seconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: seconds * 1_000_000_000)
    }

    @Test func tellsTheFirstAndSumsTheRest() {
        let log = Log()
        #expect(log.isFirst(.limit(.message), now: Self.at(0)))
        #expect(!log.isFirst(.limit(.message), now: Self.at(1)))
        #expect(!log.isFirst(.limit(.message), now: Self.at(9)))
        #expect(log.takeSum(now: Self.at(9)) == nil)
        let sum = log.takeSum(now: Self.at(10))
        #expect(sum?.subject == .limit(.message) && sum?.repeats == 2)
        #expect(log.takeSum(now: Self.at(10)) == nil)
    }

    @Test func keepsSubjectsApart() {
        let log = Log()
        #expect(log.isFirst(.limit(.message), now: Self.at(0)))
        #expect(log.isFirst(.limit(.buffered), now: Self.at(0)))
    }

    @Test func goesOnSummingAStorm() {
        let log = Log()
        #expect(log.isFirst(.violation(.length), now: Self.at(0)))
        for second in 1...30 as ClosedRange<UInt64> {
            #expect(!log.isFirst(.violation(.length), now: Self.at(second)))
            if second % 10 == 0 { #expect(log.takeSum(now: Self.at(second))?.repeats == 10) }
        }
    }

    @Test func tellsTheNextOneWhenItIsQuietAgain() {
        let log = Log()
        #expect(log.isFirst(.violation(.length), now: Self.at(0)))
        #expect(log.isFirst(.violation(.length), now: Self.at(10)))
    }
}
