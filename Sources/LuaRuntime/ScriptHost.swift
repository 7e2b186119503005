//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What became of bytes that a script wants to send.
package enum SendVerdict: Int32, Sendable {
    /// They count as buffered from here on, and come out as an effect.
    case accepted

    /// The connection is closed; the script gets `nil, "closed"`.
    case closed

    /// The send buffer is full; the script gets `nil, "overflow"`.
    case overflow

    /// There may be room once the effects so far are applied: the script's call does that and asks again.
    case unsettled
}

/// What became of a connection that was to join or leave a room.
package enum RoomMove: Sendable {
    /// It is so from here on, and an effect follows.
    case moved

    /// It was so already.
    case stayed

    /// The connection is closed.
    case notOpen

    /// The connection is in as many rooms as it may be; the script gets `nil, "full"`.
    case refused
}

/// What the name of a route stands for.
package enum RouteReference: Sendable {
    /// The script's own route.
    case own

    /// Another one, by its number.
    case other(Int)

    /// There is none; the sentence says so and becomes part of the script's error.
    case missing(String)
}

/// The severity of a script's log line.
package enum ScriptLogLevel: Int32, Sendable {
    case debug
    case info
    case warning
    case error
}

/// What is to be said of the sub-protocol that an `upgrade` chose.
package enum ProtocolVerdict: Sendable {
    case fine

    /// The client did not offer it.
    case notOffered

    /// The route has a list of the sub-protocols that it speaks, and it is not on it.
    case notListed
}

/// The answer to `require`.
package enum ModuleSource: Sendable {
    /// The text of the module.
    case found([UInt8])

    /// There is none; the sentence says why and becomes part of the script's error.
    case missing(String)
}

/// What a handler waits for; times are in nanoseconds, and none is as long as the handler may wait at all.
package enum Wait {
    case sleep(nanoseconds: Int64)

    /// The next message of the handler's own connection.
    case message(timeout: Int64?)

    /// A wake-up; the name has 1 to 256 bytes.
    case name(UnsafeRawBufferPointer, timeout: Int64?)
}

@available(*, unavailable)
extension Wait: Sendable {}

/// The answer to `ws.env`.
package enum EnvironmentValue: Sendable, Equatable {
    case set(String)

    /// The script gets nil.
    case unset

    /// Not a name that scripts may ask for: the script gets an error.
    case refused
}

/// The VM of an older version of a script, which has the state of a connection.
package struct StateHolder {
    package var vm: LuaVM

    /// The upgrade that returned the state, when no `connect` has taken it there.
    package var upgrade: RequestToken?

    /// Whether a handler of the connection still runs there: then what others see is a copy.
    package var isInUse: Bool

    package init(vm: LuaVM, upgrade: RequestToken?, isInUse: Bool) {
        self.vm = vm
        self.upgrade = upgrade
        self.isInUse = isInUse
    }
}

@available(*, unavailable)
extension StateHolder: Sendable {}

