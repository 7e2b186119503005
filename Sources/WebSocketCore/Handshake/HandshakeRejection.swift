//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Why a handshake was refused (RFC 6455 section 4.2.2); the set is closed, so that a metric may be labelled with it.
package enum HandshakeRejection: Error, Hashable, CaseIterable, Sendable {
    case methodNotAllowed
    case httpVersion
    case host
    case body
    case connection
    case versionRepeated
    case versionUnsupported
    case key
    case protocols
    case extensions

    /// The status of the answer.
    ///
    /// Another method is 405: the resource is there and the method is known, but a WebSocket has GET alone (RFC 9110
    /// section 15.5.6). An unknown WebSocket version is 426 (RFC 6455 section 4.4). All else is a malformed request: 400.
    package var status: Int {
        switch self {
        case .methodNotAllowed: 405
        case .versionUnsupported: 426
        case .httpVersion, .host, .body, .connection, .versionRepeated, .key, .protocols, .extensions: 400
        }
    }

    /// The answer's text and the log's: one sentence that holds nothing of the request.
    package var sentence: String {
        switch self {
        case .methodNotAllowed: "a WebSocket handshake is a GET request"
        case .httpVersion: "a WebSocket handshake needs HTTP/1.1"
        case .host: "a WebSocket handshake has exactly one Host field with a host in it"
        case .body: "a WebSocket handshake has no body"
        case .connection: "a WebSocket handshake has the token upgrade in its Connection field"
        case .versionRepeated: "a WebSocket handshake has one Sec-WebSocket-Version field"
        case .versionUnsupported: "this server speaks version 13 of WebSocket"
        case .key: "a WebSocket handshake has exactly one Sec-WebSocket-Key field, the Base64 of 16 bytes"
        case .protocols: "Sec-WebSocket-Protocol is a list of different tokens"
        case .extensions: "Sec-WebSocket-Extensions is a list of extensions with their parameters"
        }
    }

    /// The fields that the status asks for. A 426 names the protocol to use (RFC 9110 section 15.5.22) and our version.
    package var headers: [(name: String, value: String)] {
        switch self {
        case .methodNotAllowed: [("Allow", "GET")]
        case .versionUnsupported: [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
        case .httpVersion, .host, .body, .connection, .versionRepeated, .key, .protocols, .extensions: []
        }
    }
}
