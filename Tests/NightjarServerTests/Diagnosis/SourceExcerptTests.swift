//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct SourceExcerptTests {
    /// The lines, of a line in which what stands between `«»` is marked.
    private static func lines(_ marked: String, line: Int = 7) -> [String] {
        let bytes = Array(marked.utf8)
        let (start, end) = (Array("«".utf8), Array("»".utf8))
        guard let first = bytes.indices.first(where: { bytes[$0...].starts(with: start) }),
            let last = bytes.indices.first(where: { bytes[$0...].starts(with: end) })
        else { return SourceExcerpt(line: line, bytes).lines }
        let plain = bytes[..<first] + bytes[(first + 2)..<last] + bytes[(last + 2)...]
        return SourceExcerpt(line: line, Array(plain), marked: first..<last - 2).lines
    }

    @Test(arguments: [
        ("«x» = = 1", "    7 | x = = 1", "      | ^"),
        ("x = «conn» + 1", "    7 | x = conn + 1", "      |     ^~~~"),
        ("\t«x»\ty", "    7 |     x   y", "      |     ^"),
        ("ab\t«x»", "    7 | ab  x", "      |     ^"),
        ("'ä日本' «x»", "    7 | 'ä日本' x", "      |         ^"),
        ("'e\u{301}' «x»", "    7 | 'e\u{301}' x", "      |     ^"),
        ("«日本»", "    7 | 日本", "      | ^~~~"),
        ("\u{1B}[2J\u{0}\u{9B} «x»", "    7 | \\x1b[2J\\x00\\x9b x", "      |                 ^"),
        ("\u{202E}«x»", "    7 | \\u{202e}x", "      |         ^"),
        ("return {«»", "    7 | return {", "      |         ^"),
    ])
    func pointsAtWhatIsMarked(marked: String, line: String, caret: String) {
        #expect(Self.lines(marked) == [line, caret])
    }

    @Test func hasNoCaretWithoutAMark() {
        #expect(Self.lines("  x = 1  ") == ["    7 |   x = 1"])
        #expect(Self.lines("") == ["    7 |"])
        #expect(Self.lines("x", line: 123_456) == [" 123456 | x"])
    }

    @Test func repairsWhatIsNotUTF8() {
        let bytes: [UInt8] = [0xFF, 0x20, 0xE6, 0x97, 0x20, 0x78]
        #expect(
            SourceExcerpt(line: 1, bytes, marked: 5..<6).lines == ["    1 | \u{FFFD} \u{FFFD} x", "      |     ^"]
        )
    }

    /// Wherever the mark is in a long line, the excerpt has its surroundings, and is as wide as a terminal.
    @Test(arguments: [0, 1, 39, 40, 41, 99, 100, 500, 511, 512, 513, 5000, 9998, 9999])
    func cutsLongLines(place: Int) throws {
        var bytes = Array(repeating: UInt8(ascii: "-"), count: 10_000)
        bytes[place] = UInt8(ascii: "x")
        let lines = SourceExcerpt(line: 1, bytes, marked: place..<place + 1).lines
        let (text, caret) = (Array(try #require(lines.first)), Array(try #require(lines.last)))
        #expect(text.count <= 8 + 101)
        #expect(text[try #require(caret.firstIndex(of: "^"))] == "x")
        #expect(text.contains("…"))
        #expect(place < 100 || text.count > 40)
    }

    /// Characters of several bytes are not cut where the window ends.
    @Test(arguments: 0..<8)
    func cutsBetweenCharacters(shift: Int) throws {
        let text = String(repeating: "a", count: shift) + String(repeating: "日", count: 1000)
        let bytes = Array(text.utf8)
        let excerpt = SourceExcerpt(line: 1, bytes, marked: shift + 1500..<shift + 1503)
        #expect(!excerpt.text.contains("\u{FFFD}"))
        #expect(excerpt.mark?.count == 2)
    }

    @Test func aLongMarkIsCutWithTheLine() throws {
        let bytes = Array(repeating: UInt8(ascii: "x"), count: 300)
        let excerpt = SourceExcerpt(line: 1, bytes, marked: 0..<300)
        let mark = try #require(excerpt.mark)
        #expect(mark.upperBound <= 101)
    }
}
