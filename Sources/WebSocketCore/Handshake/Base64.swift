//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Base64 with padding (RFC 4648 section 4), as far as the handshake needs it.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    package static func encode(_ bytes: [UInt8]) -> String {
        var characters: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * (3 - UInt32(group.count)))
            for position in 0..<4 {
                let index = Int(bits >> (18 - 6 * UInt32(position)) & 0x3F)
                characters.append(position <= group.count ? alphabet[index] : UInt8(ascii: "="))
            }
        }
        return String(decoding: characters, as: UTF8.self)
    }

    /// Whether `text` is the Base64 of exactly 16 bytes: 22 characters of the alphabet, then `==`.
    ///
    /// The 4 bits that are left over in the last character may be anything: section 3.5 lets a decoder take them, and
    /// clients that make a key up send them.
    package static func encodesSixteenBytes(_ text: some Collection<UInt8>) -> Bool {
        text.count == 24 && text.prefix(22).allSatisfy(alphabet.contains) && text.suffix(2).elementsEqual("==".utf8)
    }
}
