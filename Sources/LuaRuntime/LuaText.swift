//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CLuaRuntime

/// The text of a script or module, read as its author reads it: by lines and words.
///
/// Any bytes will do; what is no Lua is taken apart as well as it can be.
package struct LuaText: Sendable {
    /// One word of Lua.
    package struct Token: Sendable, Equatable {
        package enum Kind: Sendable, Equatable {
            case name
            case keyword
            case number
            /// With its quotes or brackets; also one that does not end.
            case string
            case symbol
        }

        package let kind: Kind

        /// Its bytes, as offsets in the text.
        package let range: Range<Int>

        /// From 1; of a string with several lines the first.
        package let line: Int
    }

    /// The words that cannot be names.
    package static let keywords: Set<String> = [
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
        "not", "or", "repeat", "return", "then", "true", "until", "while",
    ]

    package let bytes: [UInt8]

    /// All words but comments, in order.
    package let tokens: [Token]

    /// Where each line begins.
    private let lineStarts: [Int]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var lineStarts = [0]
        for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            lineStarts.append(offset + 1)
        }
        self.lineStarts = lineStarts
        var reader = LuaTokenReader(bytes)
        var tokens: [Token] = []
        while let token = reader.next() {
            tokens.append(token)
        }
        self.tokens = tokens
    }

    /// The bytes of a line, without its end; nil when there is no such line.
    package func line(_ number: Int) -> Range<Int>? {
        guard number > 0, number <= lineStarts.count else { return nil }
        let start = lineStarts[number - 1]
        var end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return start..<end
    }

    /// The number of the line on which a byte stands.
    package func lineNumber(of offset: Int) -> Int {
        var (low, high) = (0, lineStarts.count)
        while low < high {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        return max(low, 1)
    }

    package func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    /// The text of a token; nil for a place where there is none.
    package func word(_ index: Int) -> String? {
        tokens.indices.contains(index) ? text(tokens[index].range) : nil
    }

    /// What is between the quotes of a string, as it is written.
    package func content(ofString token: Token) -> String {
        guard token.range.count >= 2, token.kind == .string else { return "" }
        return text(token.range.lowerBound + 1..<token.range.upperBound - 1)
    }

    /// Where the word ends that Lua's compiler complains of; nil when it does not complain.
    package func endOfSyntaxError() -> Int? {
        var end = 0
        let isRefused = bytes.withUnsafeBytes { nj_syntax_error($0.baseAddress, $0.count, &end) }
        return isRefused ? min(end, bytes.count) : nil
    }
}
