//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct MaskingKeyTests {
    private static let key: [UInt8] = [0x12, 0x80, 0xFE, 0x47]
    private static let word: UInt32 = 0x47FE_8012

    private static func slow(_ bytes: [UInt8], from offset: Int) -> [UInt8] {
        bytes.enumerated().map { $1 ^ key[(offset + $0) % 4] }
    }

    /// Every offset of the key, every length around the block sizes, and every alignment of the memory.
    @Test func agreesWithTheSlowTwin() {
        var generator = SeededGenerator(seed: 1)
        for length in Array(0...100) + [255, 256, 1023, 4096, 65_537] {
            let payload = generator.bytes(length)
            for offset in 0..<4 {
                let expected = Self.slow(payload, from: offset)
                for alignment in 0..<(length <= 100 ? 9 : 2) {
                    var inPlace = [UInt8](repeating: 0xEE, count: alignment) + payload + [0xEE]
                    var copied = [UInt8](repeating: 0xEE, count: length + 1)
                    var key = Self.turned(by: offset)
                    var copyKey = key
                    inPlace.withUnsafeMutableBytes {
                        key.apply(to: .init(rebasing: $0[alignment..<alignment + length]))
                    }
                    payload.withUnsafeBytes { source in
                        copied.withUnsafeMutableBytes { target in
                            if let base = target.baseAddress { copyKey.apply(to: source, into: base) }
                        }
                    }
                    let isSame =
                        Array(inPlace.dropFirst(alignment)) == expected + [0xEE] && copied == expected + [0xEE]
                        && key == Self.turned(by: offset + length) && copyKey == key
                    #expect(isSame, "length \(length), offset \(offset), alignment \(alignment)")
                }
            }
        }
    }

    @Test func masksInPieces() {
        var generator = SeededGenerator(seed: 2)
        let payload = generator.bytes(97)
        for split in 0...97 {
            var bytes = payload
            var key = MaskingKey(word: Self.word)
            bytes.withUnsafeMutableBytes {
                key.apply(to: .init(rebasing: $0[..<split]))
                key.apply(to: .init(rebasing: $0[split...]))
            }
            #expect(bytes == Self.slow(payload, from: 0), "split at \(split)")
        }
    }

    private static func turned(by count: Int) -> MaskingKey {
        let bytes = (0..<4).map { UInt32(key[(count + $0) % 4]) << (8 * UInt32($0)) }
        return MaskingKey(word: bytes.reduce(0, |))
    }
}
