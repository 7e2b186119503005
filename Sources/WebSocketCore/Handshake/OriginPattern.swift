//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// One element of the list of origins that may connect.
package enum OriginPattern: Equatable, Sendable {
    /// `same`: the host and port that the request itself names.
    case same
    /// `null`: pages without an origin of their own, such as files and sandboxed frames.
    case null
    /// `*`: every origin, but not `null`.
    case any
    /// `https://a.example:8443`, `a.example`, `*.example.com`.
    case host(HostPattern)

    package struct HostPattern: Equatable, Sendable {
        /// In lower case; nil stands for `http` and `https`.
        let scheme: String?

        /// In lower case; with ``isWildcard`` it begins with a dot.
        let host: String

        /// Whether every sub-domain is meant, at any depth, and not the domain itself.
        let isWildcard: Bool

        /// Nil stands for the default of the origin's scheme.
        let port: UInt16?
    }

    /// Why a text is no pattern, and what would be one.
    package struct Malformed: Error, Equatable {
        package let sentence: String
    }

    private static let forms = "`same`, `*`, `null`, `a.example`, `https://a.example:8443` or `*.example.com`"

    /// Reads a pattern; the words are in lower case, and the case of hosts and schemes does not matter.
    package init(_ text: String) throws(Malformed) {
        switch text {
        case "same": self = .same
        case "null": self = .null
        case "*": self = .any
        default: self = .host(try Self.host(text))
        }
    }

    private static func host(_ text: String) throws(Malformed) -> HostPattern {
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw Malformed(sentence: "browsers write a host in ASCII: give its punycode form, `xn--…`")
        }
        var rest = text[...].utf8
        var scheme: String?
        if let colon = rest.firstIndex(of: UInt8(ascii: ":")),
            rest[rest.index(after: colon)...].starts(with: "//".utf8)
        {
            scheme = HeaderSyntax.lowercased(rest[..<colon])
            guard Origin.isScheme(rest[..<colon]) else { throw Malformed(sentence: "an origin is one of \(forms)") }
            rest = rest[rest.index(colon, offsetBy: 3)...]
        }
        if scheme == "ws" || scheme == "wss" {
            throw Malformed(sentence: "the origin is that of the page: it begins with `http://` or `https://`")
        }
        guard !rest.contains(UInt8(ascii: "/")) else {
            throw Malformed(sentence: "an origin has no path and no slash at its end, such as `https://a.example`")
        }
        guard !rest.contains(UInt8(ascii: "@")) else {
            throw Malformed(sentence: "an origin has no user, such as `https://a.example`")
        }
        let isWildcard = rest.starts(with: "*.".utf8)
        guard let authority = Authority(isWildcard ? rest.dropFirst(2) : rest) else {
            throw Malformed(
                sentence: rest.contains(UInt8(ascii: "*"))
                    ? "a star stands alone, or for whole sub-domains at the front: `*.example.com`"
                    : "an origin is one of \(forms)"
            )
        }
        guard !(isWildcard && authority.host.hasPrefix("[")) else {
            throw Malformed(sentence: "an address has no sub-domains")
        }
        return HostPattern(
            scheme: scheme,
            host: isWildcard ? "." + authority.host : authority.host,
            isWildcard: isWildcard,
            port: authority.port
        )
    }
}

extension OriginPattern.HostPattern {
    /// Whether an origin is meant; linear in its length.
    func matches(_ origin: Origin) -> Bool {
        if let scheme {
            guard scheme == origin.scheme else { return false }
        } else {
            guard origin.isWeb else { return false }
        }
        // A port that is written out may be the default one.
        guard port == origin.port || port != nil && port == origin.effectivePort else { return false }
        return isWildcard
            ? origin.host.utf8.count > host.utf8.count && HeaderSyntax.hasSuffix(origin.host.utf8, host.utf8)
            : origin.host == host
    }
}
