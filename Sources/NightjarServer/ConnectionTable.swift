//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime

extension ConnectionID {
    /// The most event loops whose connections can be told apart.
    package static let maximumWorkers = 256

    /// The most connections of one event loop.
    package static let maximumSlots = 1 << 24

    /// Composes an id.
    ///
    /// - Parameters:
    ///   - worker: the index of the event loop that owns the socket, below ``maximumWorkers``.
    ///   - slot: the place in that loop's table, below ``maximumSlots``.
    ///   - generation: how often the slot has been given away before.
    package init(worker: Int, slot: Int, generation: UInt32) {
        self.init(rawValue: UInt64(worker) << 56 | UInt64(slot) << 32 | UInt64(generation))
    }

    /// The index of the event loop that owns the socket.
    package var worker: Int { Int(self.rawValue >> 56) }

    /// The place in that loop's table.
    package var slot: Int { Int((self.rawValue >> 32) & 0xFF_FFFF) }

    /// How often the slot has been given away before.
    package var generation: UInt32 { UInt32(truncatingIfNeeded: self.rawValue) }
}

/// The connections of one event loop, found by id in constant time.
///
/// A slot is used again, its generation is not: an id that outlives its connection finds nothing.
package struct ConnectionTable {
    private struct Slot {
        var connection: Connection?
        var generation: UInt32
    }

    private let worker: Int
    private var slots: ContiguousArray<Slot> = []
    private var freeSlots: ContiguousArray<UInt32> = []

    /// How many connections the table holds.
    package private(set) var count = 0

    package init(worker: Int) {
        self.worker = worker
    }

    /// Puts in the connection that `make` builds for the id it is given.
    ///
    /// - Returns: the connection, or nil when every slot is taken.
    package mutating func insert(_ make: (ConnectionID) -> Connection) -> Connection? {
        let slot: Int
        if let free = self.freeSlots.popLast() {
            slot = Int(free)
        } else {
            guard self.slots.count < ConnectionID.maximumSlots else { return nil }
            slot = self.slots.count
            self.slots.append(Slot(connection: nil, generation: 0))
        }
        let connection = make(
            ConnectionID(worker: self.worker, slot: slot, generation: self.slots[slot].generation)
        )
        self.slots[slot].connection = connection
        self.count += 1
        return connection
    }

    /// The connection with that id, or nil when it is gone.
    package subscript(id: ConnectionID) -> Connection? {
        let slot = id.slot
        guard slot < self.slots.count, self.slots[slot].generation == id.generation else { return nil }
        return self.slots[slot].connection
    }

    /// Takes a connection out; its id will never be found again.
    package mutating func remove(_ id: ConnectionID) {
        let slot = id.slot
        guard slot < self.slots.count, self.slots[slot].generation == id.generation else { return }
        self.slots[slot].connection = nil
        self.slots[slot].generation &+= 1
        self.freeSlots.append(UInt32(slot))
        self.count -= 1
    }

    /// Every connection of the table, as it is now.
    package var all: [Connection] { self.slots.compactMap(\.connection) }
}
