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

/// Expects the body to use no more CPU time than this. Under a sanitizer all of it takes longer.
@discardableResult
func expectCPUTime<Result>(within most: Duration, _ body: () throws -> Result) rethrows -> Result {
    let started = threadTime()
    defer {
        let used = threadTime() - started
        #expect(used <= (CPUClock.isSignalled ? most : most * 10), "\(used)")
    }
    return try body()
}
