//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// A request head as the server's handshake sees it (RFC 6455 section 4.2.1), collected field by field.
///
/// It is a pure function of the head: no I/O and no route.
package struct HandshakeRequest {
    /// What the head asks for, and the answer.
    package enum Outcome: Equatable, Sendable {
        /// A 101 with this Sec-WebSocket-Accept, and with this Sec-WebSocket-Protocol and these Sec-WebSocket-Extensions
        /// unless they are nil; `deflate` is what the latter agree to.
        case accept(
            acceptKey: String,
            subprotocol: String?,
            deflate: DeflateParameters? = nil,
            extensions: String? = nil
        )
        /// An error; the caller answers with it and closes, so that nothing sent after the head is taken for a request.
        case reject(HandshakeRejection)
        /// Nobody asked for a WebSocket: the head is an ordinary request.
        case notAnUpgrade
    }

    private var isGet: Bool
    private var isHTTP11: Bool
    private let authority: String?
    private var connectionUpgrades = false
    private var hosts = FieldLines()
    private var keys = FieldLines()
    private var versions = FieldLines()
    private var protocolLines: [String] = []
    private var originLines: [String] = []
    private var extensionLines: [String] = []

    /// Whether the head asks for a WebSocket, well or badly.
    package private(set) var upgradesToWebSocket = false

    /// Whether a body follows.
    package private(set) var hasBody = false

    /// - Parameter authority: The host that the request's target names, if it is in absolute form: the Host field has to be
    ///   there, but is not looked at then (RFC 9112 section 3.2.2).
    package init(method: String, majorVersion: Int, minorVersion: Int, authority: String? = nil) {
        isGet = method == "GET"
        isHTTP11 = majorVersion == 1 && minorVersion >= 1
        self.authority = authority
    }

    /// The whole head at once, from any sequence of fields, such as NIO's `HTTPHeaders`.
    @inlinable
    package init(
        method: String,
        majorVersion: Int,
        minorVersion: Int,
        authority: String? = nil,
        headers: some Sequence<(name: String, value: String)>
    ) {
        self.init(method: method, majorVersion: majorVersion, minorVersion: minorVersion, authority: authority)
        for (name, value) in headers { add(name: name, value: value) }
    }

    /// Adds the next header field of the head; the name's case does not matter.
    package mutating func add(name: String, value: String) {
        // One look at the length spares most fields all the comparisons.
        switch name.utf8.count {
        case 4 where HeaderSyntax.equal(name.utf8, lowercased: "host"):
            hosts.add(value)
        case 6 where HeaderSyntax.equal(name.utf8, lowercased: "origin"):
            originLines.append(value)
        case 7 where HeaderSyntax.equal(name.utf8, lowercased: "upgrade"):
            upgradesToWebSocket = upgradesToWebSocket || contains(value, "websocket")
        case 10 where HeaderSyntax.equal(name.utf8, lowercased: "connection"):
            connectionUpgrades = connectionUpgrades || contains(value, "upgrade")
        case 14 where HeaderSyntax.equal(name.utf8, lowercased: "content-length"):
            hasBody = hasBody || !HeaderSyntax.trimmed(value).elementsEqual("0".utf8)
        case 17 where HeaderSyntax.equal(name.utf8, lowercased: "sec-websocket-key"):
            keys.add(value)
        case 17 where HeaderSyntax.equal(name.utf8, lowercased: "transfer-encoding"):
            hasBody = true
        case 21 where HeaderSyntax.equal(name.utf8, lowercased: "sec-websocket-version"):
            versions.add(value)
        case 22 where HeaderSyntax.equal(name.utf8, lowercased: "sec-websocket-protocol"):
            protocolLines.append(value)
        case 24 where HeaderSyntax.equal(name.utf8, lowercased: "sec-websocket-extensions"):
            extensionLines.append(value)
        default:
            break
        }
    }

    /// The answer of a server that speaks the sub-protocols `protocols`, and compresses as `deflate` says unless it is nil.
    ///
    /// The sub-protocol is the first of the client's list that is among them: the client's order is its preference
    /// (section 4.1). With none in common the handshake succeeds without one, and the client decides whether to stay.
    package func outcome(protocols: [String] = [], deflate: DeflatePolicy? = nil) -> Outcome {
        guard upgradesToWebSocket else { return .notAnUpgrade }
        do {
            let key = try validKey()
            let subprotocol = try validProtocols().first(where: protocols.contains)
            // The lines are checked though nothing in them is wanted.
            let agreement = try DeflateNegotiation.negotiate(lines: extensionLines, policy: deflate ?? DeflatePolicy())
            return .accept(
                acceptKey: Handshake.acceptKey(for: key),
                subprotocol: subprotocol,
                deflate: deflate == nil ? nil : agreement?.parameters,
                extensions: deflate == nil ? nil : agreement?.response
            )
        } catch {
            return .reject(error)
        }
    }

    /// Why the page that asks may not connect under `policy`; nil when it may. It judges only a head that is acceptable
    /// otherwise.
    ///
    /// - Parameter isSecure: Whether the client is known to use TLS.
    package func originRefusal(under policy: OriginPolicy, isSecure: Bool) -> OriginRefusal? {
        let host = authority ?? hosts.only.map { String(Substring($0)) } ?? ""
        return policy.refusal(origins: originLines, host: host, isSecure: isSecure)
    }

    /// Whether `text` can be what a Host field holds: a host, with or without a port.
    package static func isHost(_ text: String) -> Bool {
        HeaderSyntax.isHost(text[...].utf8)
    }

    /// Whether the head names its host as RFC 9112 section 3.2 wants it: once, and in HTTP/1.0 perhaps not at all.
    package var hasGoodHost: Bool {
        guard let host = hosts.only else { return hosts.count == 0 && !isHTTP11 }
        return HeaderSyntax.isHost(host)
    }

    /// Whether `name` can be a sub-protocol: a token (section 4.1).
    package static func isSubprotocol(_ name: String) -> Bool {
        HeaderSyntax.isToken(name[...].utf8)
    }

    private func validKey() throws(HandshakeRejection) -> Substring.UTF8View {
        guard isGet else { throw .methodNotAllowed }
        guard isHTTP11 else { throw .httpVersion }
        guard let host = hosts.only, HeaderSyntax.isHost(host) else { throw .host }
        guard !hasBody else { throw .body }
        guard connectionUpgrades else { throw .connection }
        guard versions.count <= 1 else { throw .versionRepeated }
        guard let version = versions.only, HeaderSyntax.equal(version, lowercased: "13") else {
            throw .versionUnsupported
        }
        guard let key = keys.only, Base64.encodesSixteenBytes(key) else { throw .key }
        return key
    }

    private func validProtocols() throws(HandshakeRejection) -> [String] {
        var offers: [String] = []
        var seen: Set<String> = []
        for line in protocolLines {
            for element in HeaderSyntax.elements(line) {
                guard HeaderSyntax.isToken(element) else { throw .protocols }
                let offer = String(Substring(element))
                guard seen.insert(offer).inserted else { throw .protocols }
                offers.append(offer)
            }
        }
        guard !offers.isEmpty || protocolLines.isEmpty else { throw .protocols }
        return offers
    }

    private func contains(_ list: String, _ token: StaticString) -> Bool {
        HeaderSyntax.elements(list).contains { HeaderSyntax.equal($0, lowercased: token) }
    }
}

/// The lines of a field that may be there once.
private struct FieldLines {
    private(set) var count = 0
    private var first = ""

    /// The value, nil when there is no line or more than one.
    var only: Substring.UTF8View? { count == 1 ? HeaderSyntax.trimmed(first) : nil }

    mutating func add(_ value: String) {
        if count == 0 { first = value }
        count += 1
    }
}
