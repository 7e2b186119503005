//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import struct NIOCore.ByteBuffer

extension ByteBuffer {
    /// Appends one whole frame, masked when there is a key.
    @inline(__always)
    mutating func writeFrame(
        _ opcode: Opcode,
        payload: UnsafeRawBufferPointer,
        maskingKey: MaskingKey?,
        isCompressed: Bool = false
    ) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: FrameHeader.maximumSize + payload.count) { free in
            guard let base = free.baseAddress else { return 0 }
            var key = maskingKey ?? MaskingKey(word: 0)
            let header = FrameHeader(
                length: payload.count,
                maskingKey: key,
                opcode: opcode,
                isFinal: true,
                isCompressed: isCompressed
            )
            let size = header.write(to: base, isMasked: maskingKey != nil)
            if maskingKey != nil {
                key.apply(to: payload, into: base + size)
            } else if let source = payload.baseAddress {
                (base + size).copyMemory(from: source, byteCount: payload.count)
            }
            return size + payload.count
        }
    }
}
