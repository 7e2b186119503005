//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NightjarServer
import Testing

struct ClientRequestTests {
    private func request(_ headers: [(name: String, value: String)]) throws -> ClientRequest {
        ClientRequest(
            publicID: PublicID(),
            method: "GET",
            target: try RequestTarget("/echo?a=1"),
            parameters: [("room", "lobby")],
            ip: "127.0.0.1",
            isSecure: false,
            headers: headers,
            subprotocol: "b"
        )
    }

    @Test func joinsHeadersAndTakesCookiesApart() throws {
        let request = try self.request([
            ("Host", "example.org"), ("X-A", "1"), ("x-a", "2"), ("Cookie", "a=1; b=2"),
            ("cookie", "a=3;c = x=y ; =z; d"),
            ("Sec-WebSocket-Protocol", "a, b"), ("Sec-WebSocket-Protocol", "c"),
        ]).scriptRequest
        #expect(request.headers.map { "\($0.name):\($0.value)" }.prefix(2) == ["host:example.org", "x-a:1, 2"])
        #expect(request.cookies.map { "\($0.name)=\($0.value)" } == ["a=1", "b=2", "c=x=y"])
        #expect(request.protocols == ["a", "b", "c"])
        #expect(request.host == "example.org")
        #expect(request.subprotocol == "b")
        #expect(request.path == "/echo")
        #expect(request.target == "/echo?a=1")
        #expect(request.params.map(\.value) == ["lobby"])
        #expect(request.publicID.utf8.count == 22)
    }

    @Test func hasNoneOfWhatIsNotThere() throws {
        let request = try self.request([]).scriptRequest
        #expect(request.headers.isEmpty && request.cookies.isEmpty && request.protocols.isEmpty)
        #expect(request.host == "")
    }
}
