//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct Base64Tests {
    /// The vectors of RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func encodes(text: String, expected: String) {
        #expect(Base64.encode(Array(text.utf8)) == expected)
    }

    @Test func usesTheWholeAlphabet() {
        #expect(Base64.encode([0x00, 0x10, 0x83, 0xFB, 0xFF, 0xFE]) == "ABCD+//+")
    }

    @Test(arguments: [
        ("dGhlIHNhbXBsZSBub25jZQ==", true), ("AAAAAAAAAAAAAAAAAAAAAA==", true), ("+/+/+/+/+/+/+/+/+/+/+w==", true),
        ("AAAAAAAAAAAAAAAAAAAAAB==", true), ("", false), ("AAAAAAAAAAAAAAAAAAAAAAA=", false),
        ("AAAAAAAAAAAAAAAAAAAAAAAA", false), ("AAAAAAAAAAAAAAAAAAAAAA=", false), ("AAAAAAAAAAAAAAAAAAAAAA", false),
        ("AAAAAAAAAAAAAAAAAAAAAA===", false), ("AAAAAAAAAAAAAAAAAAAAA===", false), ("AAAAAAAAAA=AAAAAAAAAAA==", false),
        ("AAAAAAAAAA AAAAAAAAAAA==", false), ("-_-_-_-_-_-_-_-_-_-_-w==", false), ("AAAAAAAAAAé-AAAAAAAAAA==", false),
        ("==AAAAAAAAAAAAAAAAAAAAAA", false),
    ])
    func recognisesSixteenBytes(text: String, expected: Bool) {
        #expect(Base64.encodesSixteenBytes(text.utf8) == expected)
    }
}
