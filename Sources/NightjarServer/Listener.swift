//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// The listening socket: accepts, spreads connections over the event loops, and gives each the handshake's handlers.
package enum Listener {
    /// Linux's `TCP_NOTSENT_LOWAT`: how much unsent data the kernel takes before it pushes back. Without it the kernel hides
    /// megabytes of a reader that does not read.
    private static let notSentLowWaterMark = ChannelOptions.Types.SocketOption(level: .init(6), name: .init(25))

    /// Binds.
    ///
    /// - Throws: what the system says, as NIO's `IOError`.
    static func bind(
        _ configuration: ServerConfiguration,
        group: any EventLoopGroup,
        workers: [Worker],
        router: Router,
        census: ConnectionCensus
    ) async throws -> any Channel {
        let workersByLoop = Dictionary(uniqueKeysWithValues: workers.map { (ObjectIdentifier($0.eventLoop), $0) })
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: CInt(configuration.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let worker = workersByLoop[ObjectIdentifier(channel.eventLoop)] else {
                        throw ChannelError.inappropriateOperationForState
                    }
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoff(worker: worker))
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let worker = workersByLoop[ObjectIdentifier(channel.eventLoop)] else {
                        throw ChannelError.inappropriateOperationForState
                    }
                    guard Self.admit(channel, worker: worker, census: census) else { return }
                    try Self.addHandshake(to: channel, worker: worker, router: router, configuration: configuration)
                }
            }
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            // One read for each time the loop finds a socket readable, so that no client holds up the others.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(Self.notSentLowWaterMark, value: .init(configuration.route.bufferedSoft))
        return try await bootstrap.bind(host: configuration.host, port: configuration.port).get()
    }

    /// Counts an accepted channel in until it closes, or has it told that there is no room.
    ///
    /// - Returns: whether there is room.
    package static func admit(_ channel: any Channel, worker: Worker, census: ConnectionCensus) -> Bool {
        let client = ConnectionCensus.Client(channel.remoteAddress)
        guard let limit = census.enter(client) else {
            channel.closeFuture.whenComplete { _ in census.leave(client) }
            return true
        }
        let sentence =
            limit == .connections
            ? "the server has all the connections that it may have"
            : "this address has all the connections that it may have"
        worker.exceeded(limit, "refused: \(sentence)", ip: channel.remoteAddress?.ipAddress ?? "unknown")
        let answer = HTTPAnswer(503, sentence, headers: [("Retry-After", "5")])
        do {
            try channel.pipeline.syncOperations.addHandler(CrowdedHandler(worker: worker, answer: answer))
        } catch {
            channel.close(promise: nil)
        }
        return false
    }

    /// Gives an accepted channel the handlers that answer its one HTTP request.
    package static func addHandshake(
        to channel: any Channel,
        worker: Worker,
        router: Router,
        configuration: ServerConfiguration
    ) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = configuration.handshake.headerBytes
        limits.maxHeaderListSize = configuration.handshake.headerBytes
        limits.maxHeaderFieldCount = configuration.handshake.headerFields
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits)
        )
        let handshake = HandshakeHandler(worker: worker, router: router, configuration: configuration, decoder: decoder)
        try channel.pipeline.syncOperations.addHandler(decoder)
        try channel.pipeline.syncOperations.addHandler(handshake)
    }
}
