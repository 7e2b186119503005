//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NightjarServer
import Testing

/// One who is in rooms and nothing else.
private final class Guest: RoomOccupant {
    let id: ConnectionID
    var stays: RoomStays<Guest>?

    init(_ number: Int, loop: Int = 0) {
        self.id = ConnectionID(worker: loop, slot: number, generation: 0)
    }
}

struct RoomTableTests {
    private let table = RoomTable<Guest>(loop: 0)

    @discardableResult
    private func join(_ guest: Guest, _ name: String, limit: Int = .max) -> RoomMove {
        bytes(name) { self.table.join(guest, $0, limit: limit) }
    }

    @discardableResult
    private func leave(_ guest: Guest, _ name: String) -> RoomMove {
        bytes(name) { self.table.leave(guest, $0) }
    }

    private func room(_ name: String) -> Room<Guest>? {
        bytes(name) { self.table[$0] }
    }

    private func slots(_ name: String) -> [Int] {
        (self.room(name)?.occupants ?? []).map(\.id.slot).sorted()
    }

    /// The guests that a broadcast would reach, in the order in which it does.
    private func reached(_ rooms: [String], exceptRooms: [String] = [], except: [Guest] = []) -> [Int] {
        var reached: [Int] = []
        list(rooms) { rooms in
            list(exceptRooms) { exceptRooms in
                except.map(\.id).withUnsafeBufferPointer { except in
                    let excepted = ExceptedConnections(except)
                    self.table.forEach(in: rooms, exceptRooms: exceptRooms, except: excepted) {
                        reached.append($0.id.slot)
                    }
                }
            }
        }
        return reached
    }

    @Test func joiningTwiceAndLeavingTwiceChangeNothing() {
        let guest = Guest(1)
        #expect(self.join(guest, "a") == .moved)
        #expect(self.join(guest, "a") == .stayed)
        #expect(self.slots("a") == [1])
        #expect(self.leave(guest, "b") == .stayed)
        #expect(self.leave(guest, "a") == .moved)
        #expect(self.leave(guest, "a") == .stayed)
    }

    @Test func aRoomIsThereAsLongAsSomebodyIsInIt() {
        let (one, two) = (Guest(1), Guest(2))
        self.join(one, "a")
        self.join(two, "a")
        self.leave(one, "a")
        #expect(self.table.count == 1)
        self.leave(two, "a")
        #expect(self.table.count == 0)
        #expect(self.room("a") == nil)
    }

    @Test func theLimitCountsTheRoomsOfOneOccupant() {
        let (one, two) = (Guest(1), Guest(2))
        #expect(self.join(one, "a", limit: 2) == .moved)
        #expect(self.join(one, "b", limit: 2) == .moved)
        #expect(self.join(one, "c", limit: 2) == .refused)
        #expect(self.room("c") == nil)
        #expect(self.join(one, "b", limit: 2) == .stayed)
        #expect(self.join(two, "c", limit: 2) == .moved)
        self.leave(one, "a")
        #expect(self.join(one, "c", limit: 2) == .moved)
    }

    @Test func leavingAllLeavesTheOthersWhereTheyAre() {
        let guests = (0..<4).map { Guest($0) }
        for guest in guests {
            for name in ["a", "b", "c"] where guest.id.slot != 3 || name != "b" { self.join(guest, name) }
        }
        self.table.leaveAll(guests[1])
        self.table.leaveAll(guests[1])
        #expect(self.slots("a") == [0, 2, 3])
        #expect(self.slots("b") == [0, 2])
        #expect(self.slots("c") == [0, 2, 3])
    }

    /// What looks alike is not equal, and what only begins alike is not either.
    @Test(arguments: ["a", "a\0", "\u{E9}", "e\u{301}", "aa", String(repeating: "a", count: 256)])
    func namesAreBytes(name: String) {
        let guest = Guest(1)
        for other in ["a", "a\0", "\u{E9}", "e\u{301}", "aa", String(repeating: "a", count: 256)]
        where !other.utf8.elementsEqual(name.utf8) {
            self.join(guest, other)
        }
        #expect(self.room(name) == nil)
        #expect(self.table.count == 5)
    }

