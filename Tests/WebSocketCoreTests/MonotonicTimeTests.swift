//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct MonotonicTimeTests {
    @Test func addsDurations() {
        let time = MonotonicTime(nanoseconds: 7)
        #expect((time + .seconds(2)).nanoseconds == 2_000_000_007)
        #expect((time + .nanoseconds(1)).nanoseconds == 8)
        #expect((time + .milliseconds(1500)).nanoseconds == 1_500_000_007)
        #expect((time + .zero) == time)
    }

    @Test func saturates() {
        #expect(MonotonicTime(nanoseconds: .max - 1) + .seconds(1) == .never)
        #expect(MonotonicTime(nanoseconds: 0) + .seconds(Int64.max) == .never)
        #expect(MonotonicTime(nanoseconds: 5) + .seconds(-1) == MonotonicTime(nanoseconds: 5))
        #expect(MonotonicTime(nanoseconds: 5) + .nanoseconds(-1) == MonotonicTime(nanoseconds: 5))
    }

    @Test func subtracts() {
        #expect(MonotonicTime(nanoseconds: 9) - MonotonicTime(nanoseconds: 4) == .nanoseconds(5))
        #expect(MonotonicTime(nanoseconds: 4) - MonotonicTime(nanoseconds: 9) == .zero)
    }

    @Test func isOrdered() {
        #expect(MonotonicTime(nanoseconds: 1) < MonotonicTime(nanoseconds: 2))
        #expect(MonotonicTime(nanoseconds: 2) < .never)
    }
}
