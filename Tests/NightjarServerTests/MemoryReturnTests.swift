//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing
import WebSocketCore

@Suite struct MemoryReturnTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func verdicts(_ steps: [(bytes: Int, after: Duration)]) -> [Bool] {
        var memory = MemoryReturn()
        return steps.map { memory.isDue(bytes: $0.bytes, socketsGone: 0, now: start + $0.after) }
    }

    @Test func isDueWhenMuchWasLetGoAndOnceMore() {
        let later = MemoryReturn.interval
        let steps: [(bytes: Int, after: Duration)] = [
            (20 << 20, .zero), ((16 << 20) + 1, .zero), (16 << 20, .zero), (16 << 20, later), (16 << 20, later * 2),
            (13 << 20, later * 2), (12 << 20, later * 2),
        ]
        #expect(verdicts(steps) == [false, false, true, true, false, false, true])
    }

    @Test func isNotDueTwiceInItsInterval() {
        let almost = MemoryReturn.interval - .nanoseconds(1)
        let steps = [(100 << 20, .zero), (50 << 20, .zero), (0, almost), (0, MemoryReturn.interval)]
        #expect(verdicts(steps) == [false, true, false, true])
    }

    /// Sockets hold memory that is in no account.
    @Test func isDueWhenManySocketsAreGone() {
        var memory = MemoryReturn()
        let enough = MemoryReturn.threshold / MemoryReturn.socketBytes + 1
        // What buffers and sockets have held counts together.
        let steps = [
            (0, enough - 1), (0, enough), (0, 2 * enough - 1), (0, 2 * enough), (3 << 20, 2 * enough), (0, 2 * enough),
            (0, 2 * enough + enough / 2),
        ]
        let verdicts = steps.enumerated().map { place, step in
            memory.isDue(bytes: step.0, socketsGone: step.1, now: start + .seconds(3 * place))
        }
        #expect(verdicts == [false, true, true, false, false, false, true])
    }
}
