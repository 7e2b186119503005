//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import WebSocketCore

/// Answers the one HTTP/1.1 request of a channel: with an upgrade, or with a short refusal and the end of the connection.
///
/// One deadline covers everything from accept to the end of the answer; no byte that arrives renews it.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private enum State {
        case waitingForHead
        /// The head is good; the request has no body, so its end follows.
        case accepted(Route, ClientRequest, answer: HTTPAnswer)
        /// The request is over; the upgrade happens when the decoder has looked at all that came with it.
        case complete(Route, ClientRequest, answer: HTTPAnswer)
        /// The answer is sent, and whatever else comes is ignored.
        case answered
    }

    private let worker: Worker
    private let configuration: ServerConfiguration
    private let census: ConnectionCensus
    private let isSecure: Bool
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private var context: ChannelHandlerContext?
    private var state = State.waitingForHead
    private var serial: UInt64?

    /// Who sends the request, once its head is there.
    private var client: ClientAddress?

    init(
        worker: Worker,
        configuration: ServerConfiguration,
        census: ConnectionCensus,
        isSecure: Bool,
        decoder: ByteToMessageHandler<HTTPRequestDecoder>
    ) {
        self.worker = worker
        self.configuration = configuration
        self.census = census
        self.isSecure = isSecure
        self.decoder = decoder
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.serial = self.worker.beginHandshake(self, timeout: self.configuration.handshake.deadline)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        if let serial = self.serial {
            self.worker.endHandshake(serial)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (self.unwrapInboundIn(data), self.state) {
        case (.head(let head), .waitingForHead):
            self.evaluate(head, context: context)
        case (.end, .accepted(let route, let request, let answer)):
            self.state = .complete(route, request, answer: answer)
        case (.head, .complete):
            // The decoder and we do not agree that the first request ends HTTP: it reads `Connection: Upgrade` with a tab behind
            // it as another option. What followed would be lost, and its parts are nothing that a connection can take.
            self.refuseAsMalformed(context: context)
        default:
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .complete(let route, let request, let answer) = self.state {
            self.upgrade(to: route, request: request, answer: answer, context: context)
        }
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .answered = self.state, !(error is IOError) {
            // What follows a refusal is not looked at; closing now would take the answer from the peer.
            return
        }
        guard let error = error as? HTTPParserError else {
            context.closeSocket()
            return
        }
        switch self.state {
        case .waitingForHead:
            break
        case .complete:
            self.refuseAsMalformed(context: context)
            return
        case .accepted, .answered:
            context.closeSocket()
            return
        }
        switch error {
        case .headerOverflow:
            let limits = self.configuration.handshake
            let sentence =
                "the request head has more than \(limits.headerFields) fields, \(limits.headerBytes) bytes, "
                + "or \(limits.fieldBytes) bytes in one field"
            self.worker.exceeded(.headers, "refused: \(sentence)", ip: self.ip)
            self.answer(HTTPAnswer(431, sentence), context: context)
        case .invalidEOFState:
            // The client hung up within its head: nobody is there to be told.
            context.closeSocket()
        case .invalidVersion:
            self.worker.counters.add(.refused(.httpVersion))
            self.answer(HTTPAnswer(505, "this server speaks HTTP/1.1"), context: context)
        default:
            self.refuseAsMalformed(context: context)
        }
    }

    private func refuseAsMalformed(context: ChannelHandlerContext) {
        self.worker.counters.add(.refused(.malformed))
        self.answer(HTTPAnswer(400, "the request is not valid HTTP/1.1"), context: context)
    }

    /// The server shuts down: drops the connection.
    func drop() {
        // Closing makes the decoder complain of a head that breaks off.
        self.state = .answered
        self.context?.closeSocket()
    }

    /// The deadline has passed: drops the connection.
    func timeOut() {
        if case .answered = self.state {
        } else {
            let time = self.configuration.handshake.deadline
            self.worker.exceeded(.handshakeTime, "dropped: the handshake was not over after \(time)", ip: self.ip)
        }
        self.drop()
    }

    /// The client's address for the log: the socket's other end until there is a head.
    private var ip: String {
        if let client = self.client { return client.ip }
        return self.context.map { Peer(of: $0.channel).ip } ?? ""
    }

    private func evaluate(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        let peer = Peer(of: context.channel)
        let client = ClientAddress(
            peer: peer,
            isSecure: self.isSecure,
            headers: head.headers,
            trusting: self.configuration.proxies
        )
        self.client = client
        let answer =
            self.crowding(by: client, behind: peer, on: context.channel) ?? self.answer(to: head, of: client)
        if case .accepted = self.state { return }
        self.answer(answer, context: context, withBody: head.method != .HEAD)
    }

    /// Counts in the client that a trusted proxy names, until the socket closes.
    ///
    /// - Returns: the refusal for one that has all its connections already.
    private func crowding(by client: ClientAddress, behind peer: Peer, on channel: any Channel) -> HTTPAnswer? {
        let proxies = self.configuration.proxies
        // A proxy that names nobody is counted for nobody: it carries many clients.
        guard proxies.contain(peer), let address = client.address, !proxies.contain(address) else { return nil }
        let (census, named) = (self.census, ConnectionCensus.Client(address))
        guard let limit = census.enter(forwarded: named) else {
            channel.closeFuture.whenComplete { _ in census.leave(forwarded: named) }
            return nil
        }
        let sentence = ConnectionCensus.sentence(for: limit)
        self.worker.exceeded(limit, "refused: \(sentence)", ip: self.ip)
        return HTTPAnswer(503, sentence, headers: ConnectionCensus.retryHeaders)
    }

    /// Decides about a request; an upgrade that is possible becomes the new state.
    private func answer(to head: HTTPRequestHead, of client: ClientAddress) -> HTTPAnswer {
        let limits = self.configuration.handshake
        guard head.uri.utf8.count <= limits.targetBytes else {
            let sentence = "the request target is longer than \(limits.targetBytes) bytes"
            self.worker.exceeded(.target, "refused: \(sentence)", ip: self.ip)
            return HTTPAnswer(414, sentence)
        }
        guard !self.worker.isDraining else {
            self.worker.counters.add(.refused(.draining))
            return HTTPAnswer(503, "the server is shutting down")
        }
        let target: RequestTarget
        do {
            target = try RequestTarget(head.uri)
        } catch {
            self.worker.counters.add(.refused(.target))
            return HTTPAnswer(400, error.sentence)
        }
        guard let match = self.worker.router.match(target.path) else {
            self.worker.counters.add(.refused(.notFound))
            return HTTPAnswer(404, self.notFoundSentence)
        }
        guard !self.worker.isCongested(match.route) else {
            let sentence = "the route has more to do than it can hold"
            self.worker.exceeded(
                .scriptQueueRefused,
                "refused: \(sentence)",
                metadata: ["route": "\(match.route.path)", "ip": "\(self.ip)"]
            )
            return HTTPAnswer(503, sentence)
        }
        let handshake = HandshakeRequest(
            method: head.method.rawValue,
            majorVersion: head.version.major,
            minorVersion: head.version.minor,
            authority: target.authority,
            headers: head.headers
        )
        let settings = match.route.configuration
        switch handshake.outcome(protocols: settings.protocols, deflate: settings.deflatePolicy) {
        case .notAnUpgrade:
            self.worker.counters.add(.refused(.notAnUpgrade))
            return HTTPAnswer(
                426,
                "this is a WebSocket route: connect to it with ws:// instead of http://",
                headers: [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
            )
        case .reject(let rejection):
            self.worker.counters.add(.refused(Refusal(rejection)))
            return HTTPAnswer(rejection.status, rejection.sentence, headers: rejection.headers)
        case .accept(let acceptKey, let subprotocol, let deflate, let extensions):
            let policy = match.route.configuration.originPolicy
            if let refusal = handshake.originRefusal(under: policy, isSecure: client.isSecure) {
                return self.answer(to: refusal, in: head, of: client, for: match.route)
            }
            var answer = HTTPAnswer(101)
            answer.headers = [
                ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", acceptKey),
            ]
            if let subprotocol {
                answer.headers.append(("Sec-WebSocket-Protocol", subprotocol))
            }
            if let extensions {
                answer.headers.append(("Sec-WebSocket-Extensions", extensions))
            }
            let request = ClientRequest(
                publicID: PublicID(),
                method: head.method.rawValue,
                target: target,
                parameters: match.parameters,
                ip: client.ip,
                isSecure: client.isSecure,
                headers: head.headers.map { ($0.name, $0.value) },
                subprotocol: subprotocol,
                deflate: deflate
            )
            self.state = .accepted(match.route, request, answer: answer)
            return answer
        }
    }

    /// A refusal that helps whoever wrote the page, and the line in the log that helps the operator.
    private func answer(
        to refusal: OriginRefusal,
        in head: HTTPRequestHead,
        of client: ClientAddress,
        for route: Route
    ) -> HTTPAnswer {
        self.worker.counters.add(.refused(.origin))
        var shown: [UInt8] = []
        LogEscape.append(head.headers["origin"].joined(separator: ", "), limit: 256, to: &shown)
        let origin = String(decoding: shown, as: UTF8.self)
        self.worker.logger.info(
            "refused an origin",
            metadata: [
                "origin": "\(origin)", "route": "\(route.path)", "reason": "\(refusal.sentence)",
                "ip": "\(client.ip)",
            ]
        )
        guard self.configuration.isDevelopment else { return HTTPAnswer(403, refusal.sentence) }
        return HTTPAnswer(403, "\(refusal.sentence); the origin is \(origin)")
    }

    private var notFoundSentence: String {
        guard self.configuration.isDevelopment else { return "there is no route at this path" }
        let routes = self.worker.router.routes.map(\.path).joined(separator: ", ")
        return "there is no route at this path; the routes are: \(routes.isEmpty ? "none" : routes)"
    }

    /// Sends an answer that ends the connection: our side is shut down, and the peer has until the deadline to read it.
    private func answer(_ answer: HTTPAnswer, context: ChannelHandlerContext, withBody: Bool = true) {
        self.state = .answered
        self.worker.logger.debug(
            "refused",
            metadata: [
                "status": "\(answer.status)", "reason": "\(answer.sentence)",
                "ip": "\(self.ip)",
            ]
        )
        let ignored = IgnoredInput { [worker, ip] in
            worker.exceeded(.ignoredInput, "dropped: the client sends on after a refusal", ip: ip)
        }
        // A channel that is closing takes no more handlers, and reads no more either.
        try? context.pipeline.syncOperations.addHandler(ignored, position: .before(self.decoder))
        context.writeAndFlush(self.wrapOutboundOut(answer.bytes(withBody: withBody)), promise: nil)
        context.close(mode: .output, promise: nil)
    }

    /// Replaces the HTTP handlers by the connection's one.
    private func upgrade(to route: Route, request: ClientRequest, answer: HTTPAnswer, context: ChannelHandlerContext) {
        self.state = .answered
        guard let connection = self.worker.makeConnection(route: route, deflate: request.deflate) else {
            let sentence = "the server has no room for another connection"
            self.worker.exceeded(.connections, "refused: \(sentence)", ip: self.ip)
            self.answer(HTTPAnswer(503, sentence), context: context)
            return
        }
        let handler = ConnectionHandler(connection, request: request, isSecure: self.isSecure)
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(handler)
        } catch {
            // Only a channel that is closed already refuses.
            connection.transportClosed()
            return
        }
        // Bytes behind the request, which the decoder holds, follow when it leaves.
        pipeline.removeHandler(context: context, promise: nil)
        if let decoder = try? pipeline.context(handler: self.decoder) {
            pipeline.removeHandler(context: decoder, promise: nil)
        }
        handler.start(answer: answer.bytes(withBody: false))
    }
}

@available(*, unavailable)
extension HandshakeHandler: Sendable {}
