//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What both sides of the handshake share, and the client's side of it, for tests and tools (RFC 6455 section 4.1).
package enum Handshake {
    /// Why a server's answer is no handshake.
    package enum ResponseError: Error, Hashable, Sendable {
        case status(Int)
        case upgrade
        case connection
        case acceptKey
        /// A sub-protocol that was not offered, or more than one.
        case subprotocol
        /// An extension, though none was offered.
        case extensions
    }

    /// Appended to the key before it is hashed, so that only a WebSocket server can know the answer (section 1.3).
    private static let suffix = Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)

    /// The Sec-WebSocket-Accept for a Sec-WebSocket-Key (section 4.2.2).
    package static func acceptKey(for key: some Sequence<UInt8>) -> String {
        Base64.encode(SHA1.digest(of: Array(key) + suffix))
    }

    /// The Sec-WebSocket-Accept for a Sec-WebSocket-Key (section 4.2.2).
    package static func acceptKey(for key: String) -> String {
        acceptKey(for: key.utf8)
    }

    /// A Sec-WebSocket-Key of 16 bytes from the system's generator.
    package static func makeKey() -> String {
        Base64.encode((0..<16).map { _ in UInt8.random(in: .min ... .max) })
    }

    /// The head of a client's request, to be sent as it is. `key` is from `makeKey()`; `headers` come last.
    package static func requestHead(
        target: String,
        host: String,
        key: String,
        protocols: [String] = [],
        headers: [(name: String, value: String)] = []
    ) -> String {
        var fields = [
            ("Host", host), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", "13"),
        ]
        if !protocols.isEmpty { fields.append(("Sec-WebSocket-Protocol", protocols.joined(separator: ", "))) }
        for (name, value) in headers { fields.append((name, value)) }
        return "GET \(target) HTTP/1.1\r\n" + fields.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
    }

    /// Checks a server's answer to `requestHead` and returns the sub-protocol that it chose.
    package static func checkResponse(
        status: Int,
        headers: [(name: String, value: String)],
        key: String,
        protocols: [String] = []
    ) throws(ResponseError) -> String? {
        func values(_ name: StaticString) -> [String] {
            headers.filter { HeaderSyntax.equal($0.name.utf8, lowercased: name) }
                .map { String(Substring(HeaderSyntax.trimmed($0.value))) }
        }
        guard status == 101 else { throw .status(status) }
        let upgrades = values("upgrade")
        guard upgrades.count == 1, HeaderSyntax.equal(upgrades[0].utf8, lowercased: "websocket") else { throw .upgrade }
        let upgradesConnection = values("connection").contains { value in
            HeaderSyntax.elements(value).contains { HeaderSyntax.equal($0, lowercased: "upgrade") }
        }
        guard upgradesConnection else { throw .connection }
        guard values("sec-websocket-accept") == [acceptKey(for: key)] else { throw .acceptKey }
        guard values("sec-websocket-extensions").isEmpty else { throw .extensions }
        let chosen = values("sec-websocket-protocol")
        guard chosen.count <= 1, chosen.allSatisfy(protocols.contains) else { throw .subprotocol }
        return chosen.first
    }
}
