//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct HandshakeRequestTests {
    typealias Field = (name: String, value: String)

    /// The example of RFC 6455 section 1.3.
    private static let sample: [Field] = [
        ("Host", "server.example.com"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13"),
        ("Origin", "http://example.com"),
    ]
    private static let accepted = HandshakeRequest.Outcome.accept(
        acceptKey: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        subprotocol: nil
    )

    /// A change of the sample, and what becomes of it.
    struct Row: Sendable, CustomTestStringConvertible {
        var method = "GET"
        var version = (1, 1)
        /// Fields that replace the sample's of the same names; none removes them.
        var replacing: [String: [String]] = [:]
        var added: [Field] = []
        var outcome: HandshakeRequest.Outcome

        var testDescription: String { "\(method) \(version) \(replacing) \(added)" }

        init(
            _ rejection: HandshakeRejection?,
            method: String = "GET",
            version: (Int, Int) = (1, 1),
            _ replacing: [String: [String]] = [:],
            added: [Field] = []
        ) {
            self.method = method
            self.version = version
            self.replacing = replacing
            self.added = added
            outcome = rejection.map { .reject($0) } ?? accepted
        }

        static func plain(method: String = "GET", _ replacing: [String: [String]]) -> Row {
            var row = Row(nil, method: method, replacing)
            row.outcome = .notAnUpgrade
            return row
        }

        var headers: [Field] {
            let kept = sample.filter { replacing[$0.name] == nil }
            return kept + replacing.flatMap { name, values in values.map { (name, $0) } } + added
        }
    }

    static let rows: [Row] = [
        // Method and version of HTTP.
        Row(nil), Row(nil, version: (1, 2)),
        Row(.methodNotAllowed, method: "POST"), Row(.methodNotAllowed, method: "HEAD"),
        Row(.methodNotAllowed, method: "get"), Row(.methodNotAllowed, method: "OPTIONS"),
        Row(.methodNotAllowed, method: "CONNECT"), Row(.methodNotAllowed, method: ""),
        Row(.httpVersion, version: (1, 0)), Row(.httpVersion, version: (0, 9)), Row(.httpVersion, version: (2, 0)),
        // Host.
        Row(.host, ["Host": []]), Row(.host, ["Host": [""]]), Row(.host, ["Host": ["a", "b"]]),
        Row(.host, ["Host": ["a", "a"]]), Row(.host, ["Host": ["a b"]]), Row(.host, ["Host": ["user@a"]]),
        Row(.host, ["Host": ["a/b"]]), Row(.host, ["Host": ["a, b"]]), Row(.host, ["Host": ["a\u{0}"]]),
        Row(nil, ["Host": ["localhost:8080"]]), Row(nil, ["Host": ["[::1]:8080"]]), Row(nil, ["Host": [" a "]]),
        Row(nil, ["Host": []], added: [("hOST", "a")]),
        // Upgrade.
        Row(nil, ["Upgrade": ["WebSocket"]]), Row(nil, ["Upgrade": ["h2c, websocket"]]),
        Row(nil, ["Upgrade": ["h2c", "WEBSOCKET"]]), Row(nil, ["Upgrade": ["websocket", "h2c"]]),
        Row(nil, ["Connection": ["Upgrade", "keep-alive"]]), Row(nil, ["Upgrade": [",, \twebsocket ,"]]),
        .plain(["Upgrade": []]), .plain(["Upgrade": [""]]), .plain(["Upgrade": ["h2c"]]),
        .plain(["Upgrade": ["websockets"]]), .plain(["Upgrade": ["web socket"]]),
        .plain(["Upgrade": ["\"websocket\""]]),
        .plain(["Upgrade": ["websocket/13"]]), .plain(["Upgrade": ["websocket;q=1"]]),
        .plain(method: "POST", ["Upgrade": []]), .plain(["Upgrade": [], "Host": []]),
        // Connection.
        Row(nil, ["Connection": ["upgrade"]]), Row(nil, ["Connection": ["keep-alive, Upgrade"]]),
        Row(nil, ["Connection": ["keep-alive", "UPGRADE"]]), Row(nil, ["Connection": ["Upgrade,"]]),
        Row(.connection, ["Connection": []]), Row(.connection, ["Connection": [""]]),
        Row(.connection, ["Connection": ["keep-alive"]]), Row(.connection, ["Connection": ["close"]]),
        Row(.connection, ["Connection": ["upgraded"]]), Row(.connection, ["Connection": ["up grade"]]),
        Row(.connection, ["Connection": ["Upgrade;"]]),
        // Version.
        Row(.versionUnsupported, ["Sec-WebSocket-Version": []]),
        Row(.versionUnsupported, ["Sec-WebSocket-Version": [""]]),
        Row(.versionUnsupported, ["Sec-WebSocket-Version": ["8"]]),
        Row(.versionUnsupported, ["Sec-WebSocket-Version": ["14"]]),
        Row(.versionUnsupported, ["Sec-WebSocket-Version": ["013"]]),
        Row(.versionUnsupported, ["Sec-WebSocket-Version": ["13, 8"]]),
        Row(.versionUnsupported, ["Sec-WebSocket-Version": ["13x"]]),
        Row(.versionRepeated, ["Sec-WebSocket-Version": ["13", "13"]]),
        Row(.versionRepeated, ["Sec-WebSocket-Version": ["13", "8"]]), Row(nil, ["Sec-WebSocket-Version": [" 13\t"]]),
        // Key.
        Row(.key, ["Sec-WebSocket-Key": []]), Row(.key, ["Sec-WebSocket-Key": [""]]),
        Row(.key, ["Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="]]),
        Row(.key, ["Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ"]]),
        Row(.key, ["Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ=="].map { $0 + "," + $0 }]),
        Row(.key, ["Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZSE="]]), Row(.key, ["Sec-WebSocket-Key": ["c2hvcnQ="]]),
        Row(.key, ["Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25j!Q=="]]),
        Row(nil, ["Sec-WebSocket-Key": [" dGhlIHNhbXBsZSBub25jZQ== "]]),
        // Body.
        Row(nil, added: [("Content-Length", "0")]), Row(.body, added: [("Content-Length", "5")]),
        Row(.body, added: [("content-length", "")]), Row(.body, added: [("Content-Length", "0, 5")]),
        Row(.body, added: [("Content-Length", "0"), ("Content-Length", "1")]),
        Row(.body, added: [("Content-Length", "1"), ("Content-Length", "0")]),
        Row(.body, added: [("Transfer-Encoding", "chunked"), ("Content-Length", "0")]),
        Row(.body, added: [("Transfer-Encoding", "chunked")]), Row(.body, added: [("TRANSFER-ENCODING", "identity")]),
        // What is not ours to judge.
        Row(nil, added: [("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits, x; y=\"z\"")]),
        Row(nil, added: [("Origin", "null"), ("Cookie", "a=b"), ("X-Sec-WebSocket-Key", "?")]),
        // Extensions: a list that is none fails the handshake (RFC 6455 section 9.1), any other is answered or declined.
        Row(.extensions, added: [("Sec-WebSocket-Extensions", "permessage-deflate;")]),
        Row(.extensions, added: [("sec-websocket-extensions", "x"), ("SEC-WEBSOCKET-EXTENSIONS", "a b")]),
        Row(nil, added: [("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=7")]),
        // The order of the checks.
        Row(.methodNotAllowed, method: "PUT", version: (1, 0), ["Host": [], "Connection": []]),
        Row(.connection, ["Connection": [], "Sec-WebSocket-Version": ["8"]]),
        Row(.versionUnsupported, ["Sec-WebSocket-Version": ["8"], "Sec-WebSocket-Key": []]),
    ]

    @Test(arguments: rows)
    func judges(row: Row) {
        let request = HandshakeRequest(
            method: row.method,
            majorVersion: row.version.0,
            minorVersion: row.version.1,
            headers: row.headers
        )
        #expect(request.outcome() == row.outcome)
    }

    @Test func ignoresTheCaseOfNames() {
        for change: (String) -> String in [{ $0.lowercased() }, { $0.uppercased() }] {
            var request = HandshakeRequest(method: "GET", majorVersion: 1, minorVersion: 1)
            for (name, value) in Self.sample { request.add(name: change(name), value: value) }
            #expect(request.outcome() == Self.accepted)
        }
    }

    /// The offer's lines, what the route speaks, and the choice; `refused` stands for a refusal.
    static let protocols: [([String], [String], String?)] = [
        ([], [], nil), ([], ["chat"], nil), (["chat"], [], nil), (["chat"], ["chat"], "chat"),
        (["superchat, chat"], ["chat", "superchat"], "superchat"), (["x", "chat"], ["chat"], "chat"),
        (["a,b", "c"], ["c", "b"], "b"), (["Chat"], ["chat"], nil), ([",a, ,b,"], ["b"], "b"), ([" a\t"], ["a"], "a"),
        (["a!#$%&'*+-.^_`|~9"], ["a!#$%&'*+-.^_`|~9"], "a!#$%&'*+-.^_`|~9"), (["a", "A"], ["A"], "A"),
        ([""], [], "refused"), ([" , ,"], [], "refused"), (["a, a"], ["a"], "refused"), (["a", "a"], ["a"], "refused"),
        (["a b"], ["a"], "refused"), (["a;b"], [], "refused"), (["\"a\""], [], "refused"), (["a/b"], [], "refused"),
        (["é"], [], "refused"), (["a\u{0}"], [], "refused"), (["a\u{7F}"], [], "refused"),
        (["x, chat, chat\r\nSet-Cookie: a"], ["chat"], "refused"), (["chat\r\nSet-Cookie: a"], ["chat"], "refused"),
        (["a, b", "c, a"], ["c"], "refused"), (["good", "b@d"], ["good"], "refused"),
    ]

    @Test(arguments: protocols)
    func choosesASubprotocol(lines: [String], offered: [String], choice: String?) {
        let headers = Self.sample + lines.map { ("Sec-WebSocket-Protocol", $0) }
        let request = HandshakeRequest(method: "GET", majorVersion: 1, minorVersion: 1, headers: headers)
        let expected: HandshakeRequest.Outcome =
            choice == "refused"
            ? .reject(.protocols) : .accept(acceptKey: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", subprotocol: choice)
        #expect(request.outcome(protocols: offered) == expected)
    }

    /// The time grows with the input, not with its square (CVE-2021-32640, CVE-2020-7662).
    @Test(arguments: [",", " ", "\t", ", ", "\"", "\\", "=", ";", "a", "websocket", "upgrade "])
    func parsingIsLinear(piece: String) {
        // A parser that is quadratic would not come to the end of this in a day.
        let value = String(repeating: piece, count: (1 << 20) / piece.utf8.count)
        var request = HandshakeRequest(method: "GET", majorVersion: 1, minorVersion: 1)
        for (name, sample) in Self.sample { request.add(name: name, value: sample) }
        request.add(name: "Sec-WebSocket-Protocol", value: value)
        #expect(request.outcome() != .notAnUpgrade)
        for name in ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol", "Content-Length"] {
            request.add(name: name, value: value)
        }
        #expect(request.outcome() != Self.accepted)
    }

    @Test func manyDifferentProtocolsAreLinearToo() {
        let offer = (0..<2000).map { "p\($0)" }.joined(separator: ",")
        let headers = Self.sample + [("Sec-WebSocket-Protocol", offer)]
        let request = HandshakeRequest(method: "GET", majorVersion: 1, minorVersion: 1, headers: headers)
        let expected = HandshakeRequest.Outcome.accept(
            acceptKey: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            subprotocol: "p1999"
        )
        #expect(request.outcome(protocols: ["p1999"]) == expected)
    }

    @Test func agreesOnPermessageDeflate() {
        func outcome(_ lines: [String], _ policy: DeflatePolicy? = DeflatePolicy()) -> HandshakeRequest.Outcome {
            let headers = Self.sample + lines.map { ("Sec-WebSocket-Extensions", $0) }
            let request = HandshakeRequest(method: "GET", majorVersion: 1, minorVersion: 1, headers: headers)
            return request.outcome(deflate: policy)
        }
        let agreed = HandshakeRequest.Outcome.accept(
            acceptKey: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            subprotocol: nil,
            deflate: DeflateParameters(serverMaxWindowBits: 10),
            extensions:
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"
        )
        let offer = "permessage-deflate; server_max_window_bits=10"
        #expect(outcome([offer]) == agreed)
        #expect(outcome(["x; y", offer]) == agreed, "the lines are one list")
        #expect(outcome([offer], nil) == Self.accepted, "a server that wants none")
        #expect(outcome([]) == Self.accepted)
        #expect(outcome(["x"]) == Self.accepted)
    }
}
