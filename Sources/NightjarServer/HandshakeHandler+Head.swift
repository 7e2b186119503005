//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import LuaRuntime
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization
internal import WebSocketCore

/// What is to be done with a request, judged by its head, before any script runs.
extension HandshakeHandler {
    enum Judgement {
        case refuse(HTTPAnswer)
        case upgrade(Upgrade)
        case receive(PlainRequest, Body)
        case answer(OwnAnswer)
    }

    /// What the head says of the body.
    struct Body {
        /// Bytes; nil when the body comes in chunks.
        let length: Int?
        /// Whether the client waits for a 100 before it sends the body.
        let isAskedFor: Bool
    }

    func judge(_ head: HTTPRequestHead, of client: ClientAddress) -> Judgement {
        let limits = self.configuration.handshake
        guard head.uri.utf8.count <= limits.targetBytes else { return .refuse(self.targetTooLong) }
        var headerBytes = 0
        for (name, value) in head.headers {
            let count = name.utf8.count + value.utf8.count
            headerBytes += count
            guard count <= limits.fieldBytes, headerBytes <= limits.headerBytes else {
                return .refuse(self.headersTooLong)
            }
        }
        guard !self.worker.isDraining else { return .refuse(self.drainingAnswer) }
        guard head.method != .CONNECT else {
            // A 200 would say that what follows goes through a tunnel (RFC 9110 §9.3.6).
            self.worker.counters.add(.refused(.method))
            return .refuse(HTTPAnswer(501, "this server is no proxy: it takes no CONNECT"))
        }
        let target: RequestTarget
        do {
            target = try RequestTarget(head.uri)
        } catch {
            self.worker.counters.add(.refused(.target))
            return .refuse(HTTPAnswer(400, error.sentence))
        }
        let handshake = HandshakeRequest(
            method: head.method.text,
            majorVersion: head.version.major,
            minorVersion: head.version.minor,
            authority: target.authority,
            headers: head.headers
        )
        guard let match = self.worker.router.match(target.path) else {
            return self.judgeWithoutRoute(head, handshake, target)
        }
        if let sentence = self.refusal(by: match.route) {
            return .refuse(HTTPAnswer(503, sentence))
        }
        guard !self.worker.isCongested(match.route) else {
            let sentence = "the route has more to do than it can hold"
            self.worker.exceeded(
                .scriptQueueRefused,
                "refused: \(sentence)",
                metadata: ["route": "\(match.route.path)", "ip": "\(self.ip)"]
            )
            return .refuse(HTTPAnswer(503, sentence))
        }
        let settings = match.route.configuration
        switch handshake.outcome(protocols: settings.protocols, deflate: settings.deflatePolicy) {
        case .notAnUpgrade:
            return self.judgePlain(head, handshake, match, target, of: client)
        case .reject(let rejection):
            self.worker.counters.add(.refused(Refusal(rejection)))
            return .refuse(HTTPAnswer(rejection.status, rejection.sentence, headers: rejection.headers))
        case .accept(let acceptKey, let subprotocol, let deflate, let extensions):
            if let refusal = handshake.originRefusal(under: settings.originPolicy, isSecure: client.isSecure) {
                return .refuse(self.answer(to: refusal, in: head, of: client, for: match.route))
            }
            var request = ClientRequest(head, match, target, of: client)
            request.subprotocol = subprotocol
            request.deflate = deflate
            return .upgrade(
                Upgrade(route: match.route, request: request, acceptKey: acceptKey, extensions: extensions)
            )
        }
    }

    /// A request that is not to become a WebSocket.
    private func judgePlain(
        _ head: HTTPRequestHead,
        _ handshake: HandshakeRequest,
        _ match: Router.Match,
        _ target: RequestTarget,
        of client: ClientAddress
    ) -> Judgement {
        guard match.route.handlers.contains(.request) else { return .refuse(self.upgradeRequiredAnswer) }
        if let answer = self.refusal(ofPlain: head, handshake) { return .refuse(answer) }
        // The decoder has checked them; what is no number here is too large for one.
        let length = head.headers.first(name: "content-length").map { Int($0) ?? .max } ?? 0
        let body = Body(
            length: head.headers.contains(name: "transfer-encoding") ? nil : length,
            isAskedFor: head.headers.contains(name: "expect") && head.version == .http1_1
        )
        guard length <= match.route.configuration.messageBytes else { return .refuse(self.tooLarge(for: match.route)) }
        let plain = PlainRequest(
            route: match.route,
            request: ClientRequest(head, match, target, of: client),
            isHead: head.method == .HEAD,
            endsConnection: head.endsConnection
        )
        return .receive(plain, body)
    }

