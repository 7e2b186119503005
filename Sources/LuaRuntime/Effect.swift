//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What a script asked for, in the order in which it did; the buffers are views into the VM's outbox, valid until the
/// next call of the VM.
package enum Effect {
    /// The host has accepted these bytes in ``ScriptHost/send(_:key:to:)``.
    case send(ConnectionID, isText: Bool, UnsafeRawBufferPointer, SendOptions)

    /// The code is one that RFC 6455 allows to be sent, the reason UTF-8 of at most 123 bytes; nil is no code at all.
    case close(ConnectionID, code: UInt16?, reason: UnsafeRawBufferPointer)

    /// The host has counted those whom it is for in ``ScriptHost/broadcast(_:to:)``.
    case broadcast(isText: Bool, UnsafeRawBufferPointer, SendOptions, to: Audience)

    /// The host has let the connection in at ``ScriptHost/join(_:room:)``.
    case join(ConnectionID, room: UnsafeRawBufferPointer)

    case leave(ConnectionID, room: UnsafeRawBufferPointer)

    /// Closes all who were in the room of the audience when the host was asked; otherwise as ``close(_:code:reason:)``.
    case disconnect(Audience, code: UInt16, reason: UnsafeRawBufferPointer)

    /// The `upgrade` of this request lets the client in. The sub-protocol is the one that it chose, empty without one; the
    /// fields are checked header lines, each with its CR LF.
    case accept(RequestToken, subprotocol: UnsafeRawBufferPointer, fields: UnsafeRawBufferPointer)

    /// An `upgrade` refuses, or a `request` answers: a status in 200...599, checked header lines, and the body.
    case response(RequestToken, status: Int, fields: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer)
}
