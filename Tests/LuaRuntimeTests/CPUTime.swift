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

/// Expects the body to use no more CPU time than this. Under a sanitizer all of it takes longer; and on a crowded machine
/// ticks come late, so what took too long may try again, and fails if it always does.
func expectCPUTime(within most: Duration, _ body: () throws -> Outcome) throws {
    let most = CPUClock.isSignalled ? most : most * 10
    for attempt in 1...10 {
        let started = threadTime()
        let result = Result { try body() }
        let used = threadTime() - started
        guard used <= most || attempt == 10 else { continue }
        #expect(used <= most, "\(used)")
        _ = try result.get()
        return
    }
}