    /// What no request may be that is not to become a WebSocket.
    func refusal(ofPlain head: HTTPRequestHead, _ handshake: HandshakeRequest) -> HTTPAnswer? {
        guard handshake.hasGoodHost else {
            self.worker.counters.add(.refused(.host))
            return HTTPAnswer(400, "a request has exactly one Host field with a host in it")
        }
        guard head.headers["expect"].allSatisfy({ $0.lowercased() == "100-continue" }) else {
            self.worker.counters.add(.refused(.expectation))
            return HTTPAnswer(417, "the one expectation that this server meets is 100-continue")
        }
        // RFC 9112 section 6.1.
        let codings = head.headers["transfer-encoding"]
        guard codings.isEmpty || codings.count == 1 && codings[0].lowercased() == "chunked" else {
            self.worker.counters.add(.refused(.transferCoding))
            return HTTPAnswer(501, "the one transfer coding that this server knows is chunked")
        }
        return nil
    }

    /// Bytes of a request line beside its target: the longest method that the decoder knows, two spaces, the version and a CR.
    static let restOfRequestLine = 40

    var targetTooLong: HTTPAnswer {
        let sentence = "the request target is longer than \(self.configuration.handshake.targetBytes) bytes"
        self.worker.exceeded(.target, "refused: \(sentence)", ip: self.ip)
        return HTTPAnswer(414, sentence)
    }

    var headersTooLong: HTTPAnswer {
        let limits = self.configuration.handshake
        let sentence =
            "the request head has more than \(limits.headerFields) fields, \(limits.headerBytes) bytes, "
            + "or \(limits.fieldBytes) bytes in one field"
        self.worker.exceeded(.headers, "refused: \(sentence)", ip: self.ip)
        return HTTPAnswer(431, sentence)
    }

    var upgradeRequiredAnswer: HTTPAnswer {
        self.worker.counters.add(.refused(.notAnUpgrade))
        return HTTPAnswer(
            426,
            "this is a WebSocket route: connect to it with ws:// instead of http://",
            headers: [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
        )
    }

    func tooLarge(for route: Route) -> HTTPAnswer {
        let sentence = "the body of a request may have \(route.configuration.messageBytes) bytes"
        self.worker.exceeded(
            .body,
            "refused: \(sentence)",
            metadata: ["route": "\(route.path)", "ip": "\(self.ip)"]
        )
        return HTTPAnswer(413, sentence)
    }

    /// A refusal that helps whoever wrote the page, and the line in the log that helps the operator.
    private func answer(
        to refusal: OriginRefusal,
        in head: HTTPRequestHead,
        of client: ClientAddress,
        for route: Route
    ) -> HTTPAnswer {
        var shown: [UInt8] = []
        LogEscape.append(head.headers["origin"].joined(separator: ", "), limit: 256, to: &shown)
        let origin = String(decoding: shown, as: UTF8.self)
        self.worker.refusedOrigin([
            "origin": "\(origin)", "route": "\(route.path)", "reason": "\(refusal.sentence)", "ip": "\(client.ip)",
        ])
        guard self.configuration.isDevelopment else { return HTTPAnswer(403, refusal.sentence) }
        return HTTPAnswer(403, "\(refusal.sentence); the origin is \(origin)")
    }
}

extension HTTPMethod {
    /// The method as it was written.
    fileprivate var text: String {
        // NIO leaves the hyphen out.
        self == .MSEARCH ? "M-SEARCH" : self.rawValue
    }
}

extension HTTPRequestHead {
    /// Whether no other request may follow. Behind a request to upgrade, whatever to, the decoder looks at nothing more.
    var endsConnection: Bool {
        !self.isKeepAlive || self.version.minor == 0 || self.headers.contains(name: "upgrade")
    }
}

extension ClientRequest {
    fileprivate init(_ head: HTTPRequestHead, _ match: Router.Match, _ target: RequestTarget, of client: ClientAddress)
    {
        self.init(
            publicID: PublicID(),
            // A script answers HEAD as it answers GET; the server leaves the body out.
            method: head.method == .HEAD ? "GET" : head.method.text,
            target: target,
            parameters: match.parameters,
            ip: client.ip,
            isSecure: client.isSecure,
            headers: head.headers.map { ($0.name, $0.value) },
            subprotocol: nil
        )
    }
}
