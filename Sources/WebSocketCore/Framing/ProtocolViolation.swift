//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What a peer did against RFC 6455, RFC 7692 or beyond our limits; each ends the connection.
///
/// The set is closed, so that a metric may be labelled with it, and no case holds anything of a payload.
package enum ProtocolViolation: Error, Hashable, Sendable {
    /// A client's frame without a mask (section 5.1).
    case unmaskedFrame
    /// A server's frame with a mask (section 5.1).
    case maskedFrame
    /// RSV1, RSV2 or RSV3 without an extension that defines them (section 5.2). Where permessage-deflate was agreed, RSV1 may
    /// stand on the first frame of a message (RFC 7692 section 6.1).
    case reservedBits
    /// An opcode that means nothing yet (section 5.2).
    case reservedOpcode(UInt8)
    /// A length that fits a shorter form (section 5.2).
    case lengthNotMinimal
    /// A 64-bit length with its top bit set (section 5.2).
    case lengthOutOfRange
    /// A control frame with more than 125 bytes (section 5.5).
    case controlFrameTooLong
    /// A control frame without FIN (section 5.5).
    case controlFrameFragmented
    /// A continuation frame outside a message (section 5.4).
    case continuationUnexpected
    /// A new message inside another (section 5.4).
    case continuationExpected
    /// A message, or the frames of it so far and the next one's declared length, beyond `limit` bytes (section 10.4); of a
    /// compressed message the inflated bytes count.
    case messageTooBig(limit: Int)
    /// A message of more than `limit` frames, empty ones too.
    case tooManyFragments(limit: Int)
    /// A message that was not finished `limit` after its first frame began.
    case messageTooSlow(limit: Duration)
    /// More than `limit` control frames within `WebSocketConnection.Limits.controlFrameWindow`.
    case tooManyControlFrames(limit: Int)
    /// More messages than `limit` a second and the burst that is allowed with it.
    case tooManyMessages(limit: Int)
    /// A text message that is not UTF-8 (section 8.1).
    case textNotUTF8
    /// A compressed message that is no whole DEFLATE stream (RFC 7692 section 7.2.2).
    case compressedDataCorrupt
    /// No memory to inflate a message.
    case inflaterUnavailable
    /// A Close frame with half a code (section 5.5.1).
    case closeBodyTooShort
    /// A Close frame with a code that may not be on the wire (section 7.4).
    case closeCodeInvalid(UInt16)
    /// A Close frame whose reason is not UTF-8 (section 5.5.1).
    case closeReasonNotUTF8

    /// The code of the Close frame that answers the violation.
    package var closeCode: CloseCode {
        switch self {
        case .unmaskedFrame, .maskedFrame, .reservedBits, .reservedOpcode, .lengthNotMinimal, .lengthOutOfRange,
            .controlFrameTooLong, .controlFrameFragmented, .continuationUnexpected, .continuationExpected,
            .closeBodyTooShort, .closeCodeInvalid:
            .protocolError
        case .textNotUTF8, .closeReasonNotUTF8, .compressedDataCorrupt:
            .invalidPayload
        case .inflaterUnavailable:
            .tryAgainLater
        case .tooManyFragments, .messageTooSlow, .tooManyControlFrames, .tooManyMessages:
            .policyViolation
        case .messageTooBig:
            .messageTooBig
        }
    }

    /// The reason of the Close frame and of the log line: a sentence of at most 123 bytes.
    package var sentence: String {
        switch self {
        case .unmaskedFrame: "a client's frames must be masked"
        case .maskedFrame: "a server's frames must not be masked"
        case .reservedBits: "reserved bits are set where no extension was agreed that uses them"
        case .reservedOpcode(let opcode): "opcode \(opcode) is reserved"
        case .lengthNotMinimal: "the payload length is not in its shortest form"
        case .lengthOutOfRange: "the top bit of a 64-bit payload length must be 0"
        case .controlFrameTooLong: "a control frame holds at most 125 bytes"
        case .controlFrameFragmented: "a control frame must not be fragmented"
        case .continuationUnexpected: "a continuation frame without a message to continue"
        case .continuationExpected: "a new message began inside an unfinished one"
        case .messageTooBig(let limit): "message too big: the limit is \(limit) bytes"
        case .tooManyFragments(let limit): "too many fragments: the limit is \(limit) for one message"
        case .messageTooSlow(let limit): "message not finished in time: the limit is \(limit)"
        case .tooManyControlFrames(let limit):
            "too many control frames: the limit is \(limit) in \(WebSocketConnection.Limits.controlFrameWindow)"
        case .tooManyMessages(let limit): "rate limit: \(limit) messages/s"
        case .textNotUTF8: "a text message must be UTF-8"
        case .compressedDataCorrupt: "a compressed message is not a whole DEFLATE stream"
        case .inflaterUnavailable: "no memory to inflate a message"
        case .closeBodyTooShort: "a Close frame's body is empty or at least 2 bytes"
        case .closeCodeInvalid(let code): "close code \(code) must not be sent"
        case .closeReasonNotUTF8: "a close reason must be UTF-8"
        }
    }
}
