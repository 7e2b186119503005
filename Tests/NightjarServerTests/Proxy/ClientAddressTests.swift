//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct ClientAddressTests {
    private static let proxies = TrustedProxies(["10.0.0.0/8", "fd00::/8", "unix"])

    /// The socket's other end, the lines of X-Forwarded-For, and the client.
    static let rows: [(String, [String], String)] = [
        // Nobody untrusted is believed.
        ("1.2.3.4", [], "1.2.3.4"), ("1.2.3.4", ["5.6.7.8"], "1.2.3.4"), ("::ffff:1.2.3.4", ["5.6.7.8"], "1.2.3.4"),
        ("unknown", ["5.6.7.8"], ""),
        // One proxy.
        ("10.0.0.1", [], "10.0.0.1"), ("10.0.0.1", ["5.6.7.8"], "5.6.7.8"), ("::ffff:10.0.0.1", ["5.6.7.8"], "5.6.7.8"),
        ("fd00::1", ["5.6.7.8"], "5.6.7.8"), ("unix", ["5.6.7.8"], "5.6.7.8"), ("unix", [], ""),
        // What the client wrote itself stands to the left.
        ("10.0.0.1", ["6.6.6.6, 5.6.7.8"], "5.6.7.8"), ("10.0.0.1", ["6.6.6.6", "5.6.7.8"], "5.6.7.8"),
        ("10.0.0.1", ["10.0.0.9, 5.6.7.8"], "5.6.7.8"),
        // Several proxies.
        ("10.0.0.1", ["6.6.6.6, 5.6.7.8, 10.0.0.2"], "5.6.7.8"),
        ("10.0.0.1", ["5.6.7.8, 10.0.0.2", "10.0.0.3"], "5.6.7.8"),
        ("10.0.0.1", ["5.6.7.8,10.0.0.2 ,\t fd00::2"], "5.6.7.8"), ("10.0.0.1", ["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
        // What cannot be read ends the walk.
        ("10.0.0.1", ["5.6.7.8, unknown"], "10.0.0.1"), ("10.0.0.1", ["5.6.7.8, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["5.6.7.8,"], "10.0.0.1"), ("10.0.0.1", [""], "10.0.0.1"), ("10.0.0.1", [",,,"], "10.0.0.1"),
        ("10.0.0.1", ["5.6.7.8, , 10.0.0.2"], "10.0.0.2"), ("10.0.0.1", ["\"5.6.7.8\""], "10.0.0.1"),
        ("10.0.0.1", ["for=5.6.7.8"], "10.0.0.1"), ("10.0.0.1", ["5.6.7.8 9"], "10.0.0.1"), ("unix", ["?"], ""),
        // Addresses as proxies write them.
        ("10.0.0.1", ["5.6.7.8:1234"], "5.6.7.8"), ("10.0.0.1", ["2001:DB8::1"], "2001:db8::1"),
        ("10.0.0.1", ["[2001:db8::1]"], "2001:db8::1"), ("10.0.0.1", ["[2001:db8::1]:1234"], "2001:db8::1"),
        ("10.0.0.1", ["::ffff:5.6.7.8"], "5.6.7.8"), ("10.0.0.1", ["5.6.7.8, ::ffff:10.0.0.2"], "5.6.7.8"),
        ("10.0.0.1", ["5.6.7.8:"], "10.0.0.1"), ("10.0.0.1", ["5.6.7.8:x"], "10.0.0.1"),
        ("10.0.0.1", ["5.6.7.8:123456"], "10.0.0.1"), ("10.0.0.1", ["[2001:db8::1"], "10.0.0.1"),
        ("10.0.0.1", ["[2001:db8::1]x"], "10.0.0.1"), ("10.0.0.1", ["[5.6.7.8]"], "10.0.0.1"),
        ("10.0.0.1", ["[]"], "10.0.0.1"),
    ]

    @Test(arguments: rows)
    func walksFromTheRight(peer: String, lines: [String], ip: String) {
        let headers = lines.map { (name: "x-forwarded-FOR", value: $0) } + [("Forwarded", "for=9.9.9.9")]
        let client = ClientAddress(peer: Self.peer(peer), isSecure: false, headers: headers, trusting: Self.proxies)
        #expect(client.ip == ip)
        #expect(client.address == IPAddress(ip))
        #expect(!client.isSecure)
    }

    @Test(arguments: [
        ("10.0.0.1", ["https"], false, true), ("10.0.0.1", ["wss"], false, true), ("10.0.0.1", ["HTTPS "], false, true),
        ("10.0.0.1", ["http"], true, false), ("10.0.0.1", ["ws"], true, false),
        ("10.0.0.1", ["https, http"], false, false),
        ("10.0.0.1", ["http,https"], false, true), ("10.0.0.1", ["http", "https"], false, true),
        ("10.0.0.1", ["https", "http"], false, false), ("10.0.0.1", ["https,"], false, false),
        ("10.0.0.1", ["x"], true, true),
        ("10.0.0.1", [], true, true), ("unix", ["https"], false, true), ("1.2.3.4", ["https"], false, false),
        ("1.2.3.4", ["http"], true, true), ("unknown", ["https"], false, false),
    ])
    func believesTheNearestProxyAboutTLS(peer: String, lines: [String], socket: Bool, isSecure: Bool) {
        let headers = lines.map { (name: "X-Forwarded-Proto", value: $0) }
        let client = ClientAddress(peer: Self.peer(peer), isSecure: socket, headers: headers, trusting: Self.proxies)
        #expect(client.isSecure == isSecure)
    }

    private static func peer(_ text: String) -> Peer {
        text == "unix" ? .unixSocket : IPAddress(text).map { .ip($0) } ?? .unknown
    }
}
