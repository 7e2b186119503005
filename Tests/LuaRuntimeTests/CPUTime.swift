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

/// Whether time is judged: only where these tests have the processor for themselves, since the ticks of a thread that others
/// take it from come late (`make test-unit`).
private let isJudged = ProcessInfo.processInfo.environment["NIGHTJAR_CPU_TIME"] == "1" && CPUClock.isSignalled

/// Expects the body to use no more CPU time than this. What took too long may try again, and fails if it always does.
///
/// Where time is not judged the body has to end, and that is all: so it is among other tests, and where the clock has no signals and is
/// looked at every so many steps, each of which may be long.
func expectCPUTime(within most: Duration, _ body: () throws -> Outcome) throws {
    for attempt in 1...20 {
        let started = threadTime()
        let result = Result { try body() }
        let used = threadTime() - started
        guard used <= most || attempt == 20 || !isJudged else { continue }
        #expect(used <= most || !isJudged, "\(used) of CPU time")
        _ = try result.get()
        return
    }
}
