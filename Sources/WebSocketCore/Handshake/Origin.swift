//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Where a web page comes from, as a browser says it in the Origin field: scheme, host and port (RFC 6454 section 6.2).
///
/// Browsers write it in one way: no user, no path, ASCII (punycode) hosts, no default port. What is written otherwise
/// comes from no browser and is no origin.
struct Origin: Equatable {
    /// In lower case.
    let scheme: String

    /// In lower case; an IPv6 address has its brackets.
    let host: String

    /// The port, nil for the scheme's default.
    let port: UInt16?

    /// The origin that `text` writes; nil when it writes none, also for `null`.
    init?(_ text: Substring.UTF8View) {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), Self.isScheme(text[..<colon]) else { return nil }
        let slashes = text[text.index(after: colon)...].prefix(2)
        guard slashes.elementsEqual("//".utf8), let authority = Authority(text[slashes.endIndex...]) else { return nil }
        scheme = HeaderSyntax.lowercased(text[..<colon])
        host = authority.host
        port = authority.port == Self.defaultPort(of: scheme) ? nil : authority.port
    }

    /// Whether the scheme is one that pages are served with.
    var isWeb: Bool { scheme == "http" || scheme == "https" }

    /// The port, the scheme's own if there is no other; nil for schemes without one.
    var effectivePort: UInt16? { port ?? Self.defaultPort(of: scheme) }

    static func defaultPort(of scheme: String) -> UInt16? {
        switch scheme {
        case "http": 80
        case "https": 443
        default: nil
        }
    }

    /// Whether the bytes are a scheme (RFC 3986 section 3.1).
    static func isScheme(_ bytes: Substring.UTF8View) -> Bool {
        guard let first = bytes.first, HeaderSyntax.isLetter(first) else { return false }
        return bytes.allSatisfy { HeaderSyntax.isAlphanumeric($0) || "+-.".utf8.contains($0) }
    }
}

/// A host with or without a port, in an Origin, a Host field or a pattern.
struct Authority: Equatable {
    /// In lower case; an IPv6 address has its brackets.
    let host: String

    /// 1...65,535, nil when none is given.
    let port: UInt16?

    /// The authority that `text` writes; nil when it writes none: an empty label, a dot at the end, a user, a path, or
    /// anything that is not ASCII.
    init?(_ text: Substring.UTF8View) {
        let hostEnd: Substring.UTF8View.Index
        if text.first == UInt8(ascii: "[") {
            guard let bracket = text.firstIndex(of: UInt8(ascii: "]")), Self.isAddress(text[..<bracket].dropFirst())
            else { return nil }
            hostEnd = text.index(after: bracket)
        } else {
            hostEnd = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
            guard Self.isName(text[..<hostEnd]) else { return nil }
        }
        host = HeaderSyntax.lowercased(text[..<hostEnd])
        let rest = text[hostEnd...]
        if rest.isEmpty {
            port = nil
        } else {
            guard rest.first == UInt8(ascii: ":"), let port = Self.port(rest.dropFirst()) else { return nil }
            self.port = port
        }
    }

    /// Labels of letters, digits, `-` and `_` with single dots between them; an IPv4 address is such a name too.
    static func isName(_ bytes: Substring.UTF8View) -> Bool {
        var previous = UInt8(ascii: ".")
        for byte in bytes {
            let isDot = byte == UInt8(ascii: ".")
            guard isDot ? previous != byte : HeaderSyntax.isAlphanumeric(byte) || "-_".utf8.contains(byte) else {
                return false
            }
            previous = byte
        }
        return previous != UInt8(ascii: ".")
    }

    /// The characters of an IPv6 address, which browsers and their Host fields write alike.
    private static func isAddress(_ bytes: Substring.UTF8View) -> Bool {
        bytes.contains(UInt8(ascii: ":"))
            && bytes.allSatisfy { HeaderSyntax.isHexadecimal($0) || ":.".utf8.contains($0) }
    }

    private static func port(_ digits: Substring.UTF8View) -> UInt16? {
        guard digits.count <= 5, digits.allSatisfy(HeaderSyntax.isDigit), let port = UInt16(Substring(digits)), port > 0
        else { return nil }
        return port
    }
}
