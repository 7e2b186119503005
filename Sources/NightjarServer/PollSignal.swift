//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
package import NIOCore
internal import NIOPosix

/// Tells when an event loop has looked at its sockets.
///
/// NIO runs tasks, and timers that are due, until there are none, and only then looks at its sockets again: whatever is scheduled
/// may run before that, for as long as other tasks keep coming. A byte that the loop sends to itself is found with what its
/// other sockets have.
package final class PollSignal: Sendable {
    /// The end that is written to; the other is the channel's.
    private let descriptor: CInt
    private let channel: any Channel

    private init(descriptor: CInt, channel: any Channel) {
        self.descriptor = descriptor
        self.channel = channel
    }

    /// - Parameters:
    ///   - loop: what looks at its sockets.
    ///   - found: called on the loop after each ``ask()``, behind all that was found with it.
    /// - Throws: what the system says when it has no more descriptors.
    package static func make(on loop: any EventLoop, _ found: @escaping @Sendable () -> Void) async throws -> PollSignal
    {
        var ends: (CInt, CInt) = (-1, -1)
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let result = withUnsafeMutableBytes(of: &ends) {
            socketpair(AF_UNIX, kind, 0, $0.assumingMemoryBound(to: CInt.self).baseAddress)
        }
        guard result == 0 else { throw IOError(errnoCode: errno, reason: "socketpair") }
        do {
            let channel = try await ClientBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(PollHandler(found))
                    }
                }
                .withConnectedSocket(ends.0)
                .get()
            return PollSignal(descriptor: ends.1, channel: channel)
        } catch {
            close(ends.1)
            throw error
        }
    }

    deinit {
        close(self.descriptor)
    }

    /// Has the loop tell once it has looked at its sockets.
    package func ask() {
        var byte: UInt8 = 0
        // When a thousand of them lie there unread it fails, and the loop is about to tell anyway.
        send(self.descriptor, &byte, 1, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
    }

    /// Ends it; nothing is told any more.
    package func stop() {
        self.channel.close(promise: nil)
    }
}

private final class PollHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let found: @Sendable () -> Void

    init(_ found: @escaping @Sendable () -> Void) {
        self.found = found
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Other sockets may come behind this one.
        context.eventLoop.execute(self.found)
    }
}

@available(*, unavailable)
extension PollHandler: Sendable {}
