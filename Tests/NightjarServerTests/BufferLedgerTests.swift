//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct BufferLedgerTests {
    @Test func namesTheLoopThatHoldsTheMostOnceTheLimitIsPassed() {
        let ledger = BufferLedger(limit: 100, workers: 3)
        #expect(ledger.add(60, worker: 1) == nil)
        #expect(ledger.add(40, worker: 2) == nil)
        #expect(!ledger.isExceeded)
        #expect(ledger.add(1, worker: 0) == 1)
        #expect(ledger.isExceeded)
        #expect(ledger.add(-30, worker: 1) == nil)
        #expect(ledger.add(40, worker: 0) == 0)
        #expect(ledger.largestWorker() == 0)
        #expect(ledger.largestWorker(except: [0]) == 2)
        #expect(ledger.largestWorker(except: [0, 1, 2]) == nil)
        #expect(ledger.bytes == 111)
    }
}
