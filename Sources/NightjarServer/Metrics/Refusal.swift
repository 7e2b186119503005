//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import WebSocketCore

/// Why a request was not upgraded, as the values of a metric's label. What passed a ``Limit`` is counted there instead.
package enum Refusal: String, CaseIterable, Sendable {
    /// The request is no HTTP/1.1 that we can read.
    case malformed
    /// A path or query that cannot be decoded.
    case target
    /// There is no route at the path.
    case notFound = "not_found"
    /// A plain HTTP request for a WebSocket route.
    case notAnUpgrade = "not_an_upgrade"
    /// The server shuts down.
    case draining
    case method
    case httpVersion = "http_version"
    case host
    case body
    case connection
    case version
    case key
    case protocols
    case extensions
    /// A page of an origin that may not connect.
    case origin
    /// An Expect field with something else than 100-continue.
    case expectation
    /// A body in another transfer coding than chunked.
    case transferCoding = "transfer_coding"
    /// The script's `upgrade` refused.
    case script
    /// The script's `upgrade` failed.
    case scriptError = "script_error"

    package init(_ rejection: HandshakeRejection) {
        switch rejection {
        case .methodNotAllowed: self = .method
        case .httpVersion: self = .httpVersion
        case .host: self = .host
        case .body: self = .body
        case .connection: self = .connection
        case .versionRepeated, .versionUnsupported: self = .version
        case .key: self = .key
        case .protocols: self = .protocols
        case .extensions: self = .extensions
        }
    }
}
