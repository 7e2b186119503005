//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import LuaRuntime
import Testing

/// The CPU time of this thread.
private func threadTime() -> Duration {
    var now = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
    return .seconds(now.tv_sec) + .nanoseconds(now.tv_nsec)
}

/// Expects the body to use no more CPU time than this. On a crowded machine ticks come late, so what took too long may
/// try again, and fails if it always does. Where the clock has no signals it is looked at every so many steps, each of which
/// may be long: there the body has to end, and that is all.
func expectCPUTime(within most: Duration, _ body: () throws -> Outcome) throws {
    for attempt in 1...10 {
        let started = threadTime()
        let result = Result { try body() }
        let used = threadTime() - started
        guard used <= most || attempt == 10 || !CPUClock.isSignalled else { continue }
        #expect(used <= most || !CPUClock.isSignalled, "\(used)")
        _ = try result.get()
        return
    }
}
