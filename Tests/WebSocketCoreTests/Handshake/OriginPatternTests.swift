//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct OriginPatternTests {
    @Test(arguments: [
        "a.example", "localhost", "127.0.0.1", "[::1]", "[::1]:3000", "a.example:8443", "https://a.example",
        "HTTP://A:1",
        "*.example.com", "https://*.example.com:8443", "*.localhost", "chrome-extension://abc", "xn--bcher-kva.example",
        "a_b.example", "same.example", "SAME",
    ])
    func readsHosts(text: String) throws {
        guard case .host = try OriginPattern(text) else {
            Issue.record("\(text) is no host")
            return
        }
    }

    @Test func readsWords() throws {
        #expect(try OriginPattern("same") == .same)
        #expect(try OriginPattern("null") == .null)
        #expect(try OriginPattern("*") == .any)
    }

    @Test(arguments: [
        ("", "an origin is one of `same`"), ("a b", "an origin is one of"), ("a.example.", "an origin is one of"),
        ("a..b", "an origin is one of"), ("a:0", "an origin is one of"), ("a:x", "an origin is one of"),
        ("::1", "an origin is one of"), ("https://", "an origin is one of"), ("://a", "an origin is one of"),
        ("bücher.example", "browsers write a host in ASCII: give its punycode form, `xn--…`"),
        ("https://a.example/", "an origin has no path"), ("a.example/chat", "an origin has no path"),
        ("https://me@a.example", "an origin has no user"), ("wss://a.example", "the origin is that of the page"),
        ("ws://a.example", "the origin is that of the page"), ("**", "a star stands alone"),
        ("*a", "a star stands alone"),
        ("a.*.b", "a star stands alone"), ("*.*.b", "a star stands alone"), ("*.", "a star stands alone"),
        ("https://*", "a star stands alone"), ("a.example:*", "a star stands alone"), ("*.[::1]", "an address has no"),
    ])
    func refusesOtherTexts(text: String, start: String) {
        let error = #expect(throws: OriginPattern.Malformed.self) { try OriginPattern(text) }
        #expect(error?.sentence.hasPrefix(start) == true, "\(error?.sentence ?? "")")
    }
}
