//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NIOCore

/// What a script says to an HTTP request, as it crosses to the event loop of the socket.
package enum ScriptAnswer: Sendable {
    /// The client is let in, with this sub-protocol, or with the server's own choice when that is nil; the fields are header
    /// lines, each with its CR LF.
    case accept(subprotocol: String?, fields: [UInt8])

    /// A refusal, or the answer of `request`.
    case response(HTTPResponse)

    /// The handler ended with an error, which has been logged.
    case failed

    /// The script has no handler for it.
    case unhandled

    /// The bytes that it holds while it is under way.
    package var byteCount: Int {
        switch self {
        case .accept(_, let fields): fields.count
        case .response(let response): response.fields.count + response.body.readableBytes
        case .failed, .unhandled: 0
        }
    }
}
