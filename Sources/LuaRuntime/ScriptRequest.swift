//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The request that opened a connection: what `req` and the fields of `conn` are made of.
package struct ScriptRequest: Sendable {
    /// `conn.id`: 22 characters of `[0-9A-Za-z]`.
    package var publicID: String
    package var method: String
    package var path: String
    /// The request target as it was sent.
    package var target: String
    /// The address of the peer, without port.
    package var ip: String
    package var host: String
    package var secure: Bool
    package var params: [(name: String, value: String)]
    /// Of names that come twice the first counts, here and in `params`, `headers` and `cookies`.
    package var query: [(name: String, value: String)]
    /// Names are lower-case, and what came in several fields is joined.
    package var headers: [(name: String, value: String)]
    package var cookies: [(name: String, value: String)]
    /// The sub-protocols that the client offered, in its order.
    package var protocols: [String]
    /// The one that was chosen.
    package var subprotocol: String?

    package init(
        publicID: String,
        method: String,
        path: String,
        target: String,
        ip: String,
        host: String,
        secure: Bool,
        params: [(name: String, value: String)] = [],
        query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = [],
        cookies: [(name: String, value: String)] = [],
        protocols: [String] = [],
        subprotocol: String? = nil
    ) {
        self.publicID = publicID
        self.method = method
        self.path = path
        self.target = target
        self.ip = ip
        self.host = host
        self.secure = secure
        self.params = params
        self.query = query
        self.headers = headers
        self.cookies = cookies
        self.protocols = protocols
        self.subprotocol = subprotocol
    }
}
