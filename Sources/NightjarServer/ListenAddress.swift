//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// One place to listen on: `ws://HOST:PORT`, `wss://HOST:PORT` or `unix:PATH`; IPv6 literals stand in brackets.
package enum ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// `host` is an address or a name, without brackets; port 0 takes any free one.
    case tcp(host: String, port: Int, isSecure: Bool)
    case unix(path: String)

    /// Linux's `sun_path` has 108 bytes, the last of which is NUL.
    package static let longestPath = 107

    /// Nil when `text` is none of the three forms, a port is above 65,535, or a path is longer than ``longestPath``.
    package init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard 1...Self.longestPath ~= path.utf8.count, !path.utf8.contains(0) else { return nil }
            self = .unix(path: path)
            return
        }
        let isSecure = text.hasPrefix("wss://")
        guard isSecure || text.hasPrefix("ws://") else { return nil }
        let authority = text.dropFirst(isSecure ? "wss://".count : "ws://".count)
        guard let colon = authority.lastIndex(of: ":") else { return nil }
        var host = authority[..<colon]
        let digits = authority[authority.index(after: colon)...]
        let isDecimal = digits.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        guard isDecimal, let port = UInt16(digits) else { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: { "/[]@?# \0".contains($0) }) else { return nil }
        self = .tcp(host: String(host), port: Int(port), isSecure: isSecure)
    }

    /// What would be right instead of `text`; nil when it is right.
    package static func complaint(about text: String) -> String? {
        guard ListenAddress(text) == nil else { return nil }
        guard !text.hasPrefix("unix:") else {
            return "a Unix socket is `unix:` and a path of at most \(longestPath) bytes"
        }
        return "an address is `ws://HOST:PORT` or `wss://HOST:PORT`, with an IPv6 literal in brackets, or `unix:PATH`"
    }

    package var isSecure: Bool {
        if case .tcp(_, _, true) = self { true } else { false }
    }

    /// The TCP port; nil for a Unix socket.
    package var port: Int? {
        if case .tcp(_, let port, _) = self { port } else { nil }
    }

    /// What a browser calls it; nil for a Unix socket.
    package var webURL: String? {
        if case .tcp = self { "http\(self.description.dropFirst("ws".count))" } else { nil }
    }

    /// Whether this is `[::]` on a port, which takes IPv4 too.
    func takesAllFamilies(on port: Int?) -> Bool {
        if case .tcp("::", let own, _) = self { own == port && own != 0 } else { false }
    }

    package var description: String {
        switch self {
        case .tcp(let host, let port, let isSecure):
            "\(isSecure ? "wss" : "ws")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        case .unix(let path):
            "unix:\(path)"
        }
    }
}
