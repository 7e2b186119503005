//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NightjarServer
import Testing
import WebSocketCore

struct DeadlineWheelTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    private func due(_ wheel: inout DeadlineWheel<ConnectionID>, at time: MonotonicTime) -> [UInt64] {
        var ids: [UInt64] = []
        while let entries = wheel.next(now: time) {
            ids += entries.map(\.id.rawValue)
        }
        return ids
    }

    @Test(arguments: [0, 1, 249, 250, 251, 1000, 25_000, 60_000])
    func comesUpWithinOneGrainBehindTheDeadlineAndNeverBefore(milliseconds: Int) {
        var wheel = DeadlineWheel<ConnectionID>(now: self.start)
        _ = wheel.insert(ConnectionID(rawValue: 1), at: self.start + .milliseconds(milliseconds))
        var elapsed = 0
        while elapsed < milliseconds {
            #expect(self.due(&wheel, at: self.start + .milliseconds(elapsed)) == [])
            elapsed += 50
        }
        #expect(
            self.due(&wheel, at: self.start + .milliseconds(milliseconds) + DeadlineWheel<ConnectionID>.interval) == [1]
        )
    }

    @Test func comesUpEarlyWhenTheDeadlineLiesBeyondTheRing() {
        var wheel = DeadlineWheel<ConnectionID>(now: self.start)
        let turn = wheel.insert(ConnectionID(rawValue: 1), at: self.start + .seconds(3600))
        #expect(turn == wheel.turnOf(self.start + .seconds(3600)))
        #expect(self.due(&wheel, at: self.start + .seconds(65)) == [1])
    }

    @Test func aJumpOfTimeFindsEverything() {
        var wheel = DeadlineWheel<ConnectionID>(now: self.start)
        for second in 0..<60 {
            _ = wheel.insert(ConnectionID(rawValue: UInt64(second)), at: self.start + .seconds(second))
        }
        #expect(self.due(&wheel, at: self.start + .seconds(1000)).sorted() == (0..<60).map(UInt64.init))
        #expect(self.due(&wheel, at: self.start + .seconds(2000)) == [])
    }
}
