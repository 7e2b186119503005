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

/// Raw bytes into the handlers of the admin listener, raw bytes out.
struct AdminHandlerTests {
    /// What the listener answers to these bytes.
    private static func answer(to text: String, checksHost: Bool = false) throws -> String {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish() }
        let pages = AdminPages.all(
            loops: [],
            readiness: { .starting },
            metrics: { "x 1\n" },
            reload: { ReloadAnswer(status: 200, text: "reload \($0 ?? "all")") },
            rollBack: { ReloadAnswer(status: 409, text: "back \($0)") }
        )
        try AdminListener.addHandlers(to: channel, in: AdminRoom(), pages: pages, checksHost: checksHost)
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/a")).wait()
        _ = try? channel.writeInbound(ByteBuffer(string: text))
        channel.embeddedEventLoop.run()
        var answer = ""
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) {
            answer += String(buffer: bytes)
        }
        return answer
    }

    @Test(arguments: [
        ("GET /metrics", "200", "x 1\n"), ("GET /metrics?a=b", "200", "x 1\n"), ("HEAD /metrics", "200", "\r\n\r\n"),
        ("GET /healthz", "200", "ok\n"), ("GET /readyz", "503", "starting\n"),
        ("POST /metrics", "405", "this takes GET, HEAD\n"),
        ("POST /rollback", "400", "name the route: /rollback?route=NAME\n"),
    ])
    func answers(line: String, status: String, end: String) throws {
        let answer = try Self.answer(to: "\(line) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.hasSuffix(end))
        #expect(answer.contains("\r\nAllow: GET, HEAD\r\n") == (status == "405"))
    }

    @Test func listsWhatThereIs() throws {
        let answer = try Self.answer(to: "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 404 "))
        #expect(["GET /metrics: ", "GET /healthz: ", "GET /readyz: "].allSatisfy { answer.contains("\n\($0)") })
    }

    @Test(arguments: [
        ("Host: localhost", true), ("Host: LOCALHOST:1", true), ("Host: [::1]:80", true), ("Host: evil.example", false),
        ("Host: 127.0.0.1.evil.example", false), ("Host: a\r\nHost: localhost", false), ("X-Host: localhost", false),
    ])
    func wantsALoopbackHostOnAPort(fields: String, isAllowed: Bool) throws {
        let request = "GET /metrics HTTP/1.1\r\n\(fields)\r\n\r\n"
        #expect(try Self.answer(to: request, checksHost: true).hasPrefix("HTTP/1.1 \(isAllowed ? 200 : 403) "))
        #expect(try Self.answer(to: request).hasPrefix("HTTP/1.1 200 "))
    }

    @Test func refusesWhatIsTooLargeOrNotHTTP() throws {
        let long = "GET /metrics HTTP/1.1\r\nA: \(String(repeating: "a", count: 9000))\r\n\r\n"
        let many = "GET /metrics HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 65) + "\r\n"
        for request in [long, many, "\u{1}\u{2}\r\n\r\n"] {
            #expect(try Self.answer(to: request).hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func answersOnce() throws {
        let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        let answer = try Self.answer(to: request + request)
        #expect(answer.occurrences(of: "HTTP/1.1 ") == 1)
    }

    @Test func dropsASlowClient() throws {
        let channel = EmbeddedChannel()
        try AdminListener.addHandlers(to: channel, in: AdminRoom(), pages: [], checksHost: false)
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/a")).wait()
        try channel.writeInbound(ByteBuffer(string: "GET /metr"))
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(!channel.isActive)
    }
}

extension String {
    /// How often a text occurs.
    fileprivate func occurrences(of part: String) -> Int {
        self.ranges(of: part).count
    }
}
