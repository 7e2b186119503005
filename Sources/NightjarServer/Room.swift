//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime

#if canImport(Glibc)
internal import Glibc
#else
internal import Musl
#endif

/// Who can be in rooms: a member at the loop of its script, a connection at its own.
package protocol RoomOccupant: AnyObject {
    var id: ConnectionID { get }

    /// Its places in rooms; nil while it is in none, which costs it a word.
    var stays: RoomStays<Self>? { get set }
}

/// A named set of connections of one route, as one event loop knows it. It is there as long as somebody is in it.
package final class Room<Occupant: RoomOccupant> {
    struct Place {
        let occupant: Occupant
        /// Where this room stands among the occupant's own.
        var stay: Int
    }

    let name: RoomName

    /// What other loops see of the room; nil at the loops of sockets, whose word does not count.
    let record: RoomRecord?
    private(set) var places: [Place] = []

    /// How many occupants have their socket on which other loop. Short: it has no entry for a loop without.
    private var elsewhere: [(loop: Int, count: Int)] = []

    init(name: RoomName, record: RoomRecord?) {
        self.name = name
        self.record = record
    }

    /// How many are in the room.
    package var count: Int { self.places.count }

    /// Those who are in the room.
    package var occupants: [Occupant] { self.places.map(\.occupant) }

    /// The ``RouteCensus/bit(of:)`` of each other loop that has occupants' sockets.
    package var loops: UInt64 {
        self.elsewhere.reduce(0) { $0 | RouteCensus.bit(of: $1.loop) }
    }

    /// Adds an occupant, and to its stays this room.
    func insert(_ occupant: Occupant, loop: Int) {
        let stays = occupant.stays ?? RoomStays()
        occupant.stays = stays
        self.places.append(Place(occupant: occupant, stay: stays.stays.count))
        stays.stays.append(RoomStays.Stay(room: self, place: self.places.count - 1))
        self.count(occupant, by: 1, loop: loop)
    }

    /// Removes what stands at a place here and at one among the occupant's stays; the last of each list moves there.
    func remove(_ occupant: Occupant, stay: Int, loop: Int) {
        guard let stays = occupant.stays else { return }
        let place = stays.stays[stay].place
        let lastPlace = self.places.removeLast()
        if place < self.places.count {
            self.places[place] = lastPlace
            lastPlace.occupant.stays?.stays[lastPlace.stay].place = place
        }
        let lastStay = stays.stays.removeLast()
        if stay < stays.stays.count {
            stays.stays[stay] = lastStay
            lastStay.room.places[lastStay.place].stay = stay
        }
        self.count(occupant, by: -1, loop: loop)
    }

    /// Where the room stands among the occupant's stays; nil when it is not in here. Looks through the shorter list.
    func stay(of occupant: Occupant) -> Int? {
        guard let stays = occupant.stays else { return nil }
        if stays.stays.count <= self.places.count {
            return stays.stays.firstIndex { $0.room === self }
        }
        return self.places.first { $0.occupant === occupant }?.stay
    }

    private func count(_ occupant: Occupant, by change: Int, loop: Int) {
        self.record?.count(by: change)
        let other = occupant.id.worker
        guard other != loop else { return }
        guard let index = self.elsewhere.firstIndex(where: { $0.loop == other }) else {
            self.elsewhere.append((other, change))
            return
        }
        self.elsewhere[index].count += change
        if self.elsewhere[index].count == 0 {
            self.elsewhere.remove(at: index)
        }
    }
}

/// The rooms that one occupant is in.
package final class RoomStays<Occupant: RoomOccupant> {
    struct Stay {
        let room: Room<Occupant>
        /// Where the occupant stands among those in the room.
        var place: Int
    }

    fileprivate(set) var stays: [Stay] = []

    /// The rooms that a member was in when it was closed, which its `close` handler may still ask for.
    var former: [RoomName] = []

    /// The latest look through rooms that has come upon this occupant.
    var mark: UInt64 = 0
}

/// The name of a room: bytes that stay where they are.
package final class RoomName: @unchecked Sendable {
    // Unchecked: nobody writes the bytes once they are there.

    package let bytes: UnsafeRawBufferPointer

    package init(_ name: UnsafeRawBufferPointer) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: name.count, alignment: 1)
        bytes.copyMemory(from: name)
        self.bytes = UnsafeRawBufferPointer(bytes)
    }

    deinit {
        self.bytes.deallocate()
    }
}

/// What a room is found by: a view of its name, which is there as long as the room, or of one that is looked for. So looking
/// takes no memory.
struct RoomKey: Hashable, @unchecked Sendable {
    // Unchecked: nobody writes the bytes of a name.

    private let bytes: UnsafeRawBufferPointer

    init(_ name: UnsafeRawBufferPointer) {
        self.bytes = name
    }

    static func == (a: RoomKey, b: RoomKey) -> Bool {
        guard a.bytes.count == b.bytes.count, let first = a.bytes.baseAddress, let second = b.bytes.baseAddress else {
            return a.bytes.isEmpty && b.bytes.isEmpty
        }
        return memcmp(first, second, a.bytes.count) == 0
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(bytes: self.bytes)
    }
}

@available(*, unavailable)
extension Room: Sendable {}

@available(*, unavailable)
extension RoomStays: Sendable {}
