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
internal import NIOSSL

/// The listening sockets: each accepts, spreads connections over the event loops, and gives each the handshake's handlers.
package enum Listener {
    /// Linux's `TCP_NOTSENT_LOWAT`: how much unsent data the kernel takes before it pushes back. Without it the kernel hides
    /// megabytes of a reader that does not read.
    private static let notSentLowWaterMark = ChannelOptions.Types.SocketOption(level: .init(6), name: .init(25))

    private static let onlyIPv6 = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)

    /// A listening socket and what it was bound to, with the port that the system chose.
    struct Bound: Sendable {
        let channel: any Channel
        let address: ListenAddress
        /// The file of a Unix socket.
        var file: UnixSocketFile?

        /// Lets in who comes, and who has come since the bind.
        func accept() async throws {
            try await self.channel.setOption(.autoRead, value: true).get()
        }

        /// Stops listening; the file of a Unix socket goes with it.
        func close() async {
            try? await self.channel.close()
            self.file?.remove()
        }
    }

    /// Who may connect to a Unix socket: the owner and its group, such as that of a reverse proxy.
    private static let socketFileMode: mode_t = 0o660

    /// What an idle TLS connection keeps of its encrypted output.
    private static let preservedOutput = 4096

    /// Binds every address of the configuration, or none. Nobody is let in before ``Bound/accept()``.
    ///
    /// - Throws: ``ServerStartError`` that names the address and the remedy.
    static func bind(
        _ configuration: ServerConfiguration,
        identity: TLSIdentity?,
        group: any EventLoopGroup,
        workers: [Worker],
        census: ConnectionCensus
    ) async throws -> [Bound] {
        let plain = ListenAddress.tcp(host: configuration.host, port: configuration.port, isSecure: false)
        let addresses = configuration.listen.isEmpty ? [plain] : configuration.listen
        var bound: [Bound] = []
        do {
            for address in addresses {
                let bootstrap = Self.bootstrap(
                    configuration,
                    for: address,
                    identity: identity,
                    group: group,
                    workers: workers,
                    census: census
                )
                bound.append(try await Self.bind(bootstrap, to: address, configuration))
            }
        } catch {
            for listener in bound {
                await listener.close()
            }
            throw error
        }
        return bound
    }

    private static func bind(
        _ bootstrap: ServerBootstrap,
        to address: ListenAddress,
        _ configuration: ServerConfiguration
    ) async throws -> Bound {
        switch address {
        case .tcp(let host, let port, let isSecure):
            do {
                let channel = try await bootstrap.bind(host: host, port: port).get()
                let port = channel.localAddress?.port ?? port
                return Bound(channel: channel, address: .tcp(host: host, port: port, isSecure: isSecure))
            } catch {
                if configuration.listen.isEmpty { throw ServerStartError(binding: host, port, error) }
                throw ServerStartError(binding: address, error, among: configuration.listen)
            }
        case .unix(let path):
            let (file, descriptor) = try Self.bindFile(at: path)
            do {
                let channel = try await bootstrap.withBoundSocket(descriptor).get()
                return Bound(channel: channel, address: address, file: file)
            } catch {
                file.remove()
                throw ServerStartError(binding: address, error)
            }
        }
    }

    private static func bindFile(at path: String) throws(ServerStartError) -> (UnixSocketFile, descriptor: CInt) {
        do throws(UnixSocketFile.Failure) {
            return try UnixSocketFile.bind(at: path, mode: Self.socketFileMode)
        } catch {
            switch error {
            case .taken(let sentence):
                throw ServerStartError([sentence])
            case .system(let code):
                throw ServerStartError(binding: .unix(path: path), code: code)
            }
        }
    }

    private static func bootstrap(
        _ configuration: ServerConfiguration,
        for address: ListenAddress,
        identity: TLSIdentity?,
        group: any EventLoopGroup,
        workers: [Worker],
        census: ConnectionCensus
    ) -> ServerBootstrap {
        let workersByLoop = Dictionary(uniqueKeysWithValues: workers.map { (ObjectIdentifier($0.eventLoop), $0) })
        let tls = address.isSecure ? identity : nil
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: CInt(configuration.backlog))
            .serverChannelOption(.autoRead, value: false)
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
                    try Self.setReading(of: channel, isSecure: tls != nil)
                    let isAdmitted = Self.admit(
                        channel,
                        worker: worker,
                        census: census,
                        trusting: configuration.proxies,
                        isSecure: tls != nil
                    )
                    guard isAdmitted else { return }
                    if let tls {
                        var memory = NIOSSLHandler.Configuration()
                        memory.maximumPreservedOutboundBufferCapacity = Self.preservedOutput
                        let handler = NIOSSLServerHandler(context: tls.context, configuration: memory)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try Self.addHandshake(
                        to: channel,
                        worker: worker,
                        configuration: configuration,
                        census: census,
                        isSecure: tls != nil
                    )
                }
            }
        guard case .tcp(let host, _, _) = address else { return bootstrap }
        if host.contains(":") {
            // `[::]` takes IPv4 too, whatever the system's default is.
            _ = bootstrap.serverChannelOption(Self.onlyIPv6, value: 0)
        }
        // The last two are for the sockets that it accepts, which have them from it: no call for each.
        return
            bootstrap
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .serverChannelOption(Self.notSentLowWaterMark, value: .init(configuration.route.bufferedSoft))
    }

    /// How an accepted channel reads. Not by options of the bootstrap, of which each takes a future for each channel.
    private static func setReading(of channel: any Channel, isSecure: Bool) throws {
        guard let options = channel.syncOptions else { return }
        // One read for each time the loop finds a socket readable, so that no client holds up the others.
        try options.setOption(.maxMessagesPerRead, value: 1)
        // Over TLS these are the bytes of records, of which a handshake needs more.
        let allocator: any RecvByteBufferAllocator = isSecure ? AdaptiveRecvByteBufferAllocator() : RequestReads()
        try options.setOption(.recvAllocator, value: allocator)
        // A client that has asked and says no more still gets its answer.
        try options.setOption(.allowRemoteHalfClosure, value: true)
    }

    /// Counts an accepted channel in until it closes, or has it told that there is no room.
    ///
    /// - Returns: whether there is room.
    package static func admit(
        _ channel: any Channel,
        worker: Worker,
        census: ConnectionCensus,
        trusting proxies: TrustedProxies,
        isSecure: Bool = false
    ) -> Bool {
        // A proxy carries many clients; the one that it names is counted when the head has come.
        let peer = Peer(of: channel)
        let isProxy = census.limitPerClient > 0 && proxies.contain(peer)
        let client = isProxy ? nil : peer.address.map(ConnectionCensus.Client.init)
        guard let limit = census.enter(client) else {
            channel.closeFuture.whenComplete { _ in census.leave(client) }
            return true
        }
        let sentence = ConnectionCensus.sentence(for: limit)
        worker.exceeded(limit, "refused: \(sentence)", ip: peer.ip)
        guard !isSecure else {
            // An answer would have to wait for the TLS handshake, and there is no room to wait in.
            channel.close(promise: nil)
            return false
        }
        let answer = HTTPAnswer(503, sentence, headers: ConnectionCensus.retryHeaders)
        do {
            try channel.pipeline.syncOperations.addHandler(CrowdedHandler(worker: worker, answer: answer))
        } catch {
            channel.close(promise: nil)
        }
        return false
    }

    /// Gives an accepted channel the handlers that answer its HTTP requests.
    package static func addHandshake(
        to channel: any Channel,
        worker: Worker,
        configuration: ServerConfiguration,
        census: ConnectionCensus,
        isSecure: Bool = false
    ) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        // The decoder knows one limit for the target and a field, and one for all of them; which it is the handler looks at.
        let own = configuration.handshake
        limits.maxHeaderFieldSize = max(own.fieldBytes, own.targetBytes)
        limits.maxHeaderListSize = own.headerBytes + own.targetBytes
        limits.maxHeaderFieldCount = configuration.handshake.headerFields
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits)
        )
        let gate = InputGate(worker: worker)
        let handshake = HandshakeHandler(
            worker: worker,
            configuration: configuration,
            census: census,
            isSecure: isSecure,
            gate: gate,
            decoder: decoder
        )
        try channel.pipeline.syncOperations.addHandler(gate)
        try channel.pipeline.syncOperations.addHandler(decoder)
        try channel.pipeline.syncOperations.addHandler(handshake)
    }
}
