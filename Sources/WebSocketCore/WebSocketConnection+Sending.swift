//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import struct NIOCore.ByteBuffer

extension WebSocketConnection {
    /// Appends one whole frame without a mask, for a message that a server encodes once and sends to many.
    package static func writeFrame(
        _ opcode: Opcode,
        payload: UnsafeRawBufferPointer,
        into output: inout ByteBuffer
    ) {
        output.writeFrame(opcode, payload: payload, maskingKey: nil)
    }

    /// Appends the header of such a frame, for a payload of `length` bytes that is sent from where it lies.
    package static func writeFrameHeader(_ opcode: Opcode, length: Int, into output: inout ByteBuffer) {
        let header = FrameHeader(length: length, maskingKey: MaskingKey(word: 0), opcode: opcode, isFinal: true)
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: FrameHeader.maximumSize) { free in
            free.baseAddress.map { header.write(to: $0, isMasked: false) } ?? 0
        }
    }

    /// Whether messages may still be sent: until our Close is out, or the connection failed (RFC 6455 section 5.5.1).
    package var canSend: Bool { state == .open || state == .closeReceived }

    /// Whether a ping waits for its answer; nothing is pending any more once our Close is out.
    ///
    /// It changes nothing: `mutating` keeps another module from copying this value to look at it.
    package var hasPendingPong: Bool {
        mutating get { pendingPong != nil && canSend }
    }

    /// Appends a message as one frame.
    ///
    /// Text must be UTF-8; that is for the caller to know.
    ///
    /// - Returns: False, and nothing is written, when messages may no longer be sent.
    package mutating func send(
        _ payload: UnsafeRawBufferPointer,
        as kind: MessageKind,
        into output: inout ByteBuffer
    ) -> Bool {
        guard canSend else { return false }
        output.writeFrame(kind.opcode, payload: payload, maskingKey: nextMaskingKey())
        return true
    }

    /// Appends a ping with the first 125 bytes of `payload`.
    ///
    /// - Returns: False, and nothing is written, when our Close is out or the connection failed.
    package mutating func ping(_ payload: UnsafeRawBufferPointer, into output: inout ByteBuffer) -> Bool {
        guard canSend else { return false }
        let fitting = UnsafeRawBufferPointer(rebasing: payload.prefix(FrameHeader.maximumControlLength))
        output.writeFrame(.ping, payload: fitting, maskingKey: nextMaskingKey())
        return true
    }

    /// Appends the pong that answers the latest ping, if one is pending (section 5.5.3).
    package mutating func writePendingPong(into output: inout ByteBuffer) {
        guard let payload = pendingPong else { return }
        pendingPong = nil
        guard canSend else { return }
        let key = nextMaskingKey()
        payload.withUnsafeBytes { output.writeFrame(.pong, payload: $0, maskingKey: key) }
    }

    /// Appends our Close and starts the close deadline; an unfinished message is dropped.
    ///
    /// The reason is cut at a character to the 123 bytes that fit. Without a code, or with one that may not be on the
    /// wire, the Close has no body.
    ///
    /// - Returns: False, and nothing is written, when our Close is out already or the connection failed.
    package mutating func close(
        code: CloseCode?,
        reason: UnsafeRawBufferPointer,
        into output: inout ByteBuffer,
        now: MonotonicTime
    ) -> Bool {
        guard canSend else { return false }
        writeClose(CloseBody(sending: code, reason: reason), into: &output, now: now)
        state = state == .open ? .closing : .closed
        discardMessage()
        return true
    }

    /// Appends our Close with a reason that is text.
    package mutating func close(
        code: CloseCode?,
        reason: String = "",
        into output: inout ByteBuffer,
        now: MonotonicTime
    ) -> Bool {
        var reason = reason
        return reason.withUTF8 { close(code: code, reason: UnsafeRawBufferPointer($0), into: &output, now: now) }
    }

    /// Answers the peer's Close with its own code, unless our Close is out already (section 5.5.1).
    package mutating func acknowledgeClose(into output: inout ByteBuffer, now: MonotonicTime) {
        guard state == .closeReceived else { return }
        _ = close(code: peerCloseCode, into: &output, now: now)
    }

    /// Ends the connection: appends a Close with the violation's code and sentence, unless ours is out already, and
    /// ignores all later input (section 7.1.7).
    package mutating func fail(
        with violation: ProtocolViolation,
        into output: inout ByteBuffer,
        now: MonotonicTime
    ) {
        state = .failed
        discardMessage()
        guard !isCloseSent else { return }
        var sentence = violation.sentence
        sentence.withUTF8 {
            let body = CloseBody(sending: violation.closeCode, reason: UnsafeRawBufferPointer($0))
            writeClose(body, into: &output, now: now)
        }
    }

    private mutating func writeClose(_ body: CloseBody, into output: inout ByteBuffer, now: MonotonicTime) {
        isCloseSent = true
        pendingPong = nil
        deadlines.message = .never
        deadlines.close = now.advanced(byNanoseconds: limits.closeNanoseconds)
        let key = nextMaskingKey()
        body.withBytes { output.writeFrame(.close, payload: $0, maskingKey: key) }
    }

    /// A new key for each frame of a client, none for a server.
    mutating func nextMaskingKey() -> MaskingKey? {
        switch role {
        case .server:
            return nil
        case .client(seed: nil):
            return MaskingKey(word: .random(in: .min ... .max))
        case .client(seed: let seed?):
            // A linear congruential step (Knuth's multiplier); the upper half is the random one.
            let next = seed &* 6_364_136_223_846_793_005 &+ 1
            role = .client(seed: next)
            return MaskingKey(word: UInt32(truncatingIfNeeded: next >> 32))
        }
    }
}
