//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Takes Lua apart, one word after the other, by the rules of the manual's section 3.1.
struct LuaTokenReader {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    private static let symbols = ["...", "<<", ">>", "//", "==", "~=", "<=", ">=", "::", ".."].map { Array($0.utf8) }

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        if byte(0) == UInt8(ascii: "#") { skipLine() }
    }

    /// The next word; nil at the end.
    mutating func next() -> LuaText.Token? {
        skipBlanks()
        guard let first = byte(0) else { return nil }
        let (start, startLine) = (position, line)
        let kind: LuaText.Token.Kind
        switch first {
        case _ where Self.isNameStart(first):
            while let byte = byte(0), Self.isNameStart(byte) || Self.isDigit(byte) { position += 1 }
            let word = String(decoding: bytes[start..<position], as: UTF8.self)
            kind = LuaText.keywords.contains(word) ? .keyword : .name
        case _ where Self.isDigit(first), UInt8(ascii: ".") where byte(1).map(Self.isDigit) == true:
            skipNumber()
            kind = .number
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            skipString(quote: first)
            kind = .string
        case UInt8(ascii: "[") where levelOfBracket() != nil:
            skipLongBracket()
            kind = .string
        default:
            position += Self.symbols.first { bytes[position...].starts(with: $0) }?.count ?? 1
            kind = .symbol
        }
        return LuaText.Token(kind: kind, range: start..<position, line: startLine)
    }

    private func byte(_ ahead: Int) -> UInt8? {
        position + ahead < bytes.count ? bytes[position + ahead] : nil
    }

    private mutating func advance() {
        if bytes[position] == UInt8(ascii: "\n") { line += 1 }
        position += 1
    }

    private mutating func skipBlanks() {
        while let byte = byte(0) {
            if byte == UInt8(ascii: "-"), self.byte(1) == UInt8(ascii: "-") {
                position += 2
                if levelOfBracket() != nil { skipLongBracket() } else { skipLine() }
            } else if byte == UInt8(ascii: " ") || (0x09...0x0D).contains(byte) {
                advance()
            } else {
                return
            }
        }
    }

    private mutating func skipLine() {
        while let byte = byte(0), byte != UInt8(ascii: "\n") { position += 1 }
    }

    private mutating func skipNumber() {
        let isHexadecimal = byte(0) == UInt8(ascii: "0") && byte(1).map { $0 | 0x20 } == UInt8(ascii: "x")
        let exponent = UInt8(ascii: isHexadecimal ? "p" : "e")
        while let byte = byte(0) {
            if byte | 0x20 == exponent, let sign = self.byte(1), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-")
            {
                position += 2
            } else if Self.isNameStart(byte) || Self.isDigit(byte) || byte == UInt8(ascii: ".") {
                position += 1
            } else {
                return
            }
        }
    }

    /// Up to the quote, or to the end of the line where it should be.
    private mutating func skipString(quote: UInt8) {
        position += 1
        while let byte = byte(0), byte != UInt8(ascii: "\n") {
            if byte == UInt8(ascii: "\\"), self.byte(1) == UInt8(ascii: "z") {
                position += 2
                while let blank = self.byte(0), blank == UInt8(ascii: " ") || (0x09...0x0D).contains(blank) {
                    advance()
                }
            } else if byte == UInt8(ascii: "\\"), self.byte(1) != nil {
                position += 1
                advance()
            } else {
                position += 1
                if byte == quote { return }
            }
        }
    }

    /// How many `=` stand between the two brackets of `[==[`; nil where none begins.
    private func levelOfBracket() -> Int? {
        guard byte(0) == UInt8(ascii: "[") else { return nil }
        var level = 0
        while byte(1 + level) == UInt8(ascii: "=") { level += 1 }
        return byte(1 + level) == UInt8(ascii: "[") ? level : nil
    }

    private mutating func skipLongBracket() {
        guard let level = levelOfBracket() else { return }
        let end = [UInt8(ascii: "]")] + Array(repeating: UInt8(ascii: "="), count: level) + [UInt8(ascii: "]")]
        position += level + 2
        while position < bytes.count {
            if bytes[position] == end[0], bytes[position...].starts(with: end) {
                position += end.count
                return
            }
            advance()
        }
    }

    private static func isNameStart(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
