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

struct AdminRoomTests {
    private static let request = "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"

    private let room = AdminRoom()
    private let loop = EmbeddedEventLoop()

    /// A connection to the one page, which answers when the promise is fulfilled.
    private func connect(_ answer: EventLoopPromise<AdminPage.Answer>) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(loop: self.loop)
        let page = AdminPage("/slow", "waits") { _, _ in answer.futureResult }
        try AdminListener.addHandlers(to: channel, in: self.room, pages: [page], checksHost: false)
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/a")).wait()
        return channel
    }

    @Test func theOldestSilentOneGivesWay() throws {
        let answer = self.loop.makePromise(of: AdminPage.Answer.self)
        let channels = try (0..<AdminRoom.limit).map { _ in try self.connect(answer) }
        try channels[0].writeInbound(ByteBuffer(string: Self.request))
        try channels[1].writeInbound(ByteBuffer(string: "GET /slow HTT"))
        channels[3].close(promise: nil)
        self.loop.run()
        let late = try (0..<4).map { _ in try self.connect(answer) }
        let isOpen = (channels + late).map(\.isActive)
        #expect(isOpen == [true, false, false, false, false] + Array(repeating: true, count: 15))
        answer.succeed(AdminPage.Answer(200, "answered"))
        self.loop.run()
        let text = try channels[0].readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }
        #expect(text?.hasSuffix("answered\n") == true)
        for channel in channels + late { _ = try? channel.finish() }
    }

    @Test func whoWaitsForAnAnswerKeepsHisPlace() throws {
        let answer = self.loop.makePromise(of: AdminPage.Answer.self)
        let channels = try (0..<AdminRoom.limit).map { _ in try self.connect(answer) }
        for channel in channels { try channel.writeInbound(ByteBuffer(string: Self.request)) }
        #expect(throws: ChannelError.self) { _ = try self.connect(answer) }
        #expect(channels.map(\.isActive) == Array(repeating: true, count: AdminRoom.limit))
        answer.succeed(AdminPage.Answer(200, "answered"))
        self.loop.run()
        let late = try self.connect(answer)
        #expect(late.isActive)
        for channel in channels + [late] { _ = try? channel.finish() }
    }
}
