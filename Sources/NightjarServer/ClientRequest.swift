//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime
package import WebSocketCore

/// The request that opened a connection, as it crosses to the script's event loop.
package struct ClientRequest: Sendable {
    package let publicID: PublicID
    package let method: String
    package let target: RequestTarget
    package let parameters: [(name: String, value: String)]
    package let ip: String
    package let isSecure: Bool

    /// The header fields as they came; given up once `connect` has run, since only `req` shows them.
    package var headers: [(name: String, value: String)]

    /// The sub-protocol that was chosen.
    package var subprotocol: String?

    /// The request in which the script was asked for an `upgrade`, whose state the connection takes; nil without that handler.
    package var upgrade: RequestToken?

    /// What was agreed about permessage-deflate; nil for nothing.
    package var deflate: DeflateParameters?

    package init(
        publicID: PublicID,
        method: String,
        target: RequestTarget,
        parameters: [(name: String, value: String)],
        ip: String,
        isSecure: Bool,
        headers: [(name: String, value: String)],
        subprotocol: String?,
        deflate: DeflateParameters? = nil
    ) {
        self.publicID = publicID
        self.method = method
        self.target = target
        self.parameters = parameters
        self.ip = ip
        self.isSecure = isSecure
        self.headers = headers
        self.subprotocol = subprotocol
        self.deflate = deflate
    }

    /// The request as a script sees it: names of headers in lower case, duplicates joined, cookies taken apart.
    package var scriptRequest: ScriptRequest {
        let headers = self.joinedHeaders
        return ScriptRequest(
            publicID: self.publicID.description,
            method: self.method,
            path: self.target.path,
            target: self.target.raw,
            ip: self.ip,
            host: self.target.authority ?? headers.first { $0.name == "host" }?.value ?? "",
            secure: self.isSecure,
            params: self.parameters,
            query: self.target.query,
            headers: headers,
            cookies: Self.cookies(in: headers.first { $0.name == "cookie" }?.value ?? ""),
            protocols: self.offeredProtocols,
            subprotocol: self.subprotocol
        )
    }

    /// The sub-protocols that the client offers, in its order.
    package var offeredProtocols: [String] {
        self.headers.filter { $0.name.lowercased() == "sec-websocket-protocol" }.flatMap { Self.elements(of: $0.value) }
    }

    private var joinedHeaders: [(name: String, value: String)] {
        var joined: [(name: String, value: String)] = []
        var places: [String: Int] = [:]
        for (name, value) in self.headers {
            let name = name.lowercased()
            if let place = places[name] {
                // RFC 9110 §5.2 joins lines with a comma; RFC 9113 §8.2.3 joins those of Cookie with a semicolon.
                joined[place].value += (name == "cookie" ? "; " : ", ") + value
            } else {
                places[name] = joined.count
                joined.append((name, value))
            }
        }
        return joined
    }

    /// The elements of a list; the handshake has checked that they are tokens.
    private static func elements(of list: String) -> [String] {
        list.split(separator: ",").map(\.trimmingBlanks).filter { !$0.isEmpty }.map(String.init)
    }

    /// The pairs of a Cookie header (RFC 6265 §4.2.1), not decoded; of duplicates the first counts.
    private static func cookies(in header: String) -> [(name: String, value: String)] {
        var cookies: [(name: String, value: String)] = []
        var seen: Set<Substring> = []
        for pair in header.split(separator: ";") {
            guard let equals = pair.firstIndex(of: "=") else { continue }
            let name = pair[..<equals].trimmingBlanks
            guard !name.isEmpty, seen.insert(name).inserted else { continue }
            cookies.append((String(name), String(pair[pair.index(after: equals)...].trimmingBlanks)))
        }
        return cookies
    }
}

extension Substring {
    /// Without spaces and tabs at either end.
    fileprivate var trimmingBlanks: Substring {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard let first = self.firstIndex(where: { !isBlank($0) }),
            let last = self.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return self[first...last]
    }
}
