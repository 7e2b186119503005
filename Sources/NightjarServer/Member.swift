//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime

/// A connection as its route's script knows it, on the event loop of the VM.
///
/// What scripts may ask (is it open, how much is buffered) changes here at the call; the bytes follow as effects.
package final class Member: RoomOccupant {
    package enum Phase {
        /// `connect` has not started.
        case waiting
        /// Between the start of `connect` and the end of the connection, or the script's own `close`.
        case open
        /// Nothing more can be sent.
        case closed
        /// The same, and its `close` has begun.
        case ended
    }

    package let id: ConnectionID

    /// What runs the events of the route.
    ///
    /// Held, and not weakly: that would count for every use of it. The runner lets go of the member when that ends.
    package let runner: ScriptRunner

    /// What `req` and the fields of `conn` are made of.
    package var request: ClientRequest

    package var phase = Phase.waiting

    /// Whether its messages still go to the script: from `connect` on, until the script itself has closed it.
    package var takesMessages = false

    /// The connection itself when its socket lives on this loop, else nil.
    package var connection: Connection?

    /// ``LuaVM/generation`` of the VM that has its state.
    package var home: UInt64 = 0

    /// What waits while a handler of the connection does; nil when none does.
    var held: Held?

    /// The rooms that it is in, or was in when it was closed.
    package var stays: RoomStays<Member>?

    /// Bytes of frames that the script sent in this event and that have not been applied.
    package var pendingOutput = 0

    /// Bytes that wait on another loop by its latest word, and those of the frames that went there and that it has not had then.
    package var postedOutput = 0

    package init(id: ConnectionID, request: ClientRequest, connection: Connection?, runner: ScriptRunner) {
        self.id = id
        self.runner = runner
        self.request = request
        self.connection = connection
    }

    /// Sends a message while the script runs, as ``Connection/sendNow(_:isText:compress:)`` does.
    func sendNow(_ payload: UnsafeRawBufferPointer, isText: Bool, compress: Bool) -> Bool {
        guard self.phase == .open, let connection = self.connection.map(Unmanaged.passUnretained) else { return false }
        // Not counted: a connection ends when it settles, and not while a script runs.
        return connection._withUnsafeGuaranteedRef { $0.sendNow(payload, isText: isText, compress: compress) }
    }

    /// Bytes that wait to be sent, as far as this loop knows.
    package var bufferedBytes: Int {
        self.pendingOutput + self.postedOutput + (self.connection?.bufferedBytes ?? 0)
    }
}

@available(*, unavailable)
extension Member: Sendable {}
