//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import WebSocketCore

/// The rules of the protocol that a peer can break, as the values of a metric's label.
package enum ViolationKind: String, CaseIterable, Sendable {
    case unmaskedFrame = "unmasked_frame"
    case reservedBits = "reserved_bits"
    case reservedOpcode = "reserved_opcode"
    case length
    case controlFrame = "control_frame"
    case continuation
    case textNotUTF8 = "text_not_utf8"
    case closeBody = "close_body"
    case compressedData = "compressed_data"

    /// Nil for a violation that passed a ``Limit``, and is counted there.
    package init?(_ violation: ProtocolViolation) {
        switch violation {
        case .unmaskedFrame, .maskedFrame: self = .unmaskedFrame
        case .reservedBits: self = .reservedBits
        case .reservedOpcode: self = .reservedOpcode
        case .lengthNotMinimal, .lengthOutOfRange: self = .length
        case .controlFrameTooLong, .controlFrameFragmented: self = .controlFrame
        case .continuationUnexpected, .continuationExpected: self = .continuation
        case .textNotUTF8: self = .textNotUTF8
        case .closeBodyTooShort, .closeCodeInvalid, .closeReasonNotUTF8: self = .closeBody
        case .compressedDataCorrupt: self = .compressedData
        case .messageTooBig, .tooManyFragments, .messageTooSlow, .tooManyControlFrames, .tooManyMessages,
            .inflaterUnavailable:
            return nil
        }
    }
}
