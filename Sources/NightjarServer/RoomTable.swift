//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime

/// The rooms of one route as one event loop knows them: at the loop of the script its members' as of now, at the loop of a
/// socket the connections' as of the effects that have arrived.
///
/// Joining and leaving cost the same however many rooms, occupants and routes there are.
package final class RoomTable<Occupant: RoomOccupant> {
    private let loop: Int
    private let census: RouteCensus?
    private var rooms: [RoomKey: Room<Occupant>] = [:]
    private var lastMark: UInt64 = 0

    /// - Parameters:
    ///   - loop: the index of the event loop.
    ///   - census: who else is told; nil at the loop of sockets.
    package init(loop: Int, census: RouteCensus? = nil) {
        self.loop = loop
        self.census = census
    }

    /// How many rooms somebody is in.
    package var count: Int { self.rooms.count }

    /// The rooms that somebody is in.
    package var all: some Collection<Room<Occupant>> { self.rooms.values }

    /// The room of that name, if somebody is in it.
    package subscript(name: UnsafeRawBufferPointer) -> Room<Occupant>? {
        self.rooms[RoomKey(name)]
    }

    /// Lets an occupant into a room.
    ///
    /// - Parameters:
    ///   - occupant: who.
    ///   - name: 1 to 256 bytes; they are copied if the room is new.
    ///   - limit: how many rooms it may be in.
    /// - Returns: ``RoomMove/stayed`` when it is in there, ``RoomMove/refused`` at the limit.
    package func join(_ occupant: Occupant, _ name: UnsafeRawBufferPointer, limit: Int = .max) -> RoomMove {
        let known = self[name]
        if let known, known.stay(of: occupant) != nil { return .stayed }
        guard (occupant.stays?.stays.count ?? 0) < limit else { return .refused }
        let room = known ?? self.begin(name)
        room.insert(occupant, loop: self.loop)
        return .moved
    }

    /// Lets an occupant out of a room.
    package func leave(_ occupant: Occupant, _ name: UnsafeRawBufferPointer) -> RoomMove {
        guard let room = self[name], let stay = room.stay(of: occupant) else { return .stayed }
        self.remove(occupant, from: room, stay: stay)
        return .moved
    }

    /// Lets an occupant out of all its rooms.
    package func leaveAll(_ occupant: Occupant) {
        guard let stays = occupant.stays else { return }
        while let last = stays.stays.last {
            self.remove(occupant, from: last.room, stay: stays.stays.count - 1)
        }
    }

    private func begin(_ name: UnsafeRawBufferPointer) -> Room<Occupant> {
        let record = self.census?.begin(name)
        let room = Room<Occupant>(name: record?.name ?? RoomName(name), record: record)
        self.rooms[RoomKey(room.name.bytes)] = room
        return room
    }

    private func remove(_ occupant: Occupant, from room: Room<Occupant>, stay: Int) {
        room.remove(occupant, stay: stay, loop: self.loop)
        if let stays = occupant.stays, stays.stays.isEmpty, stays.former.isEmpty {
            occupant.stays = nil
        }
        if room.count == 0 {
            self.rooms[RoomKey(room.name.bytes)] = nil
            if let record = room.record {
                self.census?.end(record)
            }
        }
    }

    // MARK: - Several rooms

    /// Calls `body` for everybody who is in any of `rooms`, once, but for those who are excepted.
    package func forEach(
        in rooms: RoomNames,
        exceptRooms: RoomNames,
        except: ExceptedConnections,
        _ body: (Occupant) -> Void
    ) {
        if exceptRooms.isEmpty, let only = rooms.only {
            guard let room = self[only] else { return }
            for place in room.places where !except.contains(place.occupant.id) {
                body(place.occupant)
            }
            return
        }
        let excluded = self.mark(exceptRooms)
        self.lastMark += 1
        let mark = self.lastMark
        for name in rooms {
            for place in self[name]?.places ?? [] {
                guard let stays = place.occupant.stays, stays.mark < excluded else { continue }
                stays.mark = mark
                if !except.contains(place.occupant.id) {
                    body(place.occupant)
                }
            }
        }
    }

    /// Marks everybody who is in any of the rooms.
    ///
    /// - Returns: the mark, which is greater than all before; it is no longer theirs alone when more is marked.
    package func mark(_ rooms: RoomNames) -> UInt64 {
        self.lastMark += 1
        for name in rooms {
            for place in self[name]?.places ?? [] {
                place.occupant.stays?.mark = self.lastMark
            }
        }
        return self.lastMark
    }
}

/// The connections that a broadcast leaves out: few are looked through, many looked up.
package struct ExceptedConnections {
    private static let few = 8

    private let list: UnsafeBufferPointer<ConnectionID>
    private let set: Set<ConnectionID>?

    /// - Parameter list: there as long as this value; may name a connection twice.
    package init(_ list: UnsafeBufferPointer<ConnectionID>) {
        self.list = list
        self.set = list.count > Self.few ? Set(list) : nil
    }

    package func contains(_ id: ConnectionID) -> Bool {
        self.set?.contains(id) ?? self.list.contains(id)
    }
}

@available(*, unavailable)
extension RoomTable: Sendable {}

@available(*, unavailable)
extension ExceptedConnections: Sendable {}
