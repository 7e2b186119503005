//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CZlib

/// Inflates the payloads of compressed messages, in any pieces (RFC 7692 section 7.2.2).
///
/// A message ends with `finishMessage()`. Whether its stream goes on with the next one (context takeover) is for the
/// owner to say, who calls `reset()` if not.
final class Inflater {
    /// The most that one step puts out.
    static let stepLimit = 16 * 1024

    enum Step {
        /// There may be more to put out.
        case more
        /// The input is used up, and all that it says was put out.
        case done
        case corrupt
        case outOfMemory
    }

    // Its address is written down in zlib's state.
    private let stream: UnsafeMutablePointer<z_stream>
    /// Whether all so far is made of whole blocks, the last of them up to a whole byte.
    private var isAtBoundary = true
    private var isFresh = true

    /// The power of two of the window, 9...15.
    let windowBits: UInt8

    /// The heap memory that one holds: zlib's state, and its window once it was used.
    var byteCount: Int { (1 << Int(windowBits)) + 8 * 1024 }

    /// - Returns: Nil when there is no memory.
    init?(windowBits: UInt8) {
        self.windowBits = windowBits
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let size = CInt(MemoryLayout<z_stream>.size)
        guard inflateInit2_(stream, -CInt(windowBits), ZLIB_VERSION, size) == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Forgets everything: the next message starts a new stream.
    func reset() {
        guard !isFresh else { return }
        inflateReset(stream)
        isAtBoundary = true
        isFresh = true
    }

    /// The bytes of the piece that no step has taken.
    var unread: Int { Int(stream.pointee.avail_in) }

    /// Lends the next piece of the payload, which has to stay until a step says that it is done with it, or another is lent.
    func feed(_ bytes: UnsafeRawBufferPointer) {
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        )
        stream.pointee.avail_in = uInt(bytes.count)
        isFresh = isFresh && bytes.isEmpty
    }

    /// Writes the next bytes of the message to `target`, which has room for at least one.
    func step(into target: UnsafeMutableRawBufferPointer) -> (count: Int, Step) {
        stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = uInt(target.count)
        let result = inflate(stream, Z_SYNC_FLUSH)
        let count = target.count - Int(stream.pointee.avail_out)
        switch result {
        case Z_OK:
            // Of `data_type` bit 7 says that a block has just ended, and bits 0 to 5 how many bits of the last byte are left.
            isAtBoundary = stream.pointee.data_type & 0xBF == 0x80
            return (count, stream.pointee.avail_out == 0 || stream.pointee.avail_in > 0 ? .more : .done)
        case Z_STREAM_END:
            // A block with BFINAL ends the stream, and what follows begins another (section 7.2.3.4).
            inflateReset(stream)
            isAtBoundary = true
            return (count, stream.pointee.avail_in > 0 ? .more : .done)
        case Z_BUF_ERROR:
            // Neither input nor anything put out: the step before had just filled its target.
            return (count, .done)
        case Z_MEM_ERROR:
            return (count, .outOfMemory)
        default:
            return (count, .corrupt)
        }
    }

    /// Ends the message with the 4 octets that its sender took off (section 7.2.2).
    ///
    /// Where blocks and stream are whole without them they are not missed: behind a block with BFINAL, and for a message of no
    /// bytes at all.
    ///
    /// - Returns: False when the message was not whole, or these octets were taken for content.
    func finishMessage() -> Bool {
        guard !isAtBoundary else { return true }
        var tail: (UInt8, UInt8, UInt8, UInt8) = (0, 0, 0xFF, 0xFF)
        var excess: UInt8 = 0
        return withUnsafeBytes(of: &tail) { tail in
            withUnsafeMutableBytes(of: &excess) { excess in
                feed(tail)
                let (count, step) = step(into: excess)
                guard case .done = step else { return false }
                return count == 0 && isAtBoundary
            }
        }
    }
}
