//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NIOCore
import NIOEmbedded
import NightjarServer

/// An accepted channel in memory, with its HTTP handlers, in front of a house: raw bytes in, raw bytes out.
///
/// With two loops the script is on the second, which runs only when a test says so.
final class HTTPFixture {
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    static let upgrade = [
        "GET /test HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: \(key)",
    ]

    let channel = EmbeddedChannel()
    let house: TestHouse
    let census: ConnectionCensus
    let isAdmitted: Bool
    var worker: Worker { self.house.workers[0] }

    init(
        script: String = "return {}",
        loops: Int = 1,
        peer: String = "127.0.0.1",
        census: ConnectionCensus = ConnectionCensus(limit: 100, limitPerClient: 0),
        _ adjust: (inout ServerConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = ServerConfiguration()
        adjust(&configuration)
        let loop = self.channel.embeddedEventLoop
        self.house = try TestHouse(script, loops: loops, on: loop, configuration: configuration.route)
        self.census = census
        // Before the handlers, as a socket has its address when it is accepted.
        self.channel.remoteAddress = try SocketAddress(ipAddress: peer, port: 1)
        self.isAdmitted = Listener.admit(
            self.channel,
            worker: self.house.workers[0],
            census: census,
            trusting: configuration.proxies
        )
        if self.isAdmitted {
            try Listener.addHandshake(
                to: self.channel,
                worker: self.house.workers[0],
                configuration: configuration,
                census: census
            )
        }
        try self.channel.connect(to: SocketAddress(ipAddress: peer, port: 1)).wait()
    }

    deinit {
        // An open channel and its handlers keep each other.
        _ = try? self.channel.finish()
    }

    func send(_ text: String) {
        self.send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) {
        _ = try? self.channel.writeInbound(ByteBuffer(bytes: bytes))
        self.channel.embeddedEventLoop.run()
    }

    /// Whether the server reads on; a socket that is not read is what pushes back on the client.
    var isReading: Bool {
        self.channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool ?? true
    }

    func request(_ lines: [String], body: String = "") {
        self.send(lines.map { $0 + "\r\n" }.joined() + "\r\n" + body)
    }

    /// The client shuts down its side.
    func endInput() {
        self.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        self.channel.embeddedEventLoop.run()
    }

    func sent() throws -> String {
        var text = ""
        while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) {
            text += String(buffer: bytes)
        }
        return text
    }
}
