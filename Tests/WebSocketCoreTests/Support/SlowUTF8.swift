//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What UTF-8 is, said as plainly as can be: a beginning of a character is good as long as some valid character begins
/// so (RFC 3629 section 3).
enum SlowUTF8 {
    /// The first byte that no valid text has there, and whether the text ends with a whole character.
    static func judge(_ bytes: [UInt8]) -> (firstBad: Int?, isComplete: Bool) {
        var start = 0
        while start < bytes.count {
            guard let (size, leadBits) = shape(bytes[start]) else { return (start, false) }
            var scalar = leadBits
            for position in 0..<size {
                let offset = start + position
                guard offset < bytes.count else { return (nil, false) }
                if position > 0 {
                    guard bytes[offset] & 0xC0 == 0x80 else { return (offset, false) }
                    scalar = scalar << 6 | UInt32(bytes[offset] & 0x3F)
                }
                let free = UInt32(6 * (size - 1 - position))
                let lowest = scalar << free
                let highest = lowest + ((1 << free) - 1)
                guard valid(size).contains(where: { $0.overlaps(lowest...highest) }) else { return (offset, false) }
            }
            start += size
        }
        return (nil, true)
    }

    private static func shape(_ lead: UInt8) -> (size: Int, bits: UInt32)? {
        switch lead.leadingZeroBitCount == 0 ? (~lead).leadingZeroBitCount : 0 {
        case 0: (1, UInt32(lead))
        case 2: (2, UInt32(lead & 0x1F))
        case 3: (3, UInt32(lead & 0x0F))
        case 4: (4, UInt32(lead & 0x07))
        default: nil
        }
    }

    private static func valid(_ size: Int) -> [ClosedRange<UInt32>] {
        switch size {
        case 1: [0...0x7F]
        case 2: [0x80...0x7FF]
        case 3: [0x800...0xD7FF, 0xE000...0xFFFF]
        default: [0x1_0000...0x10_FFFF]
        }
    }
}
