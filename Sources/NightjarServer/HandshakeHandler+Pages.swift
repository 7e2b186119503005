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

/// What is answered where no route is: a 404, or under `--dev` a page of the server's own.
extension HandshakeHandler {
    /// An answer that no script has to be asked for.
    struct OwnAnswer {
        let page: DevelopmentPage
        let response: HTTPResponse
        /// Whether only the head of the answer is wanted.
        let isHead: Bool
        /// Whether no other request may follow.
        let endsConnection: Bool
    }

    func judgeWithoutRoute(
        _ head: HTTPRequestHead,
        _ handshake: HandshakeRequest,
        _ target: RequestTarget
    ) -> Judgement {
        let isReading = head.method == .GET || head.method == .HEAD
        guard self.configuration.isDevelopment, !handshake.upgradesToWebSocket,
            let page = DevelopmentPage(path: target.path), isReading || page != .root
        else {
            self.worker.counters.add(.refused(.notFound))
            return .refuse(HTTPAnswer(404, self.notFoundSentence))
        }
        guard isReading else {
            self.worker.counters.add(.refused(.method))
            return .refuse(HTTPAnswer(405, "this page takes GET and HEAD", headers: [("Allow", "GET, HEAD")]))
        }
        if let answer = self.refusal(ofPlain: head, handshake) { return .refuse(answer) }
        guard !handshake.hasBody else {
            self.worker.counters.add(.refused(.body))
            return .refuse(HTTPAnswer(400, "a request for this page has no body"))
        }
        return .answer(
            OwnAnswer(
                page: page,
                response: page.response(routes: self.worker.router.routes),
                isHead: head.method == .HEAD,
                endsConnection: head.endsConnection
            )
        )
    }

    private var notFoundSentence: String {
        guard self.configuration.isDevelopment else { return "there is no route at this path" }
        let routes = self.worker.router.routes.map(\.path).joined(separator: ", ")
        return "there is no route at this path; the routes are: \(routes.isEmpty ? "none" : routes)"
    }

    /// The request is over: its answer goes out.
    func send(_ answer: OwnAnswer, context: ChannelHandlerContext) {
        self.worker.logger.debug(
            "answered",
            metadata: [
                "status": "\(answer.response.status)", "method": "\(answer.isHead ? "HEAD" : "GET")",
                "path": "\(answer.page.path)", "ip": "\(self.ip)",
            ]
        )
        self.send(
            answer.response,
            withBody: !answer.isHead,
            endsConnection: answer.endsConnection,
            within: self.configuration.route.messageTime,
            context: context
        )
    }
}
