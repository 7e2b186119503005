//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import NightjarServer
import Testing

struct ScriptTimerTests {
    private func time(_ milliseconds: UInt64) -> NIODeadline {
        .uptimeNanoseconds(milliseconds * 1_000_000)
    }

    @Test(arguments: [(30, 40), (39, 40), (40, 50), (63, 70), (1000, 1010)] as [(UInt64, UInt64)])
    func skipsTheTicksThatItWasTooLateFor(_ now: UInt64, _ next: UInt64) {
        var timer = ScriptTimer(delay: 10_000_000, interval: 10_000_000, now: self.time(20))
        #expect(timer.due == self.time(30))
        timer.advance(now: self.time(now))
        #expect(timer.due == self.time(next))
    }

    @Test func runsOnceWithoutAnInterval() {
        var timer = ScriptTimer(delay: 5_000_000, interval: 0, now: self.time(20))
        timer.advance(now: self.time(100))
        #expect(!timer.repeats)
        #expect(timer.due == self.time(25))
    }

    @Test func tellsTheTimeSinceItLastRan() {
        var timer = ScriptTimer(delay: 1, interval: 1_000_000, now: self.time(20))
        #expect(timer.run(now: self.time(45)) == 0.025)
        #expect(timer.run(now: self.time(50)) == 0.005)
    }

    @Test func isNeverDueBeyondTheEndOfTime() {
        var timer = ScriptTimer(delay: .max, interval: .max, now: self.time(20))
        #expect(timer.due == .distantFuture)
        timer.advance(now: self.time(30))
        #expect(timer.due == .distantFuture)
    }
}
