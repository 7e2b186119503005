//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Synchronization

/// What one event loop has counted.
///
/// Only that loop writes, so an increment is a load, an addition and a store, with no lock and no atomic addition; whoever reads
/// from another thread sees each count whole, and at most a moment old.
package final class Counters: @unchecked Sendable {
    // Unchecked: the pointer never changes, and what it points to is atomic.

    private let slots = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: Counter.slotCount)

    package init() {
        for slot in 0..<Counter.slotCount {
            (self.slots + slot).initialize(to: Atomic(0))
        }
    }

    deinit {
        self.slots.deinitialize(count: Counter.slotCount)
        self.slots.deallocate()
    }

    /// Adds to a count; only on the loop that owns it.
    @inline(__always)
    package func add(_ counter: Counter, _ count: Int = 1) {
        let slot = self.slots + counter.slot
        slot.pointee.store(slot.pointee.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    /// A count, on any thread.
    package subscript(counter: Counter) -> Int {
        (self.slots + counter.slot).pointee.load(ordering: .relaxed)
    }
    /// Sockets that were accepted, or refused as too many, and are closed; on any thread.
    package var socketsGone: Int {
        self[.accepted] + self[.exceeded(.connections)] + self[.exceeded(.connectionsPerIP)]
            - self[.handshakes] - self[.open]
    }
}
