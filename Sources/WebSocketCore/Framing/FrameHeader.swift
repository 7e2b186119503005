//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What stands before a frame's payload (RFC 6455 section 5.2), with the rules that need no memory of earlier frames.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-+-+-+-+-------+-+-------------+-------------------------------+
///     |F|R|R|R| opcode|M| length (7)  | length (16 or 64 bits, when   |
///     |I|S|S|S|  (4)  |A|             | the 7 bits say 126 or 127)    |
///     |N|V|V|V|       |S|             |                               |
///     | |1|2|3|       |K|             |                               |
///     +-+-+-+-+-------+-+-------------+-------------------------------+
///     | masking key (32 bits), when MASK is 1                         |
///     +---------------------------------------------------------------+
struct FrameHeader {
    /// The size of the longest header in bytes: a 64-bit length and a masking key.
    static let maximumSize = 14
    static let maximumControlLength = 125

    /// The payload's length in bytes.
    var length: Int
    /// The zero key, which changes nothing, when the frame is not masked.
    var maskingKey: MaskingKey
    var opcode: Opcode
    var isFinal: Bool
    /// RSV1: the first frame of a compressed message (RFC 7692 section 6).
    var isCompressed = false

    /// Reads the header at the start of `bytes`, and tells its size.
    ///
    /// Each check is made as soon as the bytes are there that it needs, in one fixed order, so that the verdict does not
    /// depend on how the bytes arrive.
    ///
    /// - Returns: Nil when `bytes` ends within the header.
    @inline(__always)
    static func read(
        _ bytes: UnsafeRawBufferPointer,
        mustBeMasked: Bool,
        mayBeCompressed: Bool
    ) throws(ProtocolViolation) -> (header: FrameHeader, size: Int)? {
        guard bytes.count >= 2, let base = bytes.baseAddress else { return nil }
        let first = base.load(as: UInt8.self)
        let second = base.load(fromByteOffset: 1, as: UInt8.self)
        let isFinal = first & 0x80 != 0
        let shortLength = Int(second & 0x7F)

        if first & 0x70 != 0 {
            // RSV1 is for text and binary: continuation frames never have it (RFC 7692 section 6.1).
            let isFirstOfMessage = first & 0x0F == Opcode.text.rawValue || first & 0x0F == Opcode.binary.rawValue
            guard mayBeCompressed, first & 0x70 == 0x40, isFirstOfMessage else { throw .reservedBits }
        }
        guard let opcode = Opcode(rawValue: first & 0x0F) else { throw .reservedOpcode(first & 0x0F) }
        guard (second & 0x80 != 0) == mustBeMasked else { throw mustBeMasked ? .unmaskedFrame : .maskedFrame }
        if opcode.isControl {
            guard isFinal else { throw .controlFrameFragmented }
            guard shortLength <= maximumControlLength else { throw .controlFrameTooLong }
        }

        var length = shortLength
        var offset = 2
        if shortLength == 126 {
            guard bytes.count >= 4 else { return nil }
            length = Int(UInt16(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            guard length > 125 else { throw .lengthNotMinimal }
            offset = 4
        } else if shortLength == 127 {
            guard bytes.count >= 10 else { return nil }
            let long = UInt64(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard let exact = Int(exactly: long) else { throw .lengthOutOfRange }
            guard exact > 0xFFFF else { throw .lengthNotMinimal }
            length = exact
            offset = 10
        }

        var word: UInt32 = 0
        if mustBeMasked {
            guard bytes.count >= offset &+ 4 else { return nil }
            word = UInt32(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            offset &+= 4
        }
        let maskingKey = MaskingKey(word: word)
        let header = FrameHeader(
            length: length,
            maskingKey: maskingKey,
            opcode: opcode,
            isFinal: isFinal,
            isCompressed: first & 0x40 != 0
        )
        return (header, offset)
    }

    /// Writes the header, at most `maximumSize` bytes, to `target` and returns its size.
    @inline(__always)
    func write(to target: UnsafeMutableRawPointer, isMasked: Bool) -> Int {
        let flags: UInt8 = (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0)
        target.storeBytes(of: opcode.rawValue | flags, as: UInt8.self)
        let maskBit: UInt8 = isMasked ? 0x80 : 0
        var offset = 2
        if length <= 125 {
            target.storeBytes(of: maskBit | UInt8(truncatingIfNeeded: length), toByteOffset: 1, as: UInt8.self)
        } else if length <= 0xFFFF {
            target.storeBytes(of: maskBit | 126, toByteOffset: 1, as: UInt8.self)
            target.storeBytes(of: UInt16(truncatingIfNeeded: length).bigEndian, toByteOffset: 2, as: UInt16.self)
            offset = 4
        } else {
            target.storeBytes(of: maskBit | 127, toByteOffset: 1, as: UInt8.self)
            target.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
            offset = 10
        }
        if isMasked {
            target.storeBytes(of: maskingKey.word.littleEndian, toByteOffset: offset, as: UInt32.self)
            offset &+= 4
        }
        return offset
    }
}
