//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NIOCore

/// The other end of a socket.
package enum Peer: Sendable, Equatable {
    case ip(IPAddress)
    case unixSocket
    /// The system does not tell, for one because the socket is dead already.
    case unknown

    package init(of channel: any Channel) {
        // The other end of a Unix socket has no name, but ours has.
        if case .unixDomainSocket = channel.localAddress {
            self = .unixSocket
        } else {
            self = IPAddress(channel.remoteAddress).map { .ip($0) } ?? .unknown
        }
    }

    package var address: IPAddress? {
        if case .ip(let address) = self { address } else { nil }
    }

    /// The address as the log shows it; empty without one.
    package var ip: String { self.address?.description ?? "" }
}

/// Who sends a request: the other end of the socket, or whom a trusted proxy at that end names.
package struct ClientAddress: Sendable, Equatable {
    /// The client's address; nil on a Unix socket, unless a trusted proxy at its end names one.
    package let address: IPAddress?

    /// Whether the client uses TLS, here or at the proxy.
    package let isSecure: Bool

    /// The address as scripts and the log see it; empty without one.
    package let ip: String

    private init(_ address: IPAddress?, isSecure: Bool) {
        self.address = address
        self.isSecure = isSecure
        self.ip = address?.description ?? ""
    }

    /// - Parameters:
    ///   - peer: The other end of the socket.
    ///   - isSecure: Whether the socket itself speaks TLS.
    ///   - headers: The fields of the request; only a trusted peer's are looked at.
    package init(
        peer: Peer,
        isSecure: Bool,
        headers: some Sequence<(name: String, value: String)>,
        trusting proxies: TrustedProxies
    ) {
        guard proxies.contain(peer) else {
            self.init(peer.address, isSecure: isSecure)
            return
        }
        var forwardedFor: [String] = []
        var forwardedProto: String?
        for (name, value) in headers {
            switch name.utf8.count {
            case 15 where name.lowercased() == "x-forwarded-for": forwardedFor.append(value)
            case 17 where name.lowercased() == "x-forwarded-proto": forwardedProto = value
            default: break
            }
        }
        self.init(
            Self.client(forwardedFor: forwardedFor, peer: peer.address, trusting: proxies),
            isSecure: forwardedProto.flatMap(Self.isSecure) ?? isSecure
        )
    }

    /// Walks the addresses from the right, where the nearest proxy has put its own client, past the trusted ones.
    ///
    /// What stands left of an untrusted or unreadable one was written by anybody.
    private static func client(
        forwardedFor lines: [String],
        peer: IPAddress?,
        trusting proxies: TrustedProxies
    ) -> IPAddress? {
        var client = peer
        for line in lines.reversed() {
            for entry in line.split(separator: ",", omittingEmptySubsequences: false).reversed() {
                guard let address = Self.address(entry) else { return client }
                client = address
                guard proxies.contain(address) else { return client }
            }
        }
        return client
    }

    /// An address as proxies write it: `1.2.3.4`, `1.2.3.4:5678`, `::1`, `[::1]`, `[::1]:5678`.
    private static func address(_ entry: Substring) -> IPAddress? {
        var text = Self.trimmed(entry)
        if text.utf8.first == UInt8(ascii: "[") {
            guard let bracket = text.firstIndex(of: "]"), Self.isPort(text[text.index(after: bracket)...]) else {
                return nil
            }
            text = text[..<bracket].dropFirst()
            guard text.contains(":") else { return nil }
        } else if let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon {
            guard Self.isPort(text[colon...]) else { return nil }
            text = text[..<colon]
        }
        return IPAddress(String(text))
    }

    /// Whether `text` is nothing, or a colon and a port.
    private static func isPort(_ text: Substring) -> Bool {
        guard let first = text.utf8.first else { return true }
        let digits = text.utf8.dropFirst()
        return first == UInt8(ascii: ":") && 1...5 ~= digits.count
            && digits.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    /// What the nearest proxy, whose word stands rightmost, says about TLS; nil when it is not a word for that.
    private static func isSecure(_ forwardedProto: String) -> Bool? {
        let words = forwardedProto.split(separator: ",", omittingEmptySubsequences: false)
        switch words.last.map(Self.trimmed)?.lowercased() {
        case "https", "wss": return true
        case "http", "ws": return false
        default: return nil
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard let first = text.utf8.firstIndex(where: { !isBlank($0) }),
            let last = text.utf8.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return text[first...last]
    }
}
