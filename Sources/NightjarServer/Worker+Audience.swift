//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime

/// The connections of this loop that a route's broadcasts reach, kept in the order in which the script's loop tells of them.
extension Worker {
    /// The member's `connect` begins: from now on broadcasts reach it.
    package func admit(_ member: Member) {
        if let connection = member.connection {
            self.admit(connection)
        } else {
            self.post(.admitted(member.id), to: member.id.worker)
        }
    }

    /// The client learns that it is connected once broadcasts reach it: so it misses none that it causes itself, by whatever way.
    func admit(_ connection: Connection) {
        self.joinAudience(connection)
        connection.admit()
    }

    /// Appends a message to what the connections on this loop that it is for are sent.
    func broadcast(_ frames: BroadcastFrames, to route: Int, options: SendOptions, audience: Audience) {
        let except = ExceptedConnections(audience.except)
        if let rooms = audience.rooms {
            self.rooms[route].forEach(in: rooms, exceptRooms: audience.exceptRooms, except: except) { connection in
                connection.send(frames, options: options)
            }
            return
        }
        let mark = audience.exceptRooms.isEmpty ? nil : self.rooms[route].mark(audience.exceptRooms)
        for connection in self.audiences[route] where !except.contains(connection.id) {
            if let mark, connection.stays?.mark == mark { continue }
            connection.send(frames, options: options)
        }
    }

    package func leaveAudience(_ connection: Connection) {
        self.rooms[connection.route.index].leaveAll(connection)
        guard let place = connection.audienceIndex else { return }
        connection.audienceIndex = nil
        let route = connection.route.index
        let last = self.audiences[route].removeLast()
        if last !== connection {
            self.audiences[route][place] = last
            last.audienceIndex = place
        }
        if self.audiences[route].isEmpty {
            connection.route.census.setAudience(false, on: self.index)
        }
    }

    private func joinAudience(_ connection: Connection) {
        guard connection.isOpen, connection.audienceIndex == nil else { return }
        connection.audienceIndex = self.audiences[connection.route.index].count
        self.audiences[connection.route.index].append(connection)
        if connection.audienceIndex == 0 {
            connection.route.census.setAudience(true, on: self.index)
        }
    }
}
