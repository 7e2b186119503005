//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import NIOCore
internal import WebSocketCore

/// How answers go out: a refusal ends the connection, behind a response it goes on.
extension HandshakeHandler {
    /// Sends an answer of the server's own, which ends the connection.
    func refuse(_ answer: HTTPAnswer, context: ChannelHandlerContext, withBody: Bool = true) {
        self.worker.logger.debug(
            answer.status < 400 ? "answered" : "refused",
            metadata: [
                "status": "\(answer.status)", "reason": "\(answer.status < 300 ? "" : answer.sentence)",
                "ip": "\(self.ip)",
            ]
        )
        self.end(with: answer.bytes(withBody: withBody), context: context)
    }

    /// Sends the last answer: our side is shut down, and the peer has until the deadline to read it.
    func end(with answer: ByteBuffer, context: ChannelHandlerContext) {
        self.state = .answered
        self.body = ByteBuffer()
        let ignored = IgnoredInput { [worker, ip] in
            worker.exceeded(.ignoredInput, "dropped: the client sends on after a refusal", ip: ip)
        }
        // A channel that is closing takes no more handlers, and reads no more either.
        try? context.pipeline.syncOperations.addHandler(ignored, position: .before(self.decoder))
        let sent = self.write(answer, context: context)
        if !self.gate.isInputOver {
            context.close(mode: .output, promise: nil)
        }
        sent.assumeIsolated().whenComplete { _ in
            // A server that shuts down waits for nobody who has been answered.
            if self.worker.isDraining || self.gate.isInputOver { context.closeSocket() }
        }
        self.gate.pass()
    }

    /// Writes, and keeps the bytes in the account until the kernel has them.
    private func write(_ bytes: ByteBuffer, context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        self.account(for: bytes.readableBytes)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.account(for: 0) }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: promise)
        return promise.futureResult
    }

    /// Sends a response, behind which the connection goes on unless it is the last.
    ///
    /// - Parameter time: how long the client may take to read it.
    func send(
        _ response: HTTPResponse,
        withBody: Bool,
        endsConnection: Bool,
        within time: Duration,
        context: ChannelHandlerContext
    ) {
        self.worker.counters.add(.request(StatusClass(response.status)))
        self.setDeadline(in: time)
        let ends = endsConnection || self.worker.isDraining
        let bytes = response.bytes(withBody: withBody, endsConnection: ends)
        guard !ends else {
            self.end(with: bytes, context: context)
            return
        }
        self.state = .answering(within: time)
        self.write(bytes, context: context).assumeIsolated().whenComplete { result in
            // It may have been dropped meanwhile, or told to end.
            guard case .answering = self.state else { return }
            switch result {
            case .success where self.worker.isDraining: self.drop()
            case .success: self.takeNext()
            case .failure: self.drop()
            }
        }
    }

    /// A response is with the kernel: the next request may come.
    private func takeNext() {
        self.hasServed = true
        self.state = .waitingForHead
        self.setDeadline(in: self.configuration.handshake.deadline)
        self.gate.release()
        // What waits for a later turn of the loop is still to be answered.
        if self.gate.isInputOver, !self.gate.isPostponed, case .waitingForHead = self.state {
            self.drop()
        }
    }
}