    @Test func aBroadcastReachesEachOnce() {
        let guests = (0..<5).map { Guest($0) }
        for slot in [0, 1, 2] { self.join(guests[slot], "a") }
        for slot in [1, 2, 3] { self.join(guests[slot], "b") }
        self.join(guests[2], "c")
        self.join(guests[4], "d")
        #expect(self.reached(["a"]).sorted() == [0, 1, 2])
        #expect(self.reached(["a"], except: [guests[0], guests[4], guests[0]]).sorted() == [1, 2])
        #expect(self.reached(["a", "b", "a", "nobody"]).sorted() == [0, 1, 2, 3])
        #expect(self.reached(["a", "b"], exceptRooms: ["c", "nobody"]).sorted() == [0, 1, 3])
        #expect(self.reached(["a", "b"], exceptRooms: ["c"], except: [guests[3]]).sorted() == [0, 1])
        #expect(self.reached(["a"], exceptRooms: ["a"]) == [])
        #expect(self.reached(["a"], except: (0..<20).map { guests[$0 % 2] }) == [2])
        #expect(self.reached(["nobody"]) == [])
        #expect(self.reached([]) == [])
        #expect(self.reached(["d"], exceptRooms: ["a", "b"]) == [4])
    }

    @Test func knowsTheOtherLoopsOfARoom() {
        let guests = [Guest(0), Guest(1, loop: 3), Guest(2, loop: 3), Guest(3, loop: 70)]
        for guest in guests { self.join(guest, "a") }
        #expect(self.room("a")?.loops == 1 << 3 | 1 << 6)
        self.leave(guests[1], "a")
        #expect(self.room("a")?.loops == 1 << 3 | 1 << 6)
        self.leave(guests[2], "a")
        self.leave(guests[0], "a")
        #expect(self.room("a")?.loops == 1 << 6)
    }

    /// Any number of joins and leaves, against sets.
    @Test(arguments: 0..<20)
    func isWhatSetsSay(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let guests = (0..<12).map { Guest($0, loop: $0 % 3) }
        let names = (0..<8).map { "room \($0)" }
        var model: [String: Set<Int>] = [:]
        for _ in 0..<2000 {
            guard let guest = guests.randomElement(using: &random), let name = names.randomElement(using: &random)
            else {
                return
            }
            let slot = guest.id.slot
            let rooms = model.values.count { $0.contains(slot) }
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                self.table.leaveAll(guest)
                for name in names { model[name]?.remove(slot) }
            case 1..<12:
                let isIn = model[name]?.contains(slot) == true
                let expected: RoomMove = isIn ? .stayed : rooms >= 5 ? .refused : .moved
                #expect(self.join(guest, name, limit: 5) == expected)
                if expected == .moved { model[name, default: []].insert(slot) }
            default:
                let expected: RoomMove = model[name]?.remove(slot) == nil ? .stayed : .moved
                #expect(self.leave(guest, name) == expected)
            }
        }
        for name in names {
            let members = model[name] ?? []
            #expect(self.slots(name) == members.sorted())
            let loops = Set(members.map { $0 % 3 }).subtracting([0])
            #expect((self.room(name)?.loops ?? 0) == loops.reduce(0) { $0 | 1 << UInt64($1) })
            #expect((self.room(name) == nil) == members.isEmpty)
        }
        for guest in guests { self.table.leaveAll(guest) }
        #expect(self.table.count == 0)
    }
}

private func bytes<Result>(_ name: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    Array(name.utf8).withUnsafeBytes(body)
}

private func list(_ names: [String], _ body: (RoomNames) -> Void) {
    var list: [UInt8] = []
    for name in names {
        bytes(name) { RoomNames.append($0, to: &list) }
    }
    list.withUnsafeBytes { body(RoomNames(list: $0)) }
}
