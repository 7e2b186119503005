//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct LogEscapeTests {
    /// Everything that could break a line, steer a terminal or reorder what it shows.
    static let controls: [Unicode.Scalar] =
        ([0x00...0x1F, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069] as [ClosedRange])
        .flatMap { $0.compactMap { Unicode.Scalar($0 as UInt32) } }

    @Test(arguments: [
        ("\n", #"\n"#), ("\r", #"\r"#), ("\t", #"\t"#), ("\0", #"\x00"#), ("\u{1b}[2J", #"\x1b[2J"#),
        ("\u{7f}", #"\x7f"#),
        ("\u{85}", #"\x85"#), ("\u{9b}31m", #"\x9b31m"#), ("\u{2028}", #"\u{2028}"#), ("\u{2029}", #"\u{2029}"#),
        ("\u{202e}", #"\u{202e}"#), ("\u{2066}", #"\u{2066}"#), ("\r\nlevel=error", #"\r\nlevel=error"#),
    ])
    func escapesControls(text: String, escaped: String) {
        #expect(LogEscape.escaped(text) == escaped)
    }

    @Test(arguments: ["", "plain", #"a\b"#, "Grüße, 世界 🌙", "\u{a0}", "e\u{301}"])
    func leavesOtherTextAlone(text: String) {
        #expect(LogEscape.escaped(text) == text)
    }

    @Test func leavesNoControlBehind() {
        for control in Self.controls {
            let escaped = LogEscape.escaped("a\(control)b")
            #expect(escaped.hasPrefix(#"a\"#) && escaped.hasSuffix("b"), "U+\(String(control.value, radix: 16))")
            #expect(escaped.unicodeScalars.allSatisfy { $0.isASCII && $0.value >= 0x20 && $0.value < 0x7F })
        }
    }
}
