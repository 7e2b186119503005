//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct ListenAddressTests {
    @Test(arguments: [
        ("ws://127.0.0.1:8080", ListenAddress.tcp(host: "127.0.0.1", port: 8080, isSecure: false)),
        ("wss://a.example:0", .tcp(host: "a.example", port: 0, isSecure: true)),
        ("ws://[::]:65535", .tcp(host: "::", port: 65_535, isSecure: false)),
        ("wss://[fe80::1%eth0]:1", .tcp(host: "fe80::1%eth0", port: 1, isSecure: true)),
        ("unix:/run/nightjar.sock", .unix(path: "/run/nightjar.sock")),
        ("unix:n", .unix(path: "n")),
    ])
    func reads(_ text: String, _ address: ListenAddress) {
        #expect(ListenAddress(text) == address)
        #expect(address.description == text)
        #expect(ListenAddress.complaint(about: text) == nil)
    }

    @Test(arguments: [
        "", "ws:", "ws://", "ws://:1", "ws://a", "ws://a:", "ws://a:65536", "ws://a:-1", "ws://a:+1", "ws://a:1/",
        "ws://a:1/echo",
        "ws://::1:80", "ws://[::1]", "ws://[::1:80", "ws://[a]:80", "ws://[]:80", "ws://u@a:1", "http://a:1",
        "WS://a:1", "a:1",
        "ws://a b:1", "ws://a:1\n",
    ])
    func refuses(_ text: String) {
        #expect(ListenAddress(text) == nil)
        #expect(ListenAddress.complaint(about: text)?.contains("ws://HOST:PORT") == true)
    }

    @Test func holdsAPathToWhatASocketTakes() {
        let longest = "unix:/" + String(repeating: "x", count: ListenAddress.longestPath - 1)
        #expect(ListenAddress(longest) != nil)
        for text in [longest + "x", "unix:", "unix:/a\0b"] {
            #expect(ListenAddress(text) == nil)
            #expect(ListenAddress.complaint(about: text)?.contains("at most 107 bytes") == true)
        }
    }

    @Test(arguments: [
        ("ws://127.0.0.1:8080", "http://127.0.0.1:8080"), ("wss://a.example:1", "https://a.example:1"),
        ("ws://[::1]:2", "http://[::1]:2"), ("unix:a", nil),
    ])
    func tellsWhatABrowserCallsIt(_ text: String, _ url: String?) throws {
        #expect(try #require(ListenAddress(text)).webURL == url)
    }

    @Test func tellsPortAndSecurity() {
        #expect(ListenAddress("wss://a:7").map { ($0.isSecure, $0.port) } ?? (false, nil) == (true, 7))
        #expect(ListenAddress("ws://a:7")?.isSecure == false)
        #expect(ListenAddress("unix:a").map { ($0.isSecure, $0.port) } ?? (true, 1) == (false, nil))
    }
}
