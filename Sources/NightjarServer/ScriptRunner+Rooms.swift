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
        if self.route.isPerCore {
            self.route.census.forEachRoom(body)
        } else {
            self.rooms.all.forEach { body($0.name.bytes) }
        }
    }

    package func roomCount(_ name: UnsafeRawBufferPointer, route: Int?) -> Int {
        if let route {
            return self.worker.router.route(number: route)?.census.count(name) ?? 0
        }
        if let room = self.rooms[name] {
            // With several VMs the record has those of the others as well.
            return room.record?.count ?? room.count
        }
        return self.route.isPerCore ? self.route.census.count(name) : 0
    }

    package func members(ofRoom name: UnsafeRawBufferPointer) -> [ConnectionID] {
        self.rooms[name]?.occupants.map(\.id) ?? []
    }

    package func route(named name: UnsafeRawBufferPointer) -> RouteReference {
        let name = String(decoding: name, as: UTF8.self)
        if name == self.route.name { return .own }
        if let route = self.worker.router.route(named: name) { return .other(route.index) }
        let others = self.worker.router.routes.map(\.name).filter { $0 != self.route.name }.sorted()
        let known = others.isEmpty ? "there are no others" : "the others are \(others.joined(separator: ", "))"
        return .missing("there is no route \"\(name)\": \(known)")
    }

    package func broadcast(_ byteCount: Int, to audience: inout Audience) -> Int {
        if let number = audience.route {
            guard let route = self.worker.router.route(number: number), let rooms = audience.rooms else { return 0 }
            return rooms.reduce(0) { $0 + route.census.count($1) }
        }
        guard let rooms = audience.rooms else {
            return self.countEverybody(but: audience) + self.route.census.openCount - self.openCount
        }
        // By the time that the effect comes they may have been left.
        audience.note = rooms.reduce(0) { $0 | (self.rooms[$1]?.loops ?? 0) }
        let count = self.count(in: rooms, but: audience)
        guard self.route.isPerCore else { return count }
        // Who is in two rooms elsewhere counts twice, since only those here are known.
        return rooms.reduce(count) { $0 + self.roomCount($1, route: nil) - (self.rooms[$1]?.count ?? 0) }
    }

    private func count(in rooms: RoomNames, but audience: Audience) -> Int {
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
        let count = self.roomCount(name, route: nil)
        guard let room = self.rooms[name] else { return count }
        note = room.loops
        for member in room.occupants {
            self.leaveOpen(member)
            member.takesMessages = false
        }
        return count
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
        let route = audience.route.map { self.worker.router.route(number: $0) } ?? self.route
        guard let route else { return }
        let frames = BroadcastFrames(
            payload,
            isText: isText,
            demand: self.knowsConnections(of: audience) ? self.demand : route.census.demand,
            level: options.compress ? route.configuration.deflateLevel(payload.count) : nil,
            pool: self.worker.deflatePool
        )
        for worker in self.loops(of: audience, on: route) {
            if worker == self.worker.index {
                self.worker.broadcast(frames, to: route.index, options: options, audience: audience)
            } else {
                let envelope = Envelope.broadcast(
                    route: route.index,
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
        for worker in self.loops(of: audience, on: self.route) {
            if worker == self.worker.index {
                self.worker.disconnect(route: self.route.index, room: room, code: code, reason: reason)
            } else {
                self.worker.post(
                    .disconnect(route: self.route.index, room: Array(room), code: code, reason: reason),
                    to: worker
                )
            }
        }
    }

    /// Whether this VM has all connections that the audience may hold.
    private func knowsConnections(of audience: Audience) -> Bool {
        audience.route == nil && !self.route.isPerCore
    }

    /// The loops that may have connections of the audience.
    private func loops(of audience: Audience, on route: Route) -> some Sequence<Int> {
        let isKnown = self.knowsConnections(of: audience)
        let note = audience.rooms == nil ? UInt64.max : audience.note | RouteCensus.bit(of: self.worker.index)
        return self.membersOnWorker.indices.lazy.filter { worker in
            isKnown
                ? self.membersOnWorker[worker] > 0 && note & RouteCensus.bit(of: worker) != 0
                : route.census.hasAudience(on: worker)
        }
    }
}
