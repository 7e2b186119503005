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
internal import WebSocketCore

/// Answers the HTTP/1.1 requests of a channel, one after the other, until one of them becomes a WebSocket.
///
/// A refusal ends the connection, and nothing behind it is answered; the connection goes on only behind what a script has
/// answered, or a page of the server's own. One deadline covers everything from accept to the first 101 or the end of a
/// refusal; no byte that arrives renews it. Heads are judged in `HandshakeHandler+Head.swift`, scripts are asked in
/// `HandshakeHandler+Script.swift`, the server's own pages are in `HandshakeHandler+Pages.swift`, and
/// `HandshakeHandler+Answers.swift` sends what is answered.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    enum State {
        case waitingForHead
        /// The head is good; the request has no body, so its end follows.
        case accepted(Upgrade)
        /// The request is over; the rest happens when the decoder has looked at all that came with it.
        case complete(Upgrade)
        /// The answer is known, and goes out when the request is over.
        case owing(OwnAnswer)
        /// The body of a request that a script will answer is on its way.
        case receiving(PlainRequest)
        /// The script decides.
        case asking(RequestToken, Asked)
        /// A response is on its way out, and the client has so much time to read it; the connection goes on behind it.
        case answering(within: Duration)
        /// The last answer is sent, and whatever else comes is ignored.
        case answered
    }

    /// What a script is asked about.
    enum Asked {
        case upgrade(Upgrade)
        case request(PlainRequest)
    }

    /// A handshake that is good as far as the server can tell.
    struct Upgrade {
        let route: Route
        var request: ClientRequest
        let acceptKey: String
        /// The answer to the client's offers of extensions.
        let extensions: String?
    }

    /// A request that is not to become a WebSocket, for a route whose script answers such requests.
    struct PlainRequest {
        let route: Route
        let request: ClientRequest
        /// Whether only the head of the answer is wanted.
        let isHead: Bool
        /// Whether no other request may follow.
        let endsConnection: Bool
    }

    let worker: Worker
    let configuration: ServerConfiguration
    private let census: ConnectionCensus
    let isSecure: Bool
    let gate: InputGate
    let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private(set) var context: ChannelHandlerContext?
    var state = State.waitingForHead
    private var serial: UInt64?

    /// The time by which what the state says must be over.
    private var deadline = MonotonicTime.never
    /// The turn of the deadline wheel at which this handler expects to be called; entries of other turns are stale.
    private var expectedTurn: UInt64 = .max

    /// Whether a request of this channel has had a response.
    var hasServed = false

    /// What has come of the request's body.
    var body = ByteBuffer()

    /// What the ledger has been told that this handler holds.
    private(set) var accountedBytes = 0
    /// Bytes of the body that has come, or of the answer that is on its way.
    private var ownBytes = 0

    /// Who sends the request, once its head is there.
    private(set) var client: ClientAddress?

    /// Where the client that a trusted proxy names is counted in.
    private var place: ForwardedPlace?

    init(
        worker: Worker,
        configuration: ServerConfiguration,
        census: ConnectionCensus,
        isSecure: Bool,
        gate: InputGate,
        decoder: ByteToMessageHandler<HTTPRequestDecoder>
    ) {
        self.worker = worker
        self.configuration = configuration
        self.census = census
        self.isSecure = isSecure
        self.gate = gate
        self.decoder = decoder
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.gate.inputEnded = { [weak self] in self?.inputEnded() }
        self.gate.heldBytesChanged = { [weak self] in self?.settleAccount() }
        self.serial = self.worker.beginHandshake(self)
        self.setDeadline(in: self.configuration.handshake.deadline)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.clientLeft()
        if let serial = self.serial {
            self.worker.endHandshake(serial)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.clientLeft()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (self.unwrapInboundIn(data), self.state) {
        case (.head(let head), .waitingForHead):
            self.evaluate(head, context: context)
        case (.end, .owing(let answer)):
            self.gate.hold()
            self.send(answer, context: context)
        case (.body(let bytes), .receiving(let plain)):
            self.take(bytes, of: plain, context: context)
        case (.end, .accepted(let upgrade)):
            self.state = .complete(upgrade)
            self.gate.showRest()
        case (.head, .complete):
            // The decoder and we do not agree that the first request ends HTTP: it reads `Connection: Upgrade` with a tab behind
            // it as another option, and so may a proxy.
            self.refuseAsMalformed(context: context)
        case (.end, .receiving(let plain)):
            self.gate.hold()
            self.ask(plain)
        default:
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .complete(let upgrade) = self.state {
            self.gate.hold()
            self.begin(upgrade, context: context)
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
        case .waitingForHead, .receiving:
            break
        case .complete:
            self.refuseAsMalformed(context: context)
            return
        case .accepted, .owing, .asking, .answering, .answered:
            context.closeSocket()
            return
        }
        switch error {
        case .headerOverflow:
            let isTarget =
                self.gate.requestLineBytes > self.configuration.handshake.targetBytes + Self.restOfRequestLine
            self.refuse(isTarget ? self.targetTooLong : self.headersTooLong, context: context)
        case .invalidEOFState:
            // The client hung up within its request: nobody is there to be told.
            context.closeSocket()
        case .invalidVersion:
            self.worker.counters.add(.refused(.httpVersion))
            self.refuse(HTTPAnswer(505, "this server speaks HTTP/1.1"), context: context)
        default:
            self.refuseAsMalformed(context: context)
        }
    }

    private func refuseAsMalformed(context: ChannelHandlerContext) {
        self.worker.counters.add(.refused(.malformed))
        self.refuse(HTTPAnswer(400, "the request is not valid HTTP/1.1"), context: context)
    }

    /// The client's address for the log: the socket's other end until there is a head.
    var ip: String {
        if let client = self.client { return client.ip }
        return self.context.map { Peer(of: $0.channel).ip } ?? ""
    }

    // MARK: - The end

    /// Drops the connection.
    func drop() {
        self.clientLeft()
        self.gate.discard()
        // Closing makes the decoder complain of a head that breaks off.
        self.state = .answered
        self.context?.closeSocket()
    }

    /// The client has shut down its side. What it has asked for is still answered; who wants to become a WebSocket, or has not
    /// asked yet, is gone.
    private func inputEnded() {
        switch self.state {
        case .asking(_, .request), .answering:
            break
        case .answered where self.ownBytes > 0:
            // The last answer is on its way.
            break
        case .waitingForHead, .accepted, .complete, .owing, .receiving, .asking(_, .upgrade), .answered:
            self.drop()
        }
    }

    /// The server shuts down: what a script works on is still answered, all else ends.
    func drain() {
        switch self.state {
        case .waitingForHead, .accepted, .owing, .complete, .answered:
            self.drop()
        case .asking(_, .request), .answering:
            break
        case .receiving, .asking(_, .upgrade):
            guard let context = self.context else { return }
            self.clientLeft()
            self.refuse(self.drainingAnswer, context: context)
        }
    }

    var drainingAnswer: HTTPAnswer {
        self.worker.counters.add(.refused(.draining))
        return HTTPAnswer(503, "the server is shutting down")
    }

    /// Nobody waits for an answer any more, or the connection is somebody else's.
    func clientLeft() {
        if case .asking(let token, let asked) = self.state {
            self.state = .answered
            switch asked {
            case .upgrade(let upgrade): self.worker.abandon(token, of: upgrade.route)
            case .request(let plain): self.worker.abandon(token, of: plain.route)
            }
        }
        self.body = ByteBuffer()
        self.account(for: 0)
    }

    // MARK: - Time

    /// From now on what the state says has so much time, instead of what was left.
    func setDeadline(in time: Duration) {
        self.deadline = self.worker.now + time
        self.schedule()
    }

    private func schedule() {
        guard let serial = self.serial else { return }
        self.expectedTurn = self.worker.scheduleHandshake(serial, at: self.deadline, unlessBefore: self.expectedTurn)
    }

    /// The wheel has come to an entry of this handler.
    func wheelTurned(_ turn: UInt64) {
        guard turn == self.expectedTurn else { return }
        self.expectedTurn = .max
        if self.deadline <= self.worker.now {
            self.timeOut()
        } else {
            self.schedule()
        }
    }

    private func timeOut() {
        guard let context = self.context else { return }
        let time = self.configuration.handshake.deadline
        switch self.state {
        case .waitingForHead where self.hasServed:
            // A client that has nothing more to ask, or is too slow in asking.
            self.drop()
        case .waitingForHead, .accepted, .owing, .complete:
            self.worker.exceeded(.handshakeTime, "dropped: the handshake was not over after \(time)", ip: self.ip)
            self.drop()
        case .asking(_, .upgrade):
            self.worker.exceeded(
                .handshakeTime,
                "dropped: the script took longer than \(time) to let it in",
                ip: self.ip
            )
            self.drop()
        case .receiving(let plain):
            let sentence = "the body of the request was not there after \(plain.route.configuration.messageTime)"
            self.worker.exceeded(.bodyTime, "refused: \(sentence)", ip: self.ip)
            self.refuse(HTTPAnswer(408, sentence), context: context)
        case .asking(_, .request):
            let sentence = "the script took too long to answer"
            self.worker.exceeded(.answerTime, "refused: \(sentence)", ip: self.ip)
            self.clientLeft()
            self.refuse(HTTPAnswer(503, sentence), context: context)
        case .answering(let time):
            self.worker.exceeded(.responseTime, "dropped: the client took longer than \(time) to read", ip: self.ip)
            self.drop()
        case .answered:
            self.drop()
        }
    }

    // MARK: - Memory

    /// Tells the ledger how much this handler holds now.
    func account(for byteCount: Int) {
        self.ownBytes = byteCount
        self.settleAccount()
    }

    /// Adds what came too early, which the gate holds. Behind the handshake that is the connection's.
    private func settleAccount() {
        let held = self.ownBytes + (self.context == nil ? 0 : self.gate.heldBytes)
        let change = held - self.accountedBytes
        self.accountedBytes = held
        self.worker.account(change)
    }

    // MARK: - Heads

    private func evaluate(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        let peer = Peer(of: context.channel)
        let client = ClientAddress(
            peer: peer,
            isSecure: self.isSecure,
            headers: head.headers,
            trusting: self.configuration.proxies
        )
        self.client = client
        if let answer = self.crowding(by: client, behind: peer, on: context.channel) {
            self.refuse(answer, context: context, withBody: head.method != .HEAD)
            return
        }
        switch self.judge(head, of: client) {
        case .refuse(let answer):
            self.refuse(answer, context: context, withBody: head.method != .HEAD)
        case .upgrade(let upgrade):
            self.state = .accepted(upgrade)
        case .receive(let plain, let body):
            self.receive(plain, body, context: context)
        case .answer(let answer):
            self.state = .owing(answer)
        }
    }

    /// Counts in the client that a trusted proxy names, until the next request or the end of the socket.
    ///
    /// - Returns: the refusal for one that has all its connections already.
    private func crowding(by client: ClientAddress, behind peer: Peer, on channel: any Channel) -> HTTPAnswer? {
        let proxies = self.configuration.proxies
        self.place?.leave()
        // A proxy that names nobody is counted for nobody: it carries many clients.
        guard proxies.contain(peer), let address = client.address, !proxies.contain(address) else { return nil }
        let place = self.place ?? ForwardedPlace(in: self.census, until: channel.closeFuture)
        self.place = place
        guard let limit = place.enter(ConnectionCensus.Client(address)) else { return nil }
        let sentence = ConnectionCensus.sentence(for: limit)
        self.worker.exceeded(limit, "refused: \(sentence)", ip: self.ip)
        return HTTPAnswer(503, sentence, headers: ConnectionCensus.retryHeaders)
    }
}

@available(*, unavailable)
extension HandshakeHandler: Sendable {}
