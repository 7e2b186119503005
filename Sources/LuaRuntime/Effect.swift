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

    /// The host has counted these bytes in ``ScriptHost/broadcast(_:except:)``.
    case broadcast(isText: Bool, UnsafeRawBufferPointer, SendOptions, except: UnsafeBufferPointer<ConnectionID>)
}
