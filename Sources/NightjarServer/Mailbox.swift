//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime
internal import NIOCore
package import WebSocketCore

/// How a connection ended, in the words of the side that closed first.
package struct CloseReport: Sendable, Equatable {
    /// 1005 when no code was given, 1006 when there was no Close frame (RFC 6455 §7.1.5).
    package let code: CloseCode
    package let reason: String

    /// Both sides' Close frames were seen.
    package let wasClean: Bool

    /// The peer went away without a Close frame.
    package static let abnormal = CloseReport(code: .abnormal, reason: "", wasClean: false)
}

/// One thing that an event loop tells another one. It names a connection by id: when that is closed, it is dropped.
package enum Envelope: Sendable {
    // From the loop of the socket to the loop of the VM.
    case opened(ConnectionID, route: Int, ClientRequest)
    case message(ConnectionID, route: Int, isText: Bool, length: Int)
    case drained(ConnectionID, route: Int)
    case closed(ConnectionID, route: Int, CloseReport)
    case outputSent(ConnectionID, route: Int, byteCount: Int)

    // From the loop of the VM to the loop of the socket.
    case admitted(ConnectionID)
    /// The key is that of ``SendOptions``.
    case send(ConnectionID, isText: Bool, length: Int, compress: Bool, key: [UInt8])
    case close(ConnectionID, code: CloseCode, reason: String)
    case broadcast(route: Int, frames: BroadcastFrames, compress: Bool, key: [UInt8], except: [ConnectionID])
    case inputTaken(ConnectionID, messages: Int, byteCount: Int)
    case congestionOver(route: Int)
}

/// All that one event loop has to tell another one in one of its ticks: envelopes in order, their payloads behind each other.
package struct Mailbox: Sendable {
    private(set) var envelopes: [Envelope] = []
    private(set) var payloads = ByteBuffer()

    package var isEmpty: Bool { self.envelopes.isEmpty }

    package mutating func append(_ envelope: Envelope) {
        self.envelopes.append(envelope)
    }

    package mutating func append(_ envelope: Envelope, payload: UnsafeRawBufferPointer) {
        self.envelopes.append(envelope)
        self.payloads.writeBytes(payload)
    }
}
