//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// How text that may come from anywhere is made harmless before it is shown.
///
/// A line must stay one line and must not steer a terminal: C0, DEL and C1 control characters, the line and paragraph
/// separators U+2028 and U+2029, and the controls that reorder bidirectional text are written as escapes.
package enum LogEscape {
    /// `text` with every control character as an escape such as `\n` or `\x1b`.
    package static func escaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        append(text, limit: .max, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x1F, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// Appends `text`, at most `limit` bytes of it, with control characters escaped.
    ///
    /// - Parameter isQuoted: Whether it stands between double quotes, so that `"` and `\` are escaped too.
    static func append(_ text: String, limit: Int, isQuoted: Bool = false, to bytes: inout [UInt8]) {
        appendScalars(of: text, limit: limit, to: &bytes) { scalar, bytes in
            switch scalar {
            case "\n": bytes.append(contentsOf: #"\n"#.utf8)
            case "\r": bytes.append(contentsOf: #"\r"#.utf8)
            case "\t": bytes.append(contentsOf: #"\t"#.utf8)
            case "\"" where isQuoted, "\\" where isQuoted: bytes.append(contentsOf: "\\\(scalar)".utf8)
            case _ where !isControl(scalar): return false
            case _ where scalar.value < 0x100: appendHex(scalar, prefix: #"\x"#, digits: 2, to: &bytes)
            default:
                appendHex(scalar, prefix: #"\u{"#, digits: 4, to: &bytes)
                bytes.append(UInt8(ascii: "}"))
            }
            return true
        }
    }

    /// Appends `text`, at most `limit` bytes of it, as a JSON string with its quotes (RFC 8259, section 7).
    static func appendJSON(_ text: String, limit: Int, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        appendScalars(of: text, limit: limit, to: &bytes) { scalar, bytes in
            switch scalar {
            case "\n": bytes.append(contentsOf: #"\n"#.utf8)
            case "\r": bytes.append(contentsOf: #"\r"#.utf8)
            case "\t": bytes.append(contentsOf: #"\t"#.utf8)
            case "\"", "\\": bytes.append(contentsOf: "\\\(scalar)".utf8)
            case _ where isControl(scalar): appendHex(scalar, prefix: #"\u"#, digits: 4, to: &bytes)
            default: return false
            }
            return true
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends the scalars of `text` that begin within `limit` bytes, each through `escape` unless that declines, and
    /// then how much is missing.
    private static func appendScalars(
        of text: String,
        limit: Int,
        to bytes: inout [UInt8],
        escape: (Unicode.Scalar, inout [UInt8]) -> Bool
    ) {
        let size = text.utf8.count
        // A slice rounds an index inside a character down to its first byte.
        let end = size > limit ? text.utf8.index(text.startIndex, offsetBy: limit) : text.endIndex
        let shown = text.unicodeScalars[..<end]
        for scalar in shown where !escape(scalar, &bytes) {
            bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
        if shown.endIndex < text.endIndex {
            bytes.append(contentsOf: "…(\(text.utf8[shown.endIndex...].count) bytes more)".utf8)
        }
    }

    private static func appendHex(
        _ scalar: Unicode.Scalar,
        prefix: String,
        digits: Int,
        to bytes: inout [UInt8]
    ) {
        let text = String(scalar.value, radix: 16)
        bytes.append(contentsOf: prefix.utf8)
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, digits - text.utf8.count)))
        bytes.append(contentsOf: text.utf8)
    }
}
