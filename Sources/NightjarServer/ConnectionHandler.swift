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

    /// What the channel tells.
    private enum Notice {
        case read(ByteBuffer)
        case laterWriteEnded(succeeded: Bool)
        case closed
    }

    private let connection: Connection
    private let isSecure: Bool
    /// Where the channel reads into; nil over TLS, whose bytes are another handler's.
    private let readBuffer: ReadBuffer?
    private var context: ChannelHandlerContext?
    private var descriptor = ConnectionHandler.noDescriptor

    /// True while the channel is written to, maybe for a script that runs, and until what it told meanwhile has been told on.
    private var holdsNotices = false
    private var heldNotices: [Notice] = []
    /// How the write that goes on has ended; nil as long as it has not.
    private var laterWrite: LaterWrite?

    /// - Parameters:
    ///   - connection: what the channel's bytes belong to.
    ///   - isSecure: whether TLS lies between this handler and the socket, past which nothing may be written.
    init(_ connection: Connection, isSecure: Bool) {
        self.connection = connection
        self.isSecure = isSecure
        let worker = connection.worker
        self.readBuffer = isSecure ? nil : connection.hasDeflate ? worker.compressedReadBuffer : worker.readBuffer
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if let readBuffer {
            readBuffer.install(in: context.channel)
        } else if self.connection.hasDeflate {
            let allocator = AdaptiveRecvByteBufferAllocator(
                minimum: 64,
                initial: 2048,
                maximum: ReadBuffer.compressedCapacity
            )
            try? context.channel.syncOptions?.setOption(.recvAllocator, value: allocator)
        }
        let descriptor = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
        self.descriptor = descriptor ?? Self.noDescriptor
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.descriptor = Self.noDescriptor
        self.context = nil
        self.tell(.closed)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.holdsNotices else {
            self.heldNotices.append(.read(self.unwrapInboundIn(data)))
            return
        }
        let bytes = self.unwrapInboundIn(data)
        self.connection.receive(bytes)
        self.readBuffer?.giveBack(bytes)
    }

    /// Nobody is behind this handler who would have to be told.
    func channelReadComplete(context: ChannelHandlerContext) {}

    func channelInactive(context: ChannelHandlerContext) {
        self.descriptor = Self.noDescriptor
        self.tell(.closed)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent {
            // A peer that says no more is gone: a WebSocket ends with Close frames.
            self.descriptor = Self.noDescriptor
            context.closeSocket()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A socket error ends the channel: NIO has begun to close it, or has not noticed yet.
        self.descriptor = Self.noDescriptor
        context.closeSocket()
    }

    /// Tells the script, whose `connect` lets the answer to the handshake go.
    func start(_ request: ClientRequest, answer: ByteBuffer) {
        self.connection.open(on: self, request: request, answer: answer)
    }

    /// Tells the connection, or keeps it for later, in order.
    private func tell(_ notice: Notice) {
        guard !self.holdsNotices else {
            self.heldNotices.append(notice)
            return
        }
        switch notice {
        case .read(let bytes): self.connection.receive(bytes)
        case .laterWriteEnded(let succeeded): self.connection.laterWriteEnded(succeeded: succeeded)
        case .closed: self.connection.transportClosed()
        }
    }

    private func tellHeld() {
        let notices = self.heldNotices
        self.heldNotices = []
        self.holdsNotices = false
        for (place, notice) in notices.enumerated() {
            guard !self.holdsNotices else {
                // The answer to one has led to another, which comes behind the rest.
                self.heldNotices.insert(contentsOf: notices[place...], at: 0)
                return
            }
            self.tell(notice)
        }
    }
}

extension ConnectionHandler: Transport {
    var writesDirectly: Bool { !self.isSecure && self.descriptor != Self.noDescriptor }

    func write(_ bytes: UnsafeRawBufferPointer, _ rest: UnsafeRawBufferPointer) -> Int? {
        // TLS, not a socket, or on its way out: everything goes through the channel.
        guard self.writesDirectly else { return 0 }
        while true {
            let count =
                rest.isEmpty
                ? send(self.descriptor, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
                : self.sendBoth(bytes, rest)
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: return 0
            default: return nil
            }
        }
    }

    private func sendBoth(_ bytes: UnsafeRawBufferPointer, _ rest: UnsafeRawBufferPointer) -> Int {
        var pieces = (
            iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: rest.baseAddress), iov_len: rest.count)
        )
        return withUnsafeMutableBytes(of: &pieces) { pieces in
            var message = msghdr()
            message.msg_iov = pieces.bindMemory(to: iovec.self).baseAddress
            message.msg_iovlen = 2
            return sendmsg(self.descriptor, &message, CInt(MSG_NOSIGNAL))
        }
    }

    var unacknowledgedBytes: Int {
        var count: CInt = 0
        guard self.descriptor != Self.noDescriptor, ioctl(self.descriptor, UInt(TIOCOUTQ), &count) == 0 else {
            return 0
        }
        return Int(count)
    }

    func writeLater(_ chunk: ByteBuffer) -> LaterWrite {
        guard let context = self.context else { return .failed }
        let promise = context.eventLoop.makePromise(of: Void.self)
        var hasReturned = false
        promise.futureResult.assumeIsolated().whenComplete { result in
            let succeeded = if case .success = result { true } else { false }
            if !succeeded {
                // NIO may have closed the descriptor already.
                self.descriptor = Self.noDescriptor
            }
            if hasReturned {
                self.tell(.laterWriteEnded(succeeded: succeeded))
            } else {
                self.laterWrite = succeeded ? .sent : .failed
            }
        }
        // While a chunk is given to the channel, no other one is: `holdsNotices` may be set by an earlier one only.
        self.holdsNotices = true
        self.laterWrite = nil
        context.writeAndFlush(self.wrapOutboundOut(chunk), promise: promise)
        hasReturned = true
        if self.heldNotices.isEmpty {
            self.holdsNotices = false
        } else {
            context.eventLoop.assumeIsolated().execute { self.tellHeld() }
        }
        return self.laterWrite ?? .underWay
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
