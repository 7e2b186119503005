//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The parts of HTTP's header syntax that the handshake reads (RFC 9110 section 5.6); every function is linear in the
/// length of its input.
enum HeaderSyntax {
    /// A field value without the spaces and tabs around it.
    static func trimmed(_ value: Substring.UTF8View) -> Substring.UTF8View {
        let start = value.drop(while: isSpace)
        guard let last = start.lastIndex(where: { !isSpace($0) }) else { return start.prefix(0) }
        return start[...last]
    }

    static func trimmed(_ value: String) -> Substring.UTF8View { trimmed(value[...].utf8) }

    /// The elements of a comma-separated list; empty ones are left out, as section 5.6.1.2 asks of a recipient.
    static func elements(_ value: String) -> some Sequence<Substring.UTF8View> {
        value[...].utf8.split(separator: UInt8(ascii: ",")).lazy.map(trimmed).filter { !$0.isEmpty }
    }

    /// Whether two names or tokens are the same but for the case of ASCII letters.
    static func equal(_ left: some Sequence<UInt8>, lowercased right: StaticString) -> Bool {
        var count = 0
        for byte in left {
            guard count < right.utf8CodeUnitCount, lowercase(byte) == right.utf8Start[count] else { return false }
            count += 1
        }
        return count == right.utf8CodeUnitCount
    }

    /// Whether the bytes are a token: one or more of the characters that need no quotes (section 5.6.2).
    static func isToken(_ bytes: Substring.UTF8View) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy(isTokenCharacter)
    }

    static func isTokenCharacter(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }

    /// Whether the bytes may be a host with or without a port: no space, no `@`, no path (RFC 9110 section 7.2).
    static func isHost(_ bytes: Substring.UTF8View) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { isAlphanumeric($0) || "-._~%!$&'()*+;=:[]".utf8.contains($0) }
    }

    static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    /// Whether `bytes` end with `suffix`.
    static func hasSuffix(_ bytes: String.UTF8View, _ suffix: String.UTF8View) -> Bool {
        bytes.suffix(suffix.count).elementsEqual(suffix)
    }

    /// The text with its ASCII letters in lower case.
    static func lowercased(_ bytes: Substring.UTF8View) -> String {
        String(decoding: bytes.lazy.map(lowercase), as: UTF8.self)
    }

    static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A") <= byte && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
