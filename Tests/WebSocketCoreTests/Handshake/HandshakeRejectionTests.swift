//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct HandshakeRejectionTests {
    @Test func hasTheStatusOfTheHTTPRFCs() {
        for rejection in HandshakeRejection.allCases {
            switch rejection {
            case .methodNotAllowed: #expect(rejection.status == 405)
            case .versionUnsupported: #expect(rejection.status == 426)
            default: #expect(rejection.status == 400)
            }
        }
    }

    /// A 405 says what is allowed (RFC 9110 section 15.5.6), a 426 what to speak (RFC 6455 section 4.4).
    @Test func hasTheFieldsOfItsStatus() {
        for rejection in HandshakeRejection.allCases {
            let lines = rejection.headers.map { "\($0.name): \($0.value)" }
            switch rejection {
            case .methodNotAllowed: #expect(lines == ["Allow: GET"])
            case .versionUnsupported: #expect(lines == ["Upgrade: websocket", "Sec-WebSocket-Version: 13"])
            default: #expect(lines.isEmpty)
            }
        }
    }

    @Test(
        arguments: [
            (.methodNotAllowed, "a WebSocket handshake is a GET request"),
            (.httpVersion, "a WebSocket handshake needs HTTP/1.1"),
            (.host, "a WebSocket handshake has exactly one Host field with a host in it"),
            (.body, "a WebSocket handshake has no body"),
            (.connection, "a WebSocket handshake has the token upgrade in its Connection field"),
            (.versionRepeated, "a WebSocket handshake has one Sec-WebSocket-Version field"),
            (.versionUnsupported, "this server speaks version 13 of WebSocket"),
            (.key, "a WebSocket handshake has exactly one Sec-WebSocket-Key field, the Base64 of 16 bytes"),
            (.protocols, "Sec-WebSocket-Protocol is a list of different tokens"),
            (.extensions, "Sec-WebSocket-Extensions is a list of extensions with their parameters"),
        ] as [(HandshakeRejection, String)]
    )
    func saysWhy(rejection: HandshakeRejection, sentence: String) {
        #expect(rejection.sentence == sentence)
    }
}
