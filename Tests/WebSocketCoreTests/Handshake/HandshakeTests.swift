//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct HandshakeTests {
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="

    @Test func answersTheRFCsExample() {
        #expect(Handshake.acceptKey(for: Self.key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test func makesNewKeys() {
        let keys = Set((0..<100).map { _ in Handshake.makeKey() })
        #expect(keys.count == 100)
        #expect(keys.allSatisfy { Base64.encodesSixteenBytes($0.utf8) })
    }

    @Test func writesARequest() {
        let head = Handshake.requestHead(
            target: "/chat?a=b",
            host: "h:1",
            key: Self.key,
            protocols: ["a", "b"],
            headers: [("Origin", "http://h")]
        )
        let expected = [
            "GET /chat?a=b HTTP/1.1", "Host: h:1", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: \(Self.key)", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: a, b",
            "Origin: http://h", "", "",
        ]
        #expect(head == expected.joined(separator: "\r\n"))
        #expect(!Handshake.requestHead(target: "/", host: "h", key: Self.key).contains("Protocol"))
    }

    @Test func ourServerAcceptsOurClient() throws {
        let key = Handshake.makeKey()
        let lines = Handshake.requestHead(target: "/", host: "h", key: key, protocols: ["x", "y"])
            .split(separator: "\r\n").dropFirst()
        let headers = lines.map { line in
            let parts = line.split(separator: ": ", maxSplits: 1)
            return (name: String(parts[0]), value: String(parts[1]))
        }
        let request = HandshakeRequest(method: "GET", majorVersion: 1, minorVersion: 1, headers: headers)
        guard case .accept(let acceptKey, let subprotocol?, _, _) = request.outcome(protocols: ["y"]) else {
            Issue.record("refused")
            return
        }
        let response = [
            (name: "upgrade", value: "WebSocket"), (name: "Connection", value: "keep-alive, upgrade"),
            (name: "Sec-WebSocket-Accept", value: acceptKey), (name: "Sec-WebSocket-Protocol", value: subprotocol),
        ]
        let chosen = try Handshake.checkResponse(status: 101, headers: response, key: key, protocols: ["x", "y"])
        #expect(chosen == "y")
    }

    /// Changes of a good answer, and what is wrong with them (RFC 6455 section 4.1).
    static let responses: [(Int, String, [String], Handshake.ResponseError?)] = [
        (101, "", [], nil), (200, "", [], .status(200)), (400, "", [], .status(400)),
        (101, "Upgrade", [], .upgrade), (101, "Upgrade", ["h2c"], .upgrade),
        (101, "Upgrade", ["websocket", "websocket"], .upgrade), (101, "Connection", [], .connection),
        (101, "Connection", ["close"], .connection), (101, "Sec-WebSocket-Accept", [], .acceptKey),
        (101, "Sec-WebSocket-Accept", ["S3pPLMBiTxaQ9kYGzzhZRbK+xOo="], .acceptKey),
        (101, "Sec-WebSocket-Accept", [" s3pPLMBiTxaQ9kYGzzhZRbK+xOo= "], nil),
        (101, "Sec-WebSocket-Extensions", ["permessage-deflate"], .extensions),
        (101, "Sec-WebSocket-Protocol", ["other"], .subprotocol), (101, "Sec-WebSocket-Protocol", ["a"], nil),
        (101, "Sec-WebSocket-Protocol", ["a", "b"], .subprotocol),
        (101, "Sec-WebSocket-Protocol", ["a, b"], .subprotocol),
    ]

    @Test(arguments: responses)
    func judgesAResponse(status: Int, name: String, values: [String], error: Handshake.ResponseError?) {
        let good = [
            (name: "Upgrade", value: "websocket"), (name: "Connection", value: "Upgrade"),
            (name: "Sec-WebSocket-Accept", value: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ]
        let headers = good.filter { $0.name != name } + values.map { (name: name, value: $0) }
        var found: Handshake.ResponseError?
        do throws(Handshake.ResponseError) {
            _ = try Handshake.checkResponse(status: status, headers: headers, key: Self.key, protocols: ["a", "b"])
        } catch {
            found = error
        }
        #expect(found == error)
    }
}
