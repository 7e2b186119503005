//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Checks that bytes are UTF-8 as they arrive, in any pieces, and fails at the first byte that cannot be (RFC 3629).
package struct UTF8Validator: Equatable, Sendable {
    /// The continuation bytes that the current character still lacks.
    private var missing: UInt8 = 0
    /// The range of the next continuation byte: narrower than 80...BF after E0, ED, F0 and F4, which keeps out overlong
    /// forms, surrogates and what lies beyond U+10FFFF.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    package init() {}

    /// Whether the bytes so far end with a whole character.
    package var isComplete: Bool { missing == 0 }

    /// Checks the next bytes; after `false` the validator is of no more use.
    package mutating func consume(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        // A copy lives in registers, where `self` would be stored and loaded for every byte.
        var state = self
        var offset = 0
        while offset < bytes.count {
            let byte = base.load(fromByteOffset: offset, as: UInt8.self)
            if byte < 0x80, state.missing == 0 {
                offset = Self.endOfASCII(base, from: offset, to: bytes.count)
            } else if state.missing == 0, offset &+ 4 <= bytes.count,
                case let size = Self.characterSize(base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)),
                size > 0
            {
                offset &+= size
            } else {
                guard state.advance(byte) else { return false }
                offset &+= 1
            }
        }
        self = state
        return true
    }

    /// The length of the longest beginning of `bytes` that is UTF-8, whole characters only.
    package static func validPrefix(of bytes: UnsafeRawBufferPointer) -> Int {
        var validator = UTF8Validator()
        var boundary = 0
        for (offset, byte) in bytes.enumerated() {
            guard validator.advance(byte) else { break }
            if validator.isComplete { boundary = offset &+ 1 }
        }
        return boundary
    }

    @inline(__always)
    private mutating func advance(_ byte: UInt8) -> Bool {
        if missing > 0 {
            guard byte >= lowest, byte <= highest else { return false }
            missing &-= 1
            lowest = 0x80
            highest = 0xBF
            return true
        }
        switch byte {
        case 0x00...0x7F: break
        case 0xC2...0xDF: missing = 1
        case 0xE0: (missing, lowest) = (2, 0xA0)
        case 0xED: (missing, highest) = (2, 0x9F)
        case 0xE1...0xEF: missing = 2
        case 0xF0: (missing, lowest) = (3, 0x90)
        case 0xF1...0xF3: missing = 3
        case 0xF4: (missing, highest) = (3, 0x8F)
        default: return false
        }
        return true
    }

    /// The size of the valid character of 2 or 3 bytes at the start of 4 bytes of memory; 0 leaves the verdict to
    /// `advance`.
    @inline(__always)
    private static func characterSize(_ memory: UInt32) -> Int {
        let word = UInt32(littleEndian: memory)
        if word & 0xC0_C0F0 == 0x80_80E0 {
            let scalar = (word & 0x0F) << 12 | (word & 0x3F00) >> 2 | (word & 0x3F_0000) >> 16
            return scalar >= 0x800 && scalar & 0xF800 != 0xD800 ? 3 : 0
        }
        return word & 0xC0E0 == 0x80C0 && word & 0x1E != 0 ? 2 : 0
    }

    /// The offset of the first byte that is not ASCII, or `end`.
    @inline(__always)
    private static func endOfASCII(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        let topBits: UInt64 = 0x8080_8080_8080_8080
        var offset = start
        while offset &+ 64 <= end {
            let block = base.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt64>.self)
            let half = block.lowHalf | block.highHalf
            let quarter = half.lowHalf | half.highHalf
            guard (quarter[0] | quarter[1]) & topBits == 0 else { break }
            offset &+= 64
        }
        if offset &+ 32 <= end {
            let block = base.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
            let half = block.lowHalf | block.highHalf
            if (half[0] | half[1]) & topBits == 0 { offset &+= 32 }
        }
        while offset &+ 8 <= end {
            let block = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) & topBits
            guard block == 0 else { return offset &+ block.trailingZeroBitCount / 8 }
            offset &+= 8
        }
        while offset < end, base.load(fromByteOffset: offset, as: UInt8.self) < 0x80 { offset &+= 1 }
        return offset
    }
}
