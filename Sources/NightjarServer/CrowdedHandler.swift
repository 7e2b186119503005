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
    private var isLingering = false

    init(worker: Worker, answer: HTTPAnswer) {
        self.worker = worker
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        // Before the head has come: nobody waits for a client that sends it slowly.
        context.writeAndFlush(self.wrapOutboundOut(self.answer.bytes(withBody: true)), promise: nil)
        guard self.worker.lingeringRefusals < Self.lingerLimit else {
            context.close(promise: nil)
            return
        }
        self.worker.lingeringRefusals += 1
        self.isLingering = true
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.linger) {
            channel.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Read and forgotten, so that the kernel has no reason for a reset.
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard self.isLingering else { return }
        self.isLingering = false
        self.worker.lingeringRefusals -= 1
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

@available(*, unavailable)
extension CrowdedHandler: Sendable {}
