//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Base64 with padding (RFC 4648 section 4), as far as the handshake needs it.
package enum Base64 {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    package static func encode(_ bytes: [UInt8]) -> String {
        let length = (bytes.count + 2) / 3 * 4
        return String(unsafeUninitializedCapacity: length) { text in
            for (group, start) in stride(from: 0, to: bytes.count, by: 3).enumerated() {
                let count = min(3, bytes.count - start)
                var bits: UInt32 = 0
                for offset in 0..<3 { bits = bits << 8 | (offset < count ? UInt32(bytes[start + offset]) : 0) }
                for position in 0..<4 {
                    let index = Int(bits >> (18 - 6 * UInt32(position)) & 0x3F)
                    text[4 * group + position] = position <= count ? alphabet.utf8Start[index] : UInt8(ascii: "=")
                }
            }
            return length
        }
    }

    /// Whether `text` is the Base64 of exactly 16 bytes: 22 characters of the alphabet, then `==`.
    ///
    /// The 4 bits that are left over in the last character may be anything: section 3.5 lets a decoder take them, and
    /// clients that make a key up send them.
    package static func encodesSixteenBytes(_ text: some Collection<UInt8>) -> Bool {
        var count = 0
        for byte in text {
            switch count {
            case ..<22: guard isInAlphabet(byte) else { return false }
            case ..<24: guard byte == UInt8(ascii: "=") else { return false }
            default: return false
            }
            count += 1
        }
        return count == 24
    }

    private static func isInAlphabet(_ byte: UInt8) -> Bool {
        HeaderSyntax.isAlphanumeric(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/")
    }
}
