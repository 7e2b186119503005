//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import struct NIOCore.ByteBuffer

/// Puts a message together that did not arrive whole in one read: fragments, and frames cut by the end of the input.
///
/// There is one buffer, which grows with the bytes that came and never by a length that a peer declared; no fragment
/// leaves an object behind.
struct MessageAssembly {
    /// What a buffer may keep from one message to the next, in bytes.
    static let keptCapacity = 64 * 1024
    /// The room that is made for the first bytes of a compressed message; it doubles as it is used.
    private static let leastRoom = 1024

    private var buffer = ByteBuffer()
    /// The frames of the unfinished message so far, empty ones too.
    private(set) var fragments: UInt32 = 0
    /// The kind of the unfinished message, nil between messages.
    private(set) var kind: MessageKind?
    /// Between two texts it is as new: each ended with a whole character.
    private var validator = UTF8Validator()
    /// The length of a control frame's payload that stands behind the message's bytes until it is whole.
    private var controlLength: UInt8 = 0
    /// Whether the buffer goes at the next change: its bytes are of no more use, but may still be lent.
    private(set) var isReleasePending = false
    /// Whether the unfinished message is compressed; what is held of it is inflated.
    private(set) var isCompressed = false

    /// The bytes held for unfinished frames and messages.
    var byteCount: Int { isReleasePending ? Int(controlLength) : buffer.readableBytes }

    /// The heap memory behind them.
    var capacity: Int { buffer.capacity }

    mutating func begin(_ kind: MessageKind) {
        self.kind = kind
        fragments = 1
    }

    /// Begins a compressed message; `spare` is an empty buffer, taken for it if there is none.
    mutating func beginCompressed(_ kind: MessageKind, spare: @autoclosure () -> ByteBuffer) {
        begin(kind)
        isCompressed = true
        if buffer.capacity == 0 { buffer = spare() }
    }

    mutating func addFragment() {
        fragments &+= 1
    }

    /// Appends the next bytes of the message, unmasked.
    mutating func append(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ key: inout MaskingKey
    ) throws(ProtocolViolation) {
        let appended = buffer.writeMasked(bytes, &key)
        guard kind != .text || validator.consume(appended) else { throw .textNotUTF8 }
    }

    /// Appends what the next bytes of a compressed message inflate to, and stops at the first byte that is too much or cannot
    /// be UTF-8, or behind the step in which the pool's turn is used up.
    ///
    /// - Returns: How many of the bytes are done with.
    mutating func append(
        _ bytes: UnsafeRawBufferPointer,
        with inflater: Inflater,
        of pool: DeflatePool,
        limit: Int
    ) throws(ProtocolViolation) -> Int {
        inflater.feed(bytes)
        while true {
            let free = limit &- buffer.readableBytes
            var step = Inflater.Step.done
            var count = 0
            if free > 0 {
                let room = min(max(buffer.writableBytes, Self.leastRoom), Inflater.stepLimit, free)
                buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
                    (count, step) = inflater.step(into: UnsafeMutableRawBufferPointer(rebasing: target[..<room]))
                    return count
                }
            } else {
                // One byte more tells a message that is too big from one that is not. The buffer, which doubles, need not grow
                // for it.
                var excess: UInt8 = 0
                (count, step) = withUnsafeMutableBytes(of: &excess) { inflater.step(into: $0) }
                guard count == 0 else { throw .messageTooBig(limit: limit) }
            }
            pool.inflatedBytes &+= count
            if kind == .text {
                let isGood = buffer.withUnsafeReadableBytes {
                    validator.consume(UnsafeRawBufferPointer(rebasing: $0.suffix(count)))
                }
                guard isGood else { throw .textNotUTF8 }
            }
            switch step {
            case .more:
                // What it holds without input is little, and no later input need come to have it put out.
                guard pool.mayInflate || !pool.pausesWithinMessages || inflater.unread == 0 else {
                    return bytes.count &- inflater.unread
                }
            case .done: return bytes.count
            case .corrupt: throw .compressedDataCorrupt
            case .outOfMemory: throw .inflaterUnavailable
            }
        }
    }

    /// Ends the message and lends its bytes until the next change of this value.
    mutating func finish() throws(ProtocolViolation) -> UnsafeRawBufferPointer {
        guard kind != .text || validator.isComplete else { throw .textNotUTF8 }
        kind = nil
        // The buffer of a compressed message is the pool's.
        isReleasePending = buffer.capacity > Self.keptCapacity || isCompressed
        isCompressed = false
        return buffer.takeLast(buffer.readableBytes)
    }

    /// Appends the next bytes of a control frame's payload, at most 125 in all, which may come between two fragments.
    mutating func appendControl(_ bytes: UnsafeMutableRawBufferPointer, _ key: inout MaskingKey) {
        _ = buffer.writeMasked(bytes, &key)
        controlLength &+= UInt8(truncatingIfNeeded: bytes.count)
    }

    /// Ends the control frame and lends its payload until the next change of this value.
    mutating func finishControl() -> UnsafeRawBufferPointer {
        defer { controlLength = 0 }
        return buffer.takeLast(Int(controlLength))
    }

    /// Forgets the bytes of an unfinished message, but not that there is one, nor the bytes of a control frame.
    ///
    /// What is lent stays valid: the memory goes with `release`.
    mutating func discardMessage() {
        validator = UTF8Validator()
        isReleasePending = true
    }

    /// Whether the buffer's memory is of no use now, as no message is unfinished.
    var isIdle: Bool { isReleasePending || kind == nil }

    /// Gives the buffer back, and moves the bytes of a cut control frame to a new one.
    mutating func release() -> ByteBuffer {
        var kept = ByteBuffer()
        if controlLength > 0 { kept.writeBytes(buffer.takeLast(Int(controlLength))) }
        swap(&kept, &buffer)
        isReleasePending = false
        return kept
    }
}

extension ByteBuffer {
    /// Appends `bytes` masked with `key`, and lends what was appended until the next change of this buffer.
    fileprivate mutating func writeMasked(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ key: inout MaskingKey
    ) -> UnsafeRawBufferPointer {
        writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count) { free in
            if let base = free.baseAddress { key.apply(to: UnsafeRawBufferPointer(bytes), into: base) }
            return bytes.count
        }
        return withUnsafeReadableBytes { UnsafeRawBufferPointer(rebasing: $0.suffix(bytes.count)) }
    }

    /// Takes the last `count` bytes off, and lends them until the next change of this buffer: it alone holds its
    /// storage, and moving an index neither frees nor moves that.
    fileprivate mutating func takeLast(_ count: Int) -> UnsafeRawBufferPointer {
        let bytes = withUnsafeReadableBytes { UnsafeRawBufferPointer(rebasing: $0.suffix(count)) }
        moveWriterIndex(to: writerIndex - count)
        return bytes
    }
}
