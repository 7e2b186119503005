//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// One side of a WebSocket connection after the handshake (RFC 6455), without I/O and without a clock.
///
/// Whoever drives it gives it what came from the peer (`received(at:)` once a read, then `nextEvent(from:)` until nil),
/// writes out what it appends to the output buffers, and calls `handleDeadline(now:into:)` at `nextDeadline`. A violation
/// that is thrown is answered with `fail(with:into:now:)`, and a `close` event with `acknowledgeClose(into:now:)`.
package struct WebSocketConnection: ~Copyable {
    /// Which side this is. Clients mask what they send, servers do not (section 5.1).
    package enum Role: Sendable {
        case server
        /// With a seed the masking keys are a fixed sequence, for tests and load tools. Without one each comes from the
        /// system's generator, as section 5.3 asks.
        case client(seed: UInt64?)
    }

    /// How far the connection is.
    package enum State: Hashable, Sendable {
        /// Messages go both ways.
        case open
        /// Our Close is out and the peer's has not come; what else comes is checked and dropped.
        case closing
        /// The peer's Close came and ours is not out.
        case closeReceived
        /// Both Close frames were seen: the closing handshake is over.
        case closed
        /// The peer broke a rule or is gone: its input is ignored.
        case failed
    }

    /// What came from the peer.
    package enum Event {
        /// A whole message. The bytes are valid until the next call of `nextEvent(from:)` or
        /// `releaseIdleMemory()`, or until the input's memory goes or changes.
        case message(MessageKind, UnsafeRawBufferPointer)
        /// A ping, whose payload now waits in the one pending pong.
        case ping
        case pong
        /// The peer's Close, valid as long as a message's bytes. Nil is a Close without a code.
        case close(CloseCode?, reason: UnsafeRawBufferPointer)
    }

    // Ordered so that alignment leaves few gaps: a server has ten thousands of these.
    let limits: Limits
    /// What the peer's Close said, for the answer.
    var peerCloseCode: CloseCode?
    var isCloseSent = false
    private var controlFrames = ControlFrameWindow()
    /// How far the connection is.
    package internal(set) var state = State.open
    var deadlines: Deadlines
    /// The frame whose payload is coming; its length is what is still to come.
    private var frame = FrameHeader(length: 0, maskingKey: MaskingKey(word: 0), opcode: .continuation, isFinal: true)
    /// Nil unless permessage-deflate was agreed.
    let compression: MessageCompression?
    /// The payload of the latest ping that has no answer yet; later pings replace it (section 5.5.3).
    var pendingPong: [UInt8]?
    var assembly = MessageAssembly()
    private var headers = FrameHeaderReader()
    var role: Role

    /// - Parameters:
    ///   - deflate: What was agreed about permessage-deflate, nil for nothing (RFC 7692).
    ///   - pool: Whose zlib states it borrows; without one nothing is agreed.
    package init(
        role: Role,
        limits: Limits,
        now: MonotonicTime,
        deflate: DeflateParameters? = nil,
        pool: DeflatePool? = nil
    ) {
        self.role = role
        self.limits = limits
        deadlines = Deadlines(now: now)
        if let deflate, let pool {
            let isServer = if case .server = role { true } else { false }
            compression = MessageCompression(deflate, isServer: isServer, pool: pool)
        } else {
            compression = nil
        }
    }

    /// The bytes of unfinished messages and frames that are held here.
    package var bufferedBytes: Int { assembly.byteCount }

    /// The heap memory that holds them, in bytes, kept for the next message too: at most twice what has arrived, or 2 KiB,
    /// or what the pool lent for a compressed message.
    package var bufferCapacity: Int { assembly.capacity }

    /// Notes that bytes came, once a read and before they are parsed.
    package mutating func received(at now: MonotonicTime) {
        deadlines.lastReceived = now
    }

    /// Takes bytes from the front of the input and returns the first event, or nil when all of it is used up.
    ///
    /// Payloads are unmasked where they lie. After a violation, and after the peer's Close, input is dropped unread. When nil
    /// comes and input is left, the pool's turn is used up, and the rest goes on from there in another.
    ///
    /// - Throws: What the peer did wrong; the caller goes on with `fail(with:into:now:)`.
    package mutating func nextEvent(
        from input: inout UnsafeMutableRawBufferPointer
    ) throws(ProtocolViolation) -> Event? {
        if assembly.isReleasePending { releaseBuffer() }
        do {
            return try readEvent(from: &input)
        } catch {
            state = .failed
            discardMessage()
            releaseBuffer()
            input = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            throw error
        }
    }

    /// Ignores all later input, for a violation that the caller has found; it goes on with `fail(with:into:now:)`.
    package mutating func ignoreInput() {
        state = .failed
        assembly.discardMessage()
    }

    /// Gives back memory that is kept for the next message, when no message is unfinished.
    package mutating func releaseIdleMemory() {
        if assembly.isIdle { releaseBuffer() }
    }

    /// Gives back idle memory, and tells the bytes that are held and the next deadline.
    ///
    /// All at once, and mutating: a look at each from another module would copy this value to look at it.
    package mutating func settle() -> (heldBytes: Int, deadline: MonotonicTime?) {
        if assembly.capacity > 0, assembly.byteCount == 0 { releaseIdleMemory() }
        return (bufferedBytes + compressionBytes, nextDeadline)
    }

    /// Forgets the bytes of an unfinished message, but not that there is one; what is lent stays valid.
    mutating func discardMessage() {
        assembly.discardMessage()
        compression?.end(isWhole: false)
    }

    @inline(never)
    private mutating func releaseBuffer() {
        let buffer = assembly.release()
        compression?.pool.giveBack(buffer)
    }

    private var isServer: Bool {
        if case .server = role { true } else { false }
    }

    private mutating func readEvent(
        from input: inout UnsafeMutableRawBufferPointer
    ) throws(ProtocolViolation) -> Event? {
        while state == .open || state == .closing {
            let isNew = frame.length == 0
            if isNew {
                guard
                    let header = try headers.next(
                        from: &input,
                        mustBeMasked: isServer,
                        mayBeCompressed: compression != nil
                    )
                else { return nil }
                try accept(header)
                frame = header
            }
            let chunk = input.removePrefix(min(frame.length, input.count))
            frame.length &-= chunk.count
            let behind = frame.length
            // A frame that lies wholly in the input is read where it is; all others are copied.
            let isWhole = isNew && frame.length == 0
            let event =
                frame.opcode.isControl
                ? try readControl(chunk, isWhole: isWhole)
                : try readData(chunk, isWhole: isWhole)
            if let event { return event }
            if frame.length > behind {
                let untaken = frame.length &- behind
                let start = chunk.baseAddress.map { $0 + (chunk.count &- untaken) }
                input = UnsafeMutableRawBufferPointer(start: start, count: untaken &+ input.count)
            }
            if frame.length > 0 { return nil }
        }
        input = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        return nil
    }

    /// Checks a header against what came before it, and against the limits before any of the payload is read.
    @inline(__always)
    private mutating func accept(_ header: FrameHeader) throws(ProtocolViolation) {
        if header.opcode.isControl {
            return try controlFrames.add(now: deadlines.lastReceived, limit: limits.maxControlFrames)
        }
        if header.opcode == .continuation {
            guard assembly.kind != nil else { throw .continuationUnexpected }
            guard assembly.fragments < limits.maxFragments else {
                throw .tooManyFragments(limit: limits.maxFragments)
            }
            assembly.addFragment()
            if assembly.isCompressed { return try acceptCompressed(header) }
        } else {
            guard assembly.kind == nil else { throw .continuationExpected }
            if header.isCompressed { return try acceptCompressed(header) }
        }
        guard header.length <= limits.maxMessageSize &- assembly.byteCount else {
            throw .messageTooBig(limit: limits.maxMessageSize)
        }
    }

    /// Checks the length of a compressed message's frame; the limit proper is on what it inflates to.
    @inline(never)
    private mutating func acceptCompressed(_ header: FrameHeader) throws(ProtocolViolation) {
        guard let compression, state == .open else { return }
        if header.isCompressed { try compression.begin() }
        try compression.add(header.length, limit: limits.maxMessageSize)
    }

    @inline(__always)
    private mutating func readData(
        _ chunk: UnsafeMutableRawBufferPointer,
        isWhole: Bool
    ) throws(ProtocolViolation) -> Event? {
        if assembly.kind == nil {
            let kind: MessageKind = frame.opcode == .text ? .text : .binary
            if isWhole, frame.isFinal, !frame.isCompressed {
                guard state == .open else { return nil }
                if kind == .text, chunk.count > Self.checkedPiece {
                    guard unmaskLongText(chunk) else { throw .textNotUTF8 }
                } else {
                    frame.maskingKey.apply(to: chunk)
                    if kind == .text {
                        var validator = UTF8Validator()
                        guard validator.consume(UnsafeRawBufferPointer(chunk)), validator.isComplete else {
                            throw .textNotUTF8
                        }
                    }
                }
                return .message(kind, UnsafeRawBufferPointer(chunk))
            }
            if frame.isCompressed, let pool = compression?.pool {
                assembly.beginCompressed(kind, spare: pool.borrowBuffer())
            } else {
                assembly.begin(kind)
            }
            deadlines.message = limits.messageDeadline(from: deadlines.lastReceived)
        }
        return try readPiece(chunk)
    }

    /// Bytes of a whole text that are unmasked and checked in one go.
    private static let checkedPiece = 8 * 1024

    /// Unmasks and checks a text in pieces, so that what is checked lies in the nearest cache.
    @inline(never)
    private mutating func unmaskLongText(_ text: UnsafeMutableRawBufferPointer) -> Bool {
        var validator = UTF8Validator()
        var rest = text
        while rest.count > 0 {
            let piece = rest.removePrefix(min(rest.count, Self.checkedPiece))
            frame.maskingKey.apply(to: piece)
            guard validator.consume(UnsafeRawBufferPointer(piece)) else { return false }
        }
        return validator.isComplete
    }

    @inline(never)
    private mutating func readPiece(_ chunk: UnsafeMutableRawBufferPointer) throws(ProtocolViolation) -> Event? {
        if assembly.isCompressed {
            try readCompressed(chunk)
        } else if state == .open {
            try assembly.append(chunk, &frame.maskingKey)
        }
        guard frame.length == 0, frame.isFinal, let kind = assembly.kind else { return nil }
        deadlines.message = .never
        let payload = try assembly.finish()
        return state == .open ? .message(kind, payload) : nil
    }

    /// Inflates the next piece of a compressed message, and ends its stream with the message. What has to wait for another turn
    /// counts as bytes of the frame that are still to come, and is masked as it was.
    private mutating func readCompressed(_ chunk: UnsafeMutableRawBufferPointer) throws(ProtocolViolation) {
        guard state == .open, let compression, let inflater = compression.inflater else { return }
        var key = frame.maskingKey
        frame.maskingKey.apply(to: chunk)
        let taken = try assembly.append(
            UnsafeRawBufferPointer(chunk),
            with: inflater,
            of: compression.pool,
            limit: limits.maxMessageSize
        )
        if taken < chunk.count {
            key.skip(taken)
            frame.maskingKey = key
            key.apply(to: UnsafeMutableRawBufferPointer(rebasing: chunk[taken...]))
            frame.length &+= chunk.count &- taken
            return
        }
        guard frame.length == 0, frame.isFinal else { return }
        guard inflater.finishMessage() else { throw .compressedDataCorrupt }
        compression.end(isWhole: true)
    }

    @inline(never)
    private mutating func readControl(
        _ chunk: UnsafeMutableRawBufferPointer,
        isWhole: Bool
    ) throws(ProtocolViolation) -> Event? {
        let payload: UnsafeRawBufferPointer
        if isWhole {
            frame.maskingKey.apply(to: chunk)
            payload = UnsafeRawBufferPointer(chunk)
        } else {
            assembly.appendControl(chunk, &frame.maskingKey)
            guard frame.length == 0 else { return nil }
            payload = assembly.finishControl()
        }
        switch frame.opcode {
        case .ping where state == .open:
            pendingPong = Array(payload)
            return .ping
        case .pong where state == .open:
            return .pong
        case .close:
            let body = try CloseBody(payload)
            peerCloseCode = body.code
            discardMessage()
            state = state == .open ? .closeReceived : .closed
            deadlines.close = deadlines.lastReceived.advanced(byNanoseconds: limits.closeNanoseconds)
            return .close(body.code, reason: body.reason)
        default:
            return nil
        }
    }
}
