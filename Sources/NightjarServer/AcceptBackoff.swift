//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import NIOCore

/// Stops accepting for a while when the system refuses another connection, as it does when descriptors run out.
///
/// NIO keeps a listening socket registered after a failed accept, and the selector would report it again at once, for ever: reading
/// is switched off and on instead.
final class AcceptBackoff: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let pause: TimeAmount = .seconds(1)

    private let worker: Worker

    /// - Parameter worker: the one of the listening socket's event loop.
    init(worker: Worker) {
        self.worker = worker
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError else {
            context.fireErrorCaught(error)
            return
        }
        self.worker.exceeded(
            .openFiles,
            "accepting no connections for a second: raise the limit of open files, or let fewer clients in",
            metadata: ["error": "\(error)"]
        )
        let options = context.channel.syncOptions
        try? options?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            // A listener that was closed meanwhile refuses, and that is right.
            try? options?.setOption(.autoRead, value: true)
        }
    }
}

@available(*, unavailable)
extension AcceptBackoff: Sendable {}
