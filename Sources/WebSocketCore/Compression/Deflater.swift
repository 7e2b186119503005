//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CZlib

/// Compresses whole messages (RFC 7692 section 7.2.1).
///
/// Whether a message may refer to the ones before it (context takeover) is for the owner to say, who calls `reset()`
/// before each if not.
final class Deflater {
    /// What a flush ends with and a message leaves out.
    static let tailSize = 4

    // Its address is written down in zlib's state.
    private let stream: UnsafeMutablePointer<z_stream>
    private var level: CInt
    private var isFresh = true

    /// The heap memory that one holds, for a window of 2 to the power of `windowBits` (zlib.h, "deflateInit2").
    static func byteCount(windowBits: UInt8) -> Int {
        (1 << (Int(windowBits) + 2)) + (1 << (8 + 9)) + 6 * 1024
    }

    /// - Returns: Nil when there is no memory.
    init?(windowBits: UInt8, level: Int) {
        self.level = CInt(level)
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let size = CInt(MemoryLayout<z_stream>.size)
        let result = deflateInit2_(
            stream,
            self.level,
            Z_DEFLATED,
            -CInt(windowBits),
            8,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            size
        )
        guard result == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Forgets everything: the next message refers to nothing before it.
    func reset() {
        guard !isFresh else { return }
        deflateReset(stream)
        isFresh = true
    }

    /// Writes a message to `target`.
    ///
    /// - Parameter level: 1...9, from fast to small.
    /// - Returns: The size without the tail, or nil when it does not fit with the tail and a byte to spare; the deflater is
    ///   reset then, because the peer will never see what it would refer to.
    func compress(_ payload: UnsafeRawBufferPointer, level: Int, into target: UnsafeMutableRawBufferPointer) -> Int? {
        stream.pointee.next_in = nil
        stream.pointee.avail_in = 0
        stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = uInt(target.count)
        if CInt(level) != self.level, isFresh, deflateParams(stream, CInt(level), Z_DEFAULT_STRATEGY) == Z_OK {
            self.level = CInt(level)
        }
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: payload.baseAddress?.assumingMemoryBound(to: UInt8.self)
        )
        stream.pointee.avail_in = uInt(payload.count)
        isFresh = false
        let result = deflate(stream, Z_SYNC_FLUSH)
        let free = Int(stream.pointee.avail_out)
        guard result == Z_OK, stream.pointee.avail_in == 0, free > 0 else {
            reset()
            return nil
        }
        return target.count - free - Self.tailSize
    }
}
