//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct UTF8ValidatorTests {
    /// The bytes at the edges of every range in RFC 3629's grammar.
    private static let edges: [UInt8] = [
        0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
        0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFC, 0xFF,
    ]

    /// Whether the validator agrees with its slow twin on the bytes whole, and byte by byte on where they go bad.
    private func agrees(_ bytes: [UInt8]) -> Bool {
        let (firstBad, isComplete) = SlowUTF8.judge(bytes)
        var whole = UTF8Validator()
        let isValid = bytes.withUnsafeBytes { whole.consume($0) }
        guard isValid == (firstBad == nil), !isValid || whole.isComplete == isComplete else { return false }
        var stepwise = UTF8Validator()
        let found = bytes.firstIndex { byte in withUnsafeBytes(of: byte) { !stepwise.consume($0) } }
        return found == firstBad
    }

    @Test func agreesOnAllOfOneAndTwoBytes() {
        var wrong: [[UInt8]] = []
        for first in UInt8.min ... .max {
            if !agrees([first]) { wrong.append([first]) }
            for second in UInt8.min ... .max where !agrees([first, second]) { wrong.append([first, second]) }
        }
        #expect(wrong.isEmpty)
    }

    @Test func agreesOnAllLeadAndSecondBytesInsideLongerText() {
        var wrong: [[UInt8]] = []
        for first in UInt8(0xC0) ... .max {
            for second in UInt8.min ... .max {
                for tail: [UInt8] in [[0x80, 0x80, 0x41, 0x41], [0xBF, 0x41, 0x41], [0x80, 0xC3, 0xA9, 0x41]] {
                    let bytes = [first, second] + tail
                    if !agrees(bytes) { wrong.append(bytes) }
                }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test func agreesOnTheEdgesOfThreeAndFourBytes() {
        var wrong: [[UInt8]] = []
        for first in Self.edges where first >= 0xC0 {
            for second in Self.edges {
                for third in Self.edges {
                    if !agrees([first, second, third]) { wrong.append([first, second, third]) }
                    for fourth in Self.edges where !agrees([first, second, third, fourth]) {
                        wrong.append([first, second, third, fourth])
                    }
                }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test func acceptsEveryScalar() {
        var text: [UInt8] = []
        for value in UInt32(0)...0x10_FFFF {
            if let scalar = Unicode.Scalar(value) { text += UTF8.encode(scalar).map(Array.init) ?? [] }
        }
        var validator = UTF8Validator()
        let isValid = text.withUnsafeBytes { validator.consume($0) }
        #expect(isValid && validator.isComplete)
    }

    /// The fast paths look at 4, 8, 32 and 64 bytes at once; a bad byte must be found wherever it stands.
    @Test func findsABadByteAtEveryOffsetOfEveryLength() {
        var wrong: [(Int, Int)] = []
        for length in 1...150 {
            for offset in 0..<length {
                for bad: UInt8 in [0x80, 0xC3, 0xFF] {
                    var bytes = [UInt8](repeating: 0x61, count: length)
                    bytes[offset] = bad
                    if !agrees(bytes) { wrong.append((length, offset)) }
                }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test func doesNotDependOnTheSplit() {
        let text = Array("aaaaaaaaaaaé€😀 κόσμε 中文 \u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF} zzzzzzzzzzzzzzzzz".utf8)
        for split in 0...text.count {
            var validator = UTF8Validator()
            let first = text[..<split].withUnsafeBytes { validator.consume($0) }
            #expect(validator.isComplete == SlowUTF8.judge(Array(text[..<split])).isComplete)
            let second = text[split...].withUnsafeBytes { validator.consume($0) }
            #expect(first && second && validator.isComplete, "split at \(split)")
        }
    }

    @Test func agreesOnRandomText() {
        var generator = SeededGenerator(seed: 3)
        let pieces: [[UInt8]] = ["a", "é", "€", "中", "😀", "ascii ascii ascii ascii ascii ascii "].map { Array($0.utf8) }
        var wrong: [[UInt8]] = []
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...12, using: &generator)).flatMap { _ in
                pieces.randomElement(using: &generator) ?? []
            }
            if Bool.random(using: &generator), !bytes.isEmpty {
                let offset = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[offset] = Self.edges[Int.random(in: 0..<Self.edges.count, using: &generator)]
            }
            if !agrees(bytes) { wrong.append(bytes) }
        }
        #expect(wrong.isEmpty)
    }

    @Test(arguments: [
        ("", 0), ("abc", 3), ("ab\u{20AC}", 5),
    ])
    func validPrefixOfText(text: String, length: Int) {
        #expect(Array(text.utf8).withUnsafeBytes { UTF8Validator.validPrefix(of: $0) } == length)
    }

    @Test(
        arguments: [
            ([0x61, 0xE2, 0x82], 1), ([0x61, 0xFF, 0x61], 1), ([0xC3, 0xA9, 0xC3], 2), ([0xED, 0xA0, 0x80], 0),
            ([0xF0, 0x9F, 0x98, 0x80, 0xF0, 0x9F, 0x98], 4),
        ] as [([UInt8], Int)]
    )
    func validPrefixStopsAtAWholeCharacter(bytes: [UInt8], length: Int) {
        #expect(bytes.withUnsafeBytes { UTF8Validator.validPrefix(of: $0) } == length)
    }
}