/// What a script's functions ask of the server, at the call, on the VM's thread.
///
/// The functions are called with Lua on the stack: they must not call back into the VM, but for
/// ``LuaVM/nextEffect()`` where that is said, must not dispatch, and must not keep a buffer that they are given.
package protocol ScriptHost: AnyObject {
    /// Counts `byteCount` bytes as buffered for a connection, if it may have them; `key` is the conflation key, or empty.
    ///
    /// Asked again after ``SendVerdict/unsettled`` it answers otherwise.
    func send(_ byteCount: Int, key: UnsafeRawBufferPointer, to id: ConnectionID) -> SendVerdict

    /// Sends a message that has no key without an effect, if nothing stands in its way; asked only while no effect waits.
    ///
    /// - Returns: false when it is to be asked by ``send(_:key:to:)``; so it is for hosts that have no output of their own.
    func sendNow(_ payload: UnsafeRawBufferPointer, isText: Bool, compress: Bool, to id: ConnectionID) -> Bool

    /// Makes the connection count as closed from here on; false when it was closed already.
    func close(_ id: ConnectionID) -> Bool

    /// Answers how many open connections a message of `byteCount` bytes is for. With none no effect follows.
    ///
    /// Of another route no connection is known: there it is how many are in the rooms.
    func broadcast(_ byteCount: Int, to audience: inout Audience) -> Int

    func isOpen(_ id: ConnectionID) -> Bool

    /// Bytes waiting to be sent; may pull ``LuaVM/nextEffect()`` to be exact.
    func bufferedBytes(_ id: ConnectionID) -> Int

    /// The open connections of the route.
    func members() -> [ConnectionID]

    /// The open connection of the route with this `conn.id`, which is whatever the script passed.
    func connection(named publicID: UnsafeRawBufferPointer) -> ConnectionID?

    /// The route that the configuration calls so, which is whatever the script passed.
    func route(named name: UnsafeRawBufferPointer) -> RouteReference

    /// Makes the connection a member of a room of the route, which needs no other beginning.
    func join(_ id: ConnectionID, room: UnsafeRawBufferPointer) -> RoomMove

    func leave(_ id: ConnectionID, room: UnsafeRawBufferPointer) -> RoomMove

    /// Makes all who are in a room count as closed from here on, and answers how many there were; `note` is as
    /// ``Audience/note``. With none no effect follows.
    func disconnect(room: UnsafeRawBufferPointer, note: inout UInt64) -> Int

    /// Names the rooms that a connection is in, or once its close event has begun those that it was in.
    func forEachRoom(of id: ConnectionID, _ body: (UnsafeRawBufferPointer) -> Void)

    /// Names the rooms of the route that somebody is in.
    func forEachRoom(_ body: (UnsafeRawBufferPointer) -> Void)

    /// How many open connections are in a room; `route` is nil for the script's own.
    func roomCount(_ name: UnsafeRawBufferPointer, route: Int?) -> Int

    /// The open connections in a room.
    func members(ofRoom name: UnsafeRawBufferPointer) -> [ConnectionID]

    /// The request of a connection; nil once it is forgotten, which is not before ``LuaVM/forget(_:)``.
    func request(of id: ConnectionID) -> ScriptRequest?

    /// The request of an `upgrade` or `request`; nil once nobody waits for its answer.
    func request(of token: RequestToken) -> ScriptRequest?

    /// Whether the `upgrade` of that request may choose the sub-protocol, which is whatever the script returned.
    func judge(protocol name: UnsafeRawBufferPointer, for token: RequestToken) -> ProtocolVerdict

    /// Takes a line of the script's log; `source` is its place, such as `chat.lua:12`.
    func log(_ level: ScriptLogLevel, _ message: UnsafeRawBufferPointer, connection: ConnectionID?, source: String)

    /// Finds a module by its dotted name.
    func module(named name: String) -> ModuleSource

    /// A variable of the environment, if scripts may see it.
    func environment(_ name: String) -> EnvironmentValue

    /// A value found no room in the ``SharedSpace``; the script gets `nil, "full"`.
    func sharedIsFull()

    /// Pulls ``LuaVM/nextEffect()`` until nil: the outbox has passed 256 KiB.
    func applyEffects()

    /// The handler that runs will wait as this task, until ``LuaVM/resume(_:with:)``; false when too many wait already.
    func suspend(_ task: TaskID, for wait: Wait) -> Bool

    /// Has ``LuaVM/timer(_:elapsed:repeats:)`` called after `delay` nanoseconds, and then every `interval` of them unless
    /// that is 0; false when there are too many timers.
    func setTimer(_ timer: TimerID, after delay: Int64, every interval: Int64) -> Bool

    func cancelTimer(_ timer: TimerID)

    /// Has ``LuaVM/spawned(_:)`` called when the event is over; false when too many handlers wait already.
    func spawn(_ body: TaskID) -> Bool

    /// Wakes every handler that waits for the name, when the event is over, and answers how many.
    func wake(_ name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Int

    /// Where the state of a connection is when the VM that runs has none of it; nil when no older version has it.
    func stateHolder(of id: ConnectionID) -> StateHolder?

    /// The state of a connection did not come over from the older version; the sentence has the path to what is in the way.
    func stateIsLeftOut(of id: ConnectionID, because reason: String)
}

extension ScriptHost {
    package func sendNow(
        _ payload: UnsafeRawBufferPointer,
        isText: Bool,
        compress: Bool,
        to id: ConnectionID
    ) -> Bool { false }
}
