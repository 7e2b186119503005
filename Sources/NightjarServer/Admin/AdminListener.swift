//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
package import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Answers operators and their tools, on a Unix socket or a loopback port.
///
/// It has a thread of its own: on an event loop with scripts it could not tell anybody that a script holds up that loop.
package final class AdminListener: Sendable {
    /// Bytes and fields of a request's head.
    private static let headBytes = 8 * 1024
    private static let headFields = 64

    /// Where it listens, as it could stand in the configuration.
    package let address: String

    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let socket: UnixSocketFile?

    private init(address: String, group: MultiThreadedEventLoopGroup, channel: any Channel, socket: UnixSocketFile?) {
        self.address = address
        self.group = group
        self.channel = channel
        self.socket = socket
    }

    /// Binds and answers; nil when it is off.
    ///
    /// - Parameters:
    ///   - address: what the operator has set.
    ///   - name: what tells this server from the user's others, such as its port.
    ///   - pages: what can be asked.
    /// - Throws: ``ServerStartError`` with what to do.
    package static func bind(
        _ address: AdminAddress,
        name: String,
        pages: [AdminPage]
    ) async throws(ServerStartError) -> AdminListener? {
        guard address != .off else { return nil }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            switch address {
            case .auto:
                let folder = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) }
                let path = AdminSocket.automaticPath(name: name, runtimeFolder: folder)
                return try await self.bind(path: path, isPrivate: true, group, pages)
            case .unix(let path):
                return try await self.bind(path: path, isPrivate: false, group, pages)
            case .tcp(let host, let port):
                let bootstrap = self.bootstrap(group, pages, checksHost: true)
                let channel = try await bootstrap.bind(host: host, port: port).get()
                let bound = AdminAddress.tcp(host: host, port: channel.localAddress?.port ?? port)
                return AdminListener(address: bound.description, group: group, channel: channel, socket: nil)
            case .off:
                return nil
            }
        } catch {
            try? await group.shutdownGracefully()
            let reason = (error as? AdminSocket.Problem)?.sentence ?? "\(error)"
            throw ServerStartError(["the admin listener cannot be started: \(reason) (setting `admin`)"])
        }
    }

    private static func bind(
        path: String,
        isPrivate: Bool,
        _ group: MultiThreadedEventLoopGroup,
        _ pages: [AdminPage]
    ) async throws -> AdminListener {
        let (socket, descriptor) = try AdminSocket.bind(at: path, isPrivate: isPrivate)
        do {
            let channel = try await self.bootstrap(group, pages, checksHost: false).withBoundSocket(descriptor).get()
            return AdminListener(address: "unix:\(path)", group: group, channel: channel, socket: socket)
        } catch {
            socket.remove()
            throw error
        }
    }

    /// Stops listening, and removes the socket's file.
    package func close() async {
        self.socket?.remove()
        try? await self.channel.close()
        try? await self.group.shutdownGracefully()
    }

    private static func bootstrap(
        _ group: MultiThreadedEventLoopGroup,
        _ pages: [AdminPage],
        checksHost: Bool
    ) -> ServerBootstrap {
        // One thread: the room is touched on it only.
        let room = NIOLoopBoundBox.makeBoxSendingValue(AdminRoom(), eventLoop: group.any())
        return ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: checksHost ? 1 : 0)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Self.addHandlers(to: channel, in: room.value, pages: pages, checksHost: checksHost)
                }
            }
    }

    /// Gives an accepted channel the handlers that answer its one request.
    ///
    /// - Throws: when the room is full of those that wait for their answer.
    package static func addHandlers(
        to channel: any Channel,
        in room: AdminRoom,
        pages: [AdminPage],
        checksHost: Bool
    ) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = Self.headBytes
        limits.maxHeaderListSize = Self.headBytes
        limits.maxHeaderFieldCount = Self.headFields
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(ByteToMessageHandler(decoder))
        let handler = AdminHandler(pages: pages, checksHost: checksHost, room: room)
        try pipeline.addHandler(handler)
        guard room.enter(handler) else { throw ChannelError.operationUnsupported }
    }
}
