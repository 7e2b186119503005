//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
internal import NIOCore

/// The shell between a NIO channel and a ``Connection``: the only handler of a channel after the upgrade.
///
/// Output goes to the descriptor directly, which costs a third of NIO's write path; what the kernel refuses goes through NIO, one
/// chunk at a time. The descriptor is forgotten before every call that can close it, because NIO closes it before it tells,
/// and the number may be another client's by then.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let noDescriptor: CInt = -1

    private let connection: Connection
    private let request: ClientRequest
    private let isSecure: Bool
    private var context: ChannelHandlerContext?
    private var descriptor = ConnectionHandler.noDescriptor

    /// - Parameters:
    ///   - connection: what the channel's bytes belong to.
    ///   - request: the request that opened it.
    ///   - isSecure: whether TLS lies between this handler and the socket, past which nothing may be written.
    init(_ connection: Connection, request: ClientRequest, isSecure: Bool) {
        self.connection = connection
        self.request = request
        self.isSecure = isSecure
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let descriptor = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
        self.descriptor = descriptor ?? Self.noDescriptor
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.descriptor = Self.noDescriptor
        self.context = nil
        self.connection.transportClosed()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.connection.receive(self.unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.descriptor = Self.noDescriptor
        self.connection.transportClosed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A socket error ends the channel: NIO has begun to close it, or has not noticed yet.
        self.descriptor = Self.noDescriptor
        context.closeSocket()
    }

    /// Sends the answer to the handshake and tells the script.
    func start(answer: ByteBuffer) {
        self.connection.open(on: self, request: self.request, answer: answer)
    }
}

extension ConnectionHandler: Transport {
    func write(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard !self.isSecure, self.descriptor != Self.noDescriptor else {
            // TLS, not a socket, or on its way out: everything goes through the channel.
            return 0
        }
        while true {
            let count = send(self.descriptor, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: return 0
            default: return nil
            }
        }
    }

    var unacknowledgedBytes: Int {
        var count: CInt = 0
        guard self.descriptor != Self.noDescriptor, ioctl(self.descriptor, UInt(TIOCOUTQ), &count) == 0 else {
            return 0
        }
        return Int(count)
    }

    func writeLater(_ chunk: ByteBuffer) {
        guard let context = self.context else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            switch result {
            case .success:
                self.connection.laterWriteEnded(succeeded: true)
            case .failure:
                // NIO may have closed the descriptor already.
                self.descriptor = Self.noDescriptor
                self.connection.laterWriteEnded(succeeded: false)
            }
        }
        context.writeAndFlush(self.wrapOutboundOut(chunk), promise: promise)
    }

    func setReading(_ isReading: Bool) {
        guard let context = self.context, context.channel.isActive else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: isReading)
    }

    func shutdownOutput() {
        self.descriptor = Self.noDescriptor
        self.context?.close(mode: .output, promise: nil)
    }

    func reset() {
        if self.descriptor != Self.noDescriptor {
            // Linger for no time: the kernel drops what is unsent and tells the peer with RST.
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        }
        self.descriptor = Self.noDescriptor
        self.context?.closeSocket()
    }
}

@available(*, unavailable)
extension ConnectionHandler: Sendable {}
