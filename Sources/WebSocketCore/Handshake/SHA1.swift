//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// SHA-1 (RFC 3174), for the proof of the handshake alone: it is broken, and protects nothing here.
package enum SHA1 {
    /// The digest of `message`, 20 bytes.
    package static func digest(of message: [UInt8]) -> [UInt8] {
        // A one, zeros, and the number of bits, so that whole blocks come of it.
        let length = (message.count + 9 + 63) / 64 * 64
        let padded = [UInt8](unsafeUninitializedCapacity: length) { bytes, count in
            count = bytes.update(fromContentsOf: message)
            bytes[count] = 0x80
            bytes[(count + 1)...].update(repeating: 0)
            let bitCount = UInt64(count) * 8
            for place in 0..<8 { bytes[length - 1 - place] = UInt8(truncatingIfNeeded: bitCount >> (8 * place)) }
            count = length
        }
        var state = State()
        padded.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: 64) {
                state.mix(UnsafeRawBufferPointer(rebasing: bytes[start..<start + 64]))
            }
        }
        let words = (state.a.bigEndian, state.b.bigEndian, state.c.bigEndian, state.d.bigEndian, state.e.bigEndian)
        return withUnsafeBytes(of: words) { [UInt8]($0) }
    }

    private struct State {
        var (a, b, c, d, e): (UInt32, UInt32, UInt32, UInt32, UInt32) = (
            0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0
        )

        /// Takes in a block of 64 bytes. In memory of the stack: each handshake comes here twice.
        mutating func mix(_ block: UnsafeRawBufferPointer) {
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { words in
                for index in 0..<16 {
                    words[index] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
                }
                for index in 16..<80 {
                    words[index] = rotate(
                        words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16],
                        by: 1
                    )
                }
                var next = self
                for word in words[0..<20] { next.turn(word, next.b & next.c | ~next.b & next.d, 0x5A82_7999) }
                for word in words[20..<40] { next.turn(word, next.b ^ next.c ^ next.d, 0x6ED9_EBA1) }
                for word in words[40..<60] {
                    next.turn(word, next.b & next.c | next.b & next.d | next.c & next.d, 0x8F1B_BCDC)
                }
                for word in words[60..<80] { next.turn(word, next.b ^ next.c ^ next.d, 0xCA62_C1D6) }
                (a, b, c, d, e) = (a &+ next.a, b &+ next.b, c &+ next.c, d &+ next.d, e &+ next.e)
            }
        }

        @inline(__always)
        private mutating func turn(_ word: UInt32, _ choice: UInt32, _ constant: UInt32) {
            (a, b, c, d, e) = (rotate(a, by: 5) &+ choice &+ e &+ word &+ constant, a, rotate(b, by: 30), c, d)
        }
    }

    @inline(__always)
    private static func rotate(_ word: UInt32, by count: UInt32) -> UInt32 {
        word &<< count | word &>> (32 - count)
    }
}
