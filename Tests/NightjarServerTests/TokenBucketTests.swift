//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing
import WebSocketCore

struct TokenBucketTests {
    /// Somebody who takes all there is lets burst + rate × time through, whatever the steps of time.
    @Test(arguments: [1, 3, 7, 20, 999_983], [1_000_003, 250_000_000, 7_919_000_017])
    func letsBurstAndRateTimesTimeThrough(rate: Int, step: UInt64) {
        let burst = Int(step) / 1_000_000_000 * rate + 2 * rate + 1
        var now = MonotonicTime(nanoseconds: 5)
        var bucket = TokenBucket(burst: burst, now: now)
        var passed = 0
        while bucket.take() { passed += 1 }
        // A token a step would be too many at the largest rate.
        let steps = rate > 1000 ? 3 : 2000
        for _ in 0..<steps {
            now.nanoseconds += step
            bucket.fill(now: now, rate: rate, burst: burst)
            while bucket.take() { passed += 1 }
        }
        let (seconds, rest) = (UInt64(steps) * step).quotientAndRemainder(dividingBy: 1_000_000_000)
        #expect(passed == burst + Int(seconds) * rate + Int(rest) * rate / 1_000_000_000)
    }

    @Test func holdsNoMoreThanTheBurst() {
        var bucket = TokenBucket(burst: 3, now: MonotonicTime(nanoseconds: 0))
        var isTaken = bucket.take()
        #expect(isTaken)
        bucket.fill(now: MonotonicTime(nanoseconds: .max), rate: 1_000_000, burst: 3)
        var taken: [Bool] = []
        for _ in 0..<4 { taken.append(bucket.take()) }
        #expect(taken == [true, true, true, false])
        // Time does not run back.
        bucket.fill(now: MonotonicTime(nanoseconds: 1), rate: 1_000_000, burst: 3)
        isTaken = bucket.take()
        #expect(!isTaken)
    }

    @Test func knowsWhenTheNextTokenIsThere() {
        var bucket = TokenBucket(burst: 1, now: MonotonicTime(nanoseconds: 0))
        let isTaken = bucket.take()
        #expect(isTaken)
        let next = bucket.nextToken(rate: 3)
        #expect(next == MonotonicTime(nanoseconds: 333_333_334))
        bucket.fill(now: MonotonicTime(nanoseconds: 333_333_333), rate: 3, burst: 1)
        #expect(!bucket.hasToken)
        bucket.fill(now: next, rate: 3, burst: 1)
        #expect(bucket.hasToken)
    }
}
