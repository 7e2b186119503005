//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NIOCore

/// Tells a client at once that there is no room for it, and ends the socket soon: it holds one of the few descriptors that are kept
/// back.
final class CrowdedHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long the client has to read the answer. Closing at once would reset it: its request lies unread in the kernel.
    static let linger: TimeAmount = .milliseconds(500)

    /// Sockets of one event loop that may linger; those beyond it are closed behind the answer, which a peer can lose whose
    /// request comes before it has read it.
    static let lingerLimit = 8

    private let worker: Worker
    private let answer: HTTPAnswer
    /// Ends the lingering. It holds the channel: a flood of clients that leave at once would leave a heap of them.
    private var end: Scheduled<Void>?

    init(worker: Worker, answer: HTTPAnswer) {
        self.worker = worker
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        let lingers = self.worker.lingeringRefusals < Self.lingerLimit
        if lingers {
            self.worker.lingeringRefusals += 1
            let channel = context.channel
            self.end = context.eventLoop.assumeIsolated().scheduleTask(in: Self.linger) {
                channel.close(promise: nil)
            }
        }
        // Before the head has come: nobody waits for a client that sends it slowly.
        context.writeAndFlush(self.wrapOutboundOut(self.answer.bytes(withBody: true)), promise: nil)
        context.close(mode: lingers ? .output : .all, promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Read and forgotten, so that the kernel has no reason for a reset.
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard let end = self.end else { return }
        self.end = nil
        end.cancel()
        self.worker.lingeringRefusals -= 1
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

@available(*, unavailable)
extension CrowdedHandler: Sendable {}
