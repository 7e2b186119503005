//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NIOCore
internal import NIOHTTP1

/// Answers one request to the admin listener and ends the connection.
final class AdminHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    /// From accept to the end of the answer; not renewed by bytes that arrive.
    static let deadline: TimeAmount = .seconds(10)

    private let pages: [AdminPage]
    private let checksHost: Bool
    private let room: AdminRoom
    private var channel: (any Channel)?
    private var head: HTTPRequestHead?
    private var isAnswered = false
    /// True while the request is there, and the answer is not yet sent.
    private(set) var isAnswering = false
    private var deadline: Scheduled<Void>?

    /// - Parameters:
    ///   - pages: what can be asked.
    ///   - checksHost: whether the `Host` must be a loopback name: a page in a browser can have its own name resolve to this
    ///     machine, and then reach a loopback port, but not choose what `Host` it sends.
    ///   - room: which it leaves with its channel.
    init(pages: [AdminPage], checksHost: Bool, room: AdminRoom) {
        self.pages = pages
        self.checksHost = checksHost
        self.room = room
    }

    /// Ends the connection for another one.
    func drop() {
        self.channel?.close(promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        self.channel = channel
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.deadline) {
            channel.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.deadline?.cancel()
        self.channel = nil
        self.room.leave(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head) where self.head == nil:
            self.head = head
        case .end:
            guard let head = self.head, !self.isAnswered else { return }
            self.evaluate(head, context: context)
        default:
            // No page takes a body; what one sends is read and forgotten until the deadline.
            break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError, !self.isAnswered else {
            if !self.isAnswered || error is IOError { context.close(promise: nil) }
            return
        }
        self.send(HTTPAnswer(400, "the request is not valid HTTP/1.1, or its head is too large"), context: context)
    }

    private func evaluate(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        let withBody = head.method != .HEAD
        guard !self.checksHost || Self.isLoopback(host: head.headers["host"]) else {
            let sentence = "the Host must be localhost, 127.0.0.1 or [::1]"
            self.send(HTTPAnswer(403, sentence), withBody: withBody, context: context)
            return
        }
        let path = head.uri.prefix { $0 != "?" }
        guard let page = self.pages.first(where: { $0.path == path }) else {
            let list = self.pages.map { "\($0.methods[0]) \($0.path): \($0.summary)" }.joined(separator: "\n")
            let text = "there is nothing at this path; there are:\n\(list)"
            self.send(HTTPAnswer(404, text), withBody: withBody, context: context)
            return
        }
        guard page.methods.contains(head.method.rawValue) else {
            let allowed = page.methods.joined(separator: ", ")
            let answer = HTTPAnswer(405, "this takes \(allowed)", headers: [("Allow", allowed)])
            self.send(answer, withBody: withBody, context: context)
            return
        }
        self.isAnswered = true
        self.isAnswering = true
        let query = String(head.uri.dropFirst(path.count + 1))
        page.answer(context.eventLoop, query).assumeIsolated().whenComplete { result in
            let answer: HTTPAnswer =
                switch result {
                case .success(let answer): HTTPAnswer(answer.status, answer.body, contentType: answer.contentType)
                case .failure: HTTPAnswer(500, "the answer could not be made")
                }
            self.send(answer, withBody: withBody, context: context)
        }
    }

    private func send(_ answer: HTTPAnswer, withBody: Bool = true, context: ChannelHandlerContext) {
        self.isAnswered = true
        self.isAnswering = false
        let pipeline = context.pipeline.syncOperations
        if let decoder = try? pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self) {
            try? pipeline.addHandler(IgnoredInput(passed: {}), position: .before(decoder))
        }
        context.writeAndFlush(self.wrapOutboundOut(answer.bytes(withBody: withBody)), promise: nil)
        context.close(mode: .output, promise: nil)
    }

    /// Whether there is one `Host`, which names this machine's loopback interface, with any port or none.
    static func isLoopback(host fields: [String]) -> Bool {
        guard fields.count == 1, let field = fields.first else { return false }
        let names = ["localhost", "127.0.0.1", "[::1]"]
        return names.contains { name in
            guard field.lowercased().hasPrefix(name) else { return false }
            let rest = field.dropFirst(name.count)
            return rest.isEmpty || rest.first == ":" && UInt16(rest.dropFirst()) != nil
        }
    }
}

@available(*, unavailable)
extension AdminHandler: Sendable {}
