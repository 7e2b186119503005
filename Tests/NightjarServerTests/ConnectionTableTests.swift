//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NightjarServer
import Testing

struct ConnectionTableTests {
    @Test func anIDIsItsParts() {
        let id = ConnectionID(worker: 255, slot: (1 << 24) - 1, generation: .max)
        #expect(id.worker == 255)
        #expect(id.slot == (1 << 24) - 1)
        #expect(id.generation == .max)
        #expect(ConnectionID(worker: 1, slot: 2, generation: 3).rawValue == 1 << 56 | 2 << 32 | 3)
    }

    @Test func usesASlotAgainButNeverAnID() throws {
        let house = try TestHouse("return {}")
        let worker = house.workers[0]
        let first = try house.connect()
        #expect(worker.connections[first.id] === first.connection)
        first.transport.close()
        #expect(worker.connections[first.id] == nil)
        let second = try house.connect()
        #expect(second.id.slot == first.id.slot)
        #expect(second.id != first.id)
        #expect(worker.connections[first.id] == nil)
        #expect(worker.connections[second.id] === second.connection)
        #expect(worker.connections.count == 1)
        #expect(worker.connections[ConnectionID(worker: 0, slot: 77, generation: 0)] == nil)
    }
}
