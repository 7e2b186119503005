//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NightjarServer
import Testing

private final class Guest: RoomOccupant {
    let id: ConnectionID
    var stays: RoomStays<Guest>?

    init(_ number: Int) {
        self.id = ConnectionID(worker: 0, slot: number, generation: 0)
    }
}

struct RouteCensusTests {
    private let census = RouteCensus()

    private func count(_ name: String) -> Int {
        Array(name.utf8).withUnsafeBytes { self.census.count($0) }
    }

    private var names: [String] {
        var names: [String] = []
        self.census.forEachRoom { names.append(String(decoding: $0, as: UTF8.self)) }
        return names.sorted()
    }

    @Test func addsUpTheTablesOfAllVMs() {
        let tables = (0..<2).map { RoomTable<Guest>(loop: $0, census: self.census) }
        let guests = (0..<4).map { Guest($0) }
        func join(_ guest: Int, _ name: String) {
            Array(name.utf8).withUnsafeBytes { _ = tables[guest % 2].join(guests[guest], $0) }
        }
        join(0, "a")
        join(1, "a")
        join(2, "a")
        join(3, "b")
        #expect(self.count("a") == 3 && self.count("b") == 1 && self.count("c") == 0)
        #expect(self.names == ["a", "b"])
        tables[0].leaveAll(guests[0])
        tables[0].leaveAll(guests[2])
        #expect(self.count("a") == 1)
        #expect(self.names == ["a", "b"])
        // Begun again while the other has it.
        join(0, "a")
        tables[1].leaveAll(guests[1])
        tables[1].leaveAll(guests[3])
        #expect(self.count("a") == 1)
        #expect(self.names == ["a"])
        tables[0].leaveAll(guests[0])
        #expect(self.names == [])
    }
}
