//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CLuaRuntime

/// Whom a broadcast is for: views of what the script's call, or the outbox, holds.
package struct Audience {
    /// The number of the route; nil is the script's own.
    package var route: Int?

    /// Those who are in any of these rooms, each once; nil is everybody of the route.
    package var rooms: RoomNames?

    /// Nobody who is in any of these rooms.
    package var exceptRooms: RoomNames

    /// None of these, who may be named twice.
    package var except: UnsafeBufferPointer<ConnectionID>

    /// What the host wrote here when it was asked, for when the effect comes.
    package var note: UInt64

    package init(
        route: Int? = nil,
        rooms: RoomNames? = nil,
        exceptRooms: RoomNames = RoomNames(),
        except: UnsafeBufferPointer<ConnectionID> = UnsafeBufferPointer(start: nil, count: 0),
        note: UInt64 = 0
    ) {
        self.route = route
        self.rooms = rooms
        self.exceptRooms = exceptRooms
        self.except = except
        self.note = note
    }
}

@available(*, unavailable)
extension Audience: Sendable {}

extension Audience {
    /// The view that C gives, while `body` runs.
    @inline(__always)
    static func with<Result>(_ audience: nj_audience, _ body: (inout Audience) -> Result) -> Result {
        withConnectionIDs(audience.except, audience.except_count) { except in
            var view = Audience(
                route: audience.route == NJ_OWN_ROUTE ? nil : Int(audience.route),
                rooms: audience.has_rooms
                    ? RoomNames(list: UnsafeRawBufferPointer(start: audience.rooms, count: audience.rooms_length))
                    : nil,
                exceptRooms: RoomNames(
                    list: UnsafeRawBufferPointer(start: audience.except_rooms, count: audience.except_rooms_length)
                ),
                except: except,
                note: audience.note
            )
            return body(&view)
        }
    }
}
