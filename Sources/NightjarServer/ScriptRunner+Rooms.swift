//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
package import LuaRuntime
internal import WebSocketCore

/// Rooms and broadcasts: what changes and is counted at the script's call, and what becomes of the effects.
extension ScriptRunner {
    // MARK: - At the call

    package func join(_ id: ConnectionID, room: UnsafeRawBufferPointer) -> RoomMove {
        guard let member = self.member(id), member.phase == .open else { return .notOpen }
        let move = self.rooms.join(member, room, limit: self.route.configuration.rooms)
        if move == .refused {
            self.worker.exceeded(
                .rooms,
                "not joined: a connection is in \(self.route.configuration.rooms) rooms",
                metadata: ["route": "\(self.route.path)", "connection": "\(member.request.publicID)"]
            )
        }
        return move
    }

    package func leave(_ id: ConnectionID, room: UnsafeRawBufferPointer) -> RoomMove {
        guard let member = self.member(id), member.phase == .open else { return .notOpen }
        return self.rooms.leave(member, room)
    }

    package func forEachRoom(of id: ConnectionID, _ body: (UnsafeRawBufferPointer) -> Void) {
        guard let member = self.member(id), let stays = member.stays else { return }
        switch member.phase {
        case .open: stays.stays.forEach { body($0.room.name.bytes) }
        case .ended: stays.former.forEach { body($0.bytes) }
        case .waiting, .closed: break
        }
    }

    package func forEachRoom(_ body: (UnsafeRawBufferPointer) -> Void) {
        self.rooms.all.forEach { body($0.name.bytes) }
    }

    package func roomCount(_ name: UnsafeRawBufferPointer, route: Int?) -> Int {
        self.rooms[name]?.count ?? 0
    }

    package func members(ofRoom name: UnsafeRawBufferPointer) -> [ConnectionID] {
        self.rooms[name]?.occupants.map(\.id) ?? []
    }

    package func route(named name: UnsafeRawBufferPointer) -> RouteReference {
        .missing("there is no route \"\(String(decoding: name, as: UTF8.self))\"")
    }

    package func broadcast(_ byteCount: Int, to audience: inout Audience) -> Int {
        guard let rooms = audience.rooms else { return self.countEverybody(but: audience) }
        // By the time that the effect comes they may have been left.
        audience.note = rooms.reduce(0) { $0 | (self.rooms[$1]?.loops ?? 0) }
        if audience.exceptRooms.isEmpty, audience.except.count <= 1, let only = rooms.only {
            guard let room = self.rooms[only] else { return 0 }
            let isExcepted = audience.except.first.flatMap(self.member).flatMap(room.stay) != nil
            return room.count - (isExcepted ? 1 : 0)
        }
        var count = 0
        let except = ExceptedConnections(audience.except)
        self.rooms.forEach(in: rooms, exceptRooms: audience.exceptRooms, except: except) { _ in count += 1 }
        return count
    }

    private func countEverybody(but audience: Audience) -> Int {
        guard !audience.exceptRooms.isEmpty else {
            return self.openCount - Set(audience.except).count(where: self.isOpen)
        }
        var excepted = Set(audience.except.filter(self.isOpen))
        let nobody = ExceptedConnections(UnsafeBufferPointer(start: nil, count: 0))
        self.rooms.forEach(in: audience.exceptRooms, exceptRooms: RoomNames(), except: nobody) {
            excepted.insert($0.id)
        }
        return self.openCount - excepted.count
    }

    package func disconnect(room name: UnsafeRawBufferPointer, note: inout UInt64) -> Int {
        guard let room = self.rooms[name] else { return 0 }
        note = room.loops
        let members = room.occupants
        for member in members {
            self.leaveOpen(member)
            member.takesMessages = false
        }
        return members.count
    }

    /// Takes a member that is not open any more out of its rooms, and remembers them for its `close`.
    func leaveRooms(_ member: Member) {
        guard let stays = member.stays else { return }
        stays.former = stays.stays.map(\.room.name)
        self.rooms.leaveAll(member)
    }

    // MARK: - The effects

    /// Encodes once, compresses once for each window in use, then one envelope for each event loop that it concerns.
    func fanOut(_ payload: UnsafeRawBufferPointer, isText: Bool, options: SendOptions, to audience: Audience) {
        self.worker.counters.add(.broadcasts)
        let frames = BroadcastFrames(
            payload,
            isText: isText,
            demand: self.demand,
            level: options.compress ? self.route.configuration.deflateLevel(payload.count) : nil,
            pool: self.worker.deflatePool
        )
        for worker in self.membersOnWorker.indices where self.membersOnWorker[worker] > 0 {
            if worker == self.worker.index {
                self.worker.broadcast(frames, to: self.route.index, options: options, audience: audience)
            } else if audience.rooms == nil || audience.note & Room<Member>.bit(of: worker) != 0 {
                let envelope = Envelope.broadcast(
                    route: self.route.index,
                    frames: frames,
                    compress: options.compress,
                    key: Array(options.key),
                    to: Recipients(audience, on: worker)
                )
                self.worker.post(envelope, to: worker)
            }
        }
    }

    /// Closes those on each loop who were in the room.
    func disconnect(_ audience: Audience, code: CloseCode, reason: UnsafeRawBufferPointer) {
        guard let room = audience.rooms?.only else { return }
        let reason = String(decoding: reason, as: UTF8.self)
        self.worker.disconnect(route: self.route.index, room: room, code: code, reason: reason)
        for worker in self.membersOnWorker.indices
        where worker != self.worker.index && audience.note & Room<Member>.bit(of: worker) != 0 {
            self.worker.post(
                .disconnect(route: self.route.index, room: Array(room), code: code, reason: reason),
                to: worker
            )
        }
    }
}
