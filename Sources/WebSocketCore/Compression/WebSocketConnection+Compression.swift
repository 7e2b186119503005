//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import struct NIOCore.ByteBuffer

/// Sending with permessage-deflate (RFC 7692 section 6.1).
extension WebSocketConnection {
    /// The window's size of compressed frames that this connection can be sent though they were not made for it alone, as a
    /// power of two; nil when it takes its context over, or permessage-deflate was not agreed.
    package var sharedWindowBits: UInt8? {
        guard let outgoing = compression?.outgoing, !outgoing.takesOver else { return nil }
        return outgoing.windowBits
    }

    /// The heap memory of the zlib states that this connection holds: for an unfinished message, and for good when a context
    /// is taken over.
    package var compressionBytes: Int { compression?.byteCount ?? 0 }

    /// Appends a message as one frame, compressed if that was agreed and makes it smaller, without a look at the state: a server
    /// sends its answers to what came before a violation.
    ///
    /// Text must be UTF-8; that is for the caller to know.
    ///
    /// - Parameter level: 1...9, from fast to small.
    package mutating func writeMessage(
        _ payload: UnsafeRawBufferPointer,
        as kind: MessageKind,
        level: Int,
        into output: inout ByteBuffer
    ) {
        let compressed = compression?.compress(payload, level: level)
        output.writeFrame(
            kind.opcode,
            payload: compressed ?? payload,
            maskingKey: nextMaskingKey(),
            isCompressed: compressed != nil
        )
    }

    /// Appends one whole frame without a mask whose payload ``DeflatePool/compress(_:windowBits:level:)`` has made, for a message
    /// that a server sends to many.
    package static func writeCompressedFrame(
        _ opcode: Opcode,
        payload: UnsafeRawBufferPointer,
        into output: inout ByteBuffer
    ) {
        output.writeFrame(opcode, payload: payload, maskingKey: nil, isCompressed: true)
    }
}
