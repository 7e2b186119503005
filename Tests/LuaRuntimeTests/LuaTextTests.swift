//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct LuaTextTests {
    private static func words(_ text: String) -> [String] {
        let text = LuaText(Array(text.utf8))
        return text.tokens.map { text.text($0.range) }
    }

    @Test(arguments: [
        ("local a_1=b.c", ["local", "a_1", "=", "b", ".", "c"]),
        ("a..b...c", ["a", "..", "b", "...", "c"]),
        (
            "a==b~=c<=d>=e<<f>>g//h::i::",
            ["a", "==", "b", "~=", "c", "<=", "d", ">=", "e", "<<", "f", ">>", "g", "//", "h", "::", "i", "::"]
        ),
        ("x=0x1p-3+3e+2-.5", ["x", "=", "0x1p-3", "+", "3e+2", "-", ".5"]),
        (#"'a\'b' "c\"d" e"#, [#"'a\'b'"#, #""c\"d""#, "e"]),
        ("'not ended\nb", ["'not ended", "b"]),
        ("'a\\\nb' c", ["'a\\\nb'", "c"]),
        ("'a\\z  \n  b' c", ["'a\\z  \n  b'", "c"]),
        ("[[a\n]b]] [==[ ]] ]==] c", ["[[a\n]b]]", "[==[ ]] ]==]", "c"]),
        ("a[b[c]]", ["a", "[", "b", "[", "c", "]", "]"]),
        ("a -- b 'c\nd --[[ e\nf ]] g --[==[ h ]] ]==] i", ["a", "d", "g", "i"]),
        ("\u{FEFF}#! lua\nx", ["x"]),
        ("[[never ended", ["[[never ended"]), ("--[[never ended", []), ("'", ["'"]), ("'\\", ["'\\"]), ("", []),
        ("ä", ["\u{FFFD}", "\u{FFFD}"]),
    ])
    func wordsAreLuas(text: String, words: [String]) {
        #expect(Self.words(text) == words)
    }

    @Test func knowsLinesOfTokensAndBytes() {
        let text = LuaText(Array("a\r\n[[b\nc]] d\n\ne".utf8))
        #expect(text.tokens.map(\.line) == [1, 2, 3, 5])
        #expect(text.tokens.map { text.lineNumber(of: $0.range.lowerBound) } == [1, 2, 3, 5])
        #expect((0...6).map { text.line($0).map(text.text) } == [nil, "a", "[[b", "c]] d", "", "e", nil])
    }

    /// Where the word ends that Lua complains of, whatever stands before it.
    @Test(arguments: [
        ("x = = 1", "x = ="), ("return }", "return }"), ("return {a b}", "return {a b"), ("x = 3x + 1", "x = 3x"),
        ("#!lua\na != b", "#!lua\na !"), ("\u{FEFF}a b", "\u{FEFF}a b"), ("x = 'a\nb'", "x = 'a"),
        ("if x then", "if x then"),
        ("x = '\\q b'", "x = '\\q"),
    ])
    func findsWhereTheCompilerStopped(text: String, read: String) {
        let source = LuaText(Array(text.utf8))
        #expect(source.endOfSyntaxError().map { source.text(0..<$0) } == read)
    }

    /// Every byte but blanks and comments is in one word, whatever the bytes are.
    @Test func anyBytesAreTakenApart() {
        var generator = SystemRandomNumberGenerator()
        let bytes = Array("\"'[]=-#\\\n\r\t azx0.:~<>/{}\u{1B}ä".utf8)
        for _ in 0..<2000 {
            let text = LuaText((0..<Int.random(in: 0...40)).map { _ in bytes.randomElement(using: &generator) ?? 0 })
            var end = 0
            for token in text.tokens {
                #expect(
                    token.range.lowerBound >= end && !token.range.isEmpty && token.range.upperBound <= text.bytes.count
                )
                #expect(token.line == text.lineNumber(of: token.range.lowerBound))
                end = token.range.upperBound
            }
            #expect(text.endOfSyntaxError().map { 0...text.bytes.count ~= $0 } != false)
        }
    }

    @Test(arguments: ["", "return {}", "#!lua", "x = 1 -- ä"])
    func whatCompilesHasNoSuchPlace(text: String) {
        #expect(LuaText(Array(text.utf8)).endOfSyntaxError() == nil)
    }
}
