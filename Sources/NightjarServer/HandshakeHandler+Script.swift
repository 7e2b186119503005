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

/// What a route's script decides: who may become a connection, and the answers to plain requests.
extension HandshakeHandler {
    // MARK: - Upgrades

    /// The handshake is there as a whole: asks the script, if it wants to be asked.
    func begin(_ upgrade: Upgrade, context: ChannelHandlerContext) {
        guard !self.gate.isInputOver else {
            self.drop()
            return
        }
        guard upgrade.route.handlers.contains(.upgrade) else {
            self.finish(upgrade, context: context)
            return
        }
        let token = self.worker.makeToken(for: self)
        self.state = .asking(token, .upgrade(upgrade))
        self.worker.ask(token, toUpgrade: upgrade.request, of: upgrade.route)
    }

    /// The script has answered.
    func answered(_ answer: ScriptAnswer) {
        guard let context = self.context, case .asking(let token, let asked) = self.state else { return }
        switch (asked, answer) {
        case (.upgrade(var upgrade), .accept(let subprotocol, let fields)):
            upgrade.request.upgrade = token
            upgrade.request.subprotocol = subprotocol ?? upgrade.request.subprotocol
            self.finish(upgrade, fields: fields, context: context)
        case (.upgrade(let upgrade), .unhandled):
            self.finish(upgrade, context: context)
        case (.upgrade(let upgrade), .response(let response)):
            self.worker.counters.add(.refused(.script))
            self.log(response, to: upgrade.request, method: "GET", of: upgrade.route)
            self.end(with: response.bytes(withBody: true, endsConnection: true), context: context)
        case (.upgrade, .failed):
            self.worker.counters.add(.refused(.scriptError))
            self.refuse(HTTPAnswer(500, "the script failed to let you in"), context: context)
        case (.request(let plain), .response(let response)):
            self.send(response, to: plain, context: context)
        case (.request(let plain), .failed), (.request(let plain), .accept):
            self.send(HTTPResponse(500, "the script failed to answer"), to: plain, context: context)
        case (.request(let plain), .unhandled):
            self.refuse(self.upgradeRequiredAnswer, context: context, withBody: !plain.isHead)
        }
    }

    /// Sends the 101 and replaces the HTTP handlers by the connection's one.
    private func finish(_ upgrade: Upgrade, fields: [UInt8] = [], context: ChannelHandlerContext) {
        self.state = .answered
        let (route, request) = (upgrade.route, upgrade.request)
        // It may have come to that while the script was asked.
        if let sentence = self.refusal(by: route) {
            self.abandonUpgrade(of: request, route)
            self.refuse(HTTPAnswer(503, sentence), context: context)
            return
        }
        guard let connection = self.worker.makeConnection(route: route, deflate: request.deflate) else {
            self.abandonUpgrade(of: request, route)
            let sentence = "the server has no room for another connection"
            self.worker.exceeded(.connections, "refused: \(sentence)", ip: self.ip)
            self.refuse(HTTPAnswer(503, sentence), context: context)
            return
        }
        let handler = ConnectionHandler(connection, isSecure: self.isSecure)
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(handler)
        } catch {
            // Only a channel that is closed already refuses.
            self.abandonUpgrade(of: request, route)
            connection.transportClosed()
            return
        }
        // From here on a client that shuts down its side is gone.
        try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        pipeline.removeHandler(context: context, promise: nil)
        let gate = self.gate
        gate.prepareToLeave()
        // Bytes behind the request, which the gate holds, follow when the decoder has left.
        if let decoder = try? pipeline.context(handler: self.decoder) {
            let left = context.eventLoop.makePromise(of: Void.self)
            left.futureResult.assumeIsolated().whenComplete { _ in gate.leave() }
            pipeline.removeHandler(context: decoder, promise: left)
        }
        handler.start(request, answer: upgrade.answer(fields: fields))
    }

    /// Why the route takes nobody, counted; nil while it does.
    func refusal(by route: Route) -> String? {
        guard let refusal = route.census.refusal else { return nil }
        if let limit = refusal.limit {
            self.worker.exceeded(
                limit,
                "refused: \(refusal.sentence)",
                metadata: ["route": "\(route.path)", "ip": "\(self.ip)"]
            )
        }
        return refusal.sentence
    }

    /// The state that the script returned goes to nobody.
    private func abandonUpgrade(of request: ClientRequest, _ route: Route) {
        guard let token = request.upgrade else { return }
        self.worker.abandon(token, of: route)
    }

    // MARK: - Plain requests

    /// The head is good: the body comes, or its end.
    func receive(_ plain: PlainRequest, _ body: Body, context: ChannelHandlerContext) {
        self.state = .receiving(plain)
        self.gate.expectBody(body.length ?? 0)
        guard body.length != 0 else { return }
        self.setDeadline(in: plain.route.configuration.messageTime)
        if body.isAskedFor {
            context.writeAndFlush(
                self.wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")),
                promise: nil
            )
        }
    }

    /// A part of the body has come. No memory is taken for what a client merely announces.
    func take(_ bytes: ByteBuffer, of plain: PlainRequest, context: ChannelHandlerContext) {
        guard bytes.readableBytes <= plain.route.configuration.messageBytes - self.body.readableBytes else {
            self.refuse(self.tooLarge(for: plain.route), context: context, withBody: !plain.isHead)
            return
        }
        self.body.writeImmutableBuffer(bytes)
        self.account(for: self.body.readableBytes)
    }

    /// The request is there as a whole.
    func ask(_ plain: PlainRequest) {
        let token = self.worker.makeToken(for: self)
        self.state = .asking(token, .request(plain))
        let body = self.body
        self.body = ByteBuffer()
        self.account(for: 0)
        // The script may take all its time, and before it comes to this it may have others to serve.
        self.setDeadline(in: plain.route.configuration.wall + self.configuration.handshake.deadline)
        self.worker.ask(token, toAnswer: plain.request, body: body, of: plain.route)
    }

    private func send(_ response: HTTPResponse, to plain: PlainRequest, context: ChannelHandlerContext) {
        self.log(response, to: plain.request, method: plain.isHead ? "HEAD" : plain.request.method, of: plain.route)
        self.send(
            response,
            withBody: !plain.isHead,
            endsConnection: plain.endsConnection,
            within: plain.route.configuration.messageTime,
            context: context
        )
    }

    private func log(_ response: HTTPResponse, to request: ClientRequest, method: String, of route: Route) {
        self.worker.logger.debug(
            "answered by the script",
            metadata: [
                "status": "\(response.status)", "method": "\(method)", "path": "\(request.target.path)",
                "route": "\(route.path)", "bytes": "\(response.body.readableBytes)", "ip": "\(self.ip)",
            ]
        )
    }
}

extension HandshakeHandler.Upgrade {
    /// The 101 as it goes over the wire.
    ///
    /// - Parameter fields: the script's header lines.
    fileprivate func answer(fields: [UInt8]) -> ByteBuffer {
        var answer = HTTPAnswer(101)
        answer.headers = [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", self.acceptKey),
        ]
        if let subprotocol = self.request.subprotocol {
            answer.headers.append(("Sec-WebSocket-Protocol", subprotocol))
        }
        if let extensions = self.extensions {
            answer.headers.append(("Sec-WebSocket-Extensions", extensions))
        }
        return answer.bytes(withBody: false, fields: fields)
    }
}
