//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime
internal import WebSocketCore

/// The rooms' connections on this loop, kept in the order in which the script's loop tells of them.
extension Worker {
    /// From now on broadcasts to the room reach the connection.
    func join(_ connection: Connection, room: UnsafeRawBufferPointer) {
        guard connection.isOpen else { return }
        _ = self.rooms[connection.route.index].join(connection, room)
    }

    func leave(_ connection: Connection, room: UnsafeRawBufferPointer) {
        _ = self.rooms[connection.route.index].leave(connection, room)
    }

    /// Tells a member's connection, on this loop or another, what room it is in from now on.
    func join(_ member: Member, room: UnsafeRawBufferPointer) {
        if let connection = member.connection {
            self.join(connection, room: room)
        } else if member.id.worker != self.index {
            self.post(.joined(member.id, length: room.count), payload: room, to: member.id.worker)
        }
    }

    func leave(_ member: Member, room: UnsafeRawBufferPointer) {
        if let connection = member.connection {
            self.leave(connection, room: room)
        } else if member.id.worker != self.index {
            self.post(.left(member.id, length: room.count), payload: room, to: member.id.worker)
        }
    }

    /// Closes every connection that is in the room.
    func disconnect(route: Int, room: UnsafeRawBufferPointer, code: CloseCode, reason: String) {
        for connection in self.rooms[route][room]?.occupants ?? [] {
            if let member = connection.member {
                member.runner.leaveOpen(member)
                member.takesMessages = false
            }
            connection.close(code: code, reason: reason)
        }
    }
}
