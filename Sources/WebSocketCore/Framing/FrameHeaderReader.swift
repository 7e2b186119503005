//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Takes frame headers from the front of the input, and keeps the beginning of one that is cut by its end.
struct FrameHeaderReader {
    /// Room for the 14 bytes of the longest header, without a heap allocation.
    private var kept: (UInt64, UInt32, UInt16) = (0, 0, 0)
    private var keptCount: UInt8 = 0

    /// - Returns: Nil when the input is used up and the header is not yet whole.
    @inline(__always)
    mutating func next(
        from input: inout UnsafeMutableRawBufferPointer,
        mustBeMasked: Bool,
        mayBeCompressed: Bool
    ) throws(ProtocolViolation) -> FrameHeader? {
        if keptCount == 0,
            let (header, size) = try FrameHeader.read(
                UnsafeRawBufferPointer(input),
                mustBeMasked: mustBeMasked,
                mayBeCompressed: mayBeCompressed
            )
        {
            _ = input.removePrefix(size)
            return header
        }
        return try nextByBytes(from: &input, mustBeMasked: mustBeMasked, mayBeCompressed: mayBeCompressed)
    }

    @inline(never)
    private mutating func nextByBytes(
        from input: inout UnsafeMutableRawBufferPointer,
        mustBeMasked: Bool,
        mayBeCompressed: Bool
    ) throws(ProtocolViolation) -> FrameHeader? {
        while let byte = input.first, keptCount < FrameHeader.maximumSize {
            _ = input.removePrefix(1)
            withUnsafeMutableBytes(of: &kept) { $0[Int(keptCount)] = byte }
            keptCount &+= 1
            let count = Int(keptCount)
            let result = try withUnsafeBytes(of: &kept) { (bytes) throws(ProtocolViolation) in
                try FrameHeader.read(
                    UnsafeRawBufferPointer(rebasing: bytes[..<count]),
                    mustBeMasked: mustBeMasked,
                    mayBeCompressed: mayBeCompressed
                )
            }
            if let (header, _) = result {
                keptCount = 0
                return header
            }
        }
        return nil
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Takes the first `count` bytes, which must be there, off the front.
    @inline(__always)
    mutating func removePrefix(_ count: Int) -> UnsafeMutableRawBufferPointer {
        let prefix = UnsafeMutableRawBufferPointer(start: baseAddress, count: count)
        self = UnsafeMutableRawBufferPointer(start: baseAddress.map { $0 + count }, count: self.count - count)
        return prefix
    }
}
