//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The key that a client's payload is XORed with, 4 bytes over and over (RFC 6455 section 5.3).
///
/// The key turns as it is used: after any number of bytes it stands at the byte whose turn is next, so that a payload
/// may be unmasked in pieces. Masking and unmasking are the same.
package struct MaskingKey: Equatable, Sendable {
    /// The key's bytes, the one whose turn is next lowest.
    package private(set) var word: UInt32

    package init(word: UInt32) {
        self.word = word
    }

    /// Masks `bytes` where they are.
    @inline(__always)
    package mutating func apply(to bytes: UnsafeMutableRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        copy(UnsafeRawPointer(base), bytes.count, to: base)
    }

    /// Copies `source` masked to `target`, which has room for all of it.
    package mutating func apply(to source: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) {
        guard let base = source.baseAddress else { return }
        copy(base, source.count, to: target)
    }

    /// Passes over so many bytes.
    mutating func skip(_ count: Int) {
        let bits = UInt32(truncatingIfNeeded: count & 3) * 8
        word = word >> bits | word << (32 - bits)
    }

    private mutating func copy(_ source: UnsafeRawPointer, _ count: Int, to target: UnsafeMutableRawPointer) {
        let pair = (UInt64(word) << 32 | UInt64(word)).littleEndian
        let wide = SIMD4<UInt64>(repeating: pair)
        var offset = 0
        while offset &+ 32 <= count {
            let block = source.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
            target.storeBytes(of: block ^ wide, toByteOffset: offset, as: SIMD4<UInt64>.self)
            offset &+= 32
        }
        while offset &+ 8 <= count {
            let block = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            target.storeBytes(of: block ^ pair, toByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        // Whole blocks are multiples of the key's length, so only these last bytes turn it.
        while offset < count {
            let byte = source.load(fromByteOffset: offset, as: UInt8.self)
            target.storeBytes(of: byte ^ UInt8(truncatingIfNeeded: word), toByteOffset: offset, as: UInt8.self)
            word = word >> 8 | word << 24
            offset &+= 1
        }
    }
}
