//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import NIOEmbedded
import NightjarServer
import Testing

/// What a client hears for which there is no room, and what the server keeps of it.
struct CrowdedHandlerTests {
    let loop = EmbeddedEventLoop()
    let house: TestHouse
    let census = ConnectionCensus(limit: 0, limitPerClient: 0)

    init() throws {
        self.house = try TestHouse("return {}", on: self.loop)
    }

    private func refused() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: HalfClosing(), loop: self.loop)
        let worker = self.house.workers[0]
        #expect(!Listener.admit(channel, worker: worker, census: self.census, trusting: TrustedProxies()))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    @Test func answersBeforeARequest() throws {
        let channel = try self.refused()
        let answer = try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } ?? ""
        #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
        #expect(answer.contains("\r\nRetry-After: 5\r\n"))
        #expect(answer.hasSuffix("\r\n\r\nthe server has all the connections that it may have\n"))
        #expect(channel.isActive)
        self.loop.advanceTime(by: .milliseconds(500))
        #expect(!channel.isActive)
    }

    @Test func keepsNothingOfAClientThatLeaves() throws {
        weak var kept: EmbeddedChannel?
        do {
            let channel = try self.refused()
            kept = channel
            channel.close(promise: nil)
            self.loop.run()
        }
        #expect(kept == nil)
    }

    /// What leaves makes room for the next, and those beyond the limit do not count.
    @Test func letsEightLinger() throws {
        let first = try (0..<8).map { _ in try self.refused() }
        let ninth = try self.refused()
        #expect(first.allSatisfy { $0.isActive })
        #expect(!ninth.isActive)
        first[0].close(promise: nil)
        self.loop.run()
        let tenth = try self.refused()
        let eleventh = try self.refused()
        #expect(tenth.isActive)
        #expect(!eleventh.isActive)
        for channel in first + [tenth] {
            channel.close(promise: nil)
        }
        self.loop.run()
    }
}

/// Lets the output be closed for itself, as a socket does; a channel in memory would close as a whole.
private final class HalfClosing: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output {
            promise?.succeed()
        } else {
            context.close(mode: mode, promise: promise)
        }
    }
}
