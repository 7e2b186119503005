//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Which web pages may connect: the defence against cross-site WebSocket hijacking (RFC 6455 section 10.2).
///
/// A browser sends a user's cookies with a handshake, whatever page asked for it; only the Origin field tells whose page
/// it was. A client without that field is no browser and has no cookies that it did not mean to send.
package struct OriginPolicy: Equatable, Sendable {
    package let patterns: [OriginPattern]

    package init(_ patterns: [OriginPattern] = [.same]) {
        self.patterns = patterns
    }

    /// Why a handshake is refused; nil when its page may connect. Linear in the length of the fields for each pattern.
    ///
    /// - Parameters:
    ///   - origins: The values of all Origin fields.
    ///   - host: The value of the Host field.
    ///   - isSecure: Whether the client is known to use TLS, here or at a trusted proxy. A page that came without TLS
    ///     can be anybody's on the way, so it is not the same site then.
    package func refusal(origins: [String], host: String, isSecure: Bool) -> OriginRefusal? {
        guard let first = origins.first else { return nil }
        guard origins.count == 1 else { return .repeated }
        let text = HeaderSyntax.trimmed(first)
        if text.elementsEqual("null".utf8) { return patterns.contains(.null) ? nil : .null }
        guard let origin = Origin(text) else { return .malformed }
        let isAllowed = patterns.contains { pattern in
            switch pattern {
            case .same: Self.isSame(origin, host: host, isSecure: isSecure)
            case .null: false
            case .any: true
            case .host(let pattern): pattern.matches(origin)
            }
        }
        return isAllowed ? nil : .notListed
    }

    /// Whether a page has the host and port that its request names.
    ///
    /// The Host field has no scheme: behind a proxy that ends TLS only the origin's tells which port is left out of it.
    private static func isSame(_ origin: Origin, host: String, isSecure: Bool) -> Bool {
        guard origin.isWeb, !isSecure || origin.scheme == "https" else { return false }
        guard let authority = Authority(HeaderSyntax.trimmed(host)) else { return false }
        return authority.host == origin.host
            && (authority.port ?? Origin.defaultPort(of: origin.scheme)) == origin.effectivePort
    }
}

/// Why a page may not connect; the set is closed, so that a metric may be labelled with it. All are answered with 403.
package enum OriginRefusal: Hashable, CaseIterable, Sendable {
    case repeated
    case malformed
    case null
    case notListed

    /// The answer's text and the log's: one sentence that holds nothing of the request.
    package var sentence: String {
        switch self {
        case .repeated: "a request has one Origin field at most"
        case .malformed: "the Origin field of this request is no origin, such as https://a.example"
        case .null: "pages with the origin null may not connect here: the setting `origins` has no `null`"
        case .notListed: "pages of this origin may not connect here: the setting `origins` does not list it"
        }
    }
}
