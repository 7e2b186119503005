//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct ProtocolViolationTests {
    static let table: [(ProtocolViolation, CloseCode, String)] = [
        (.unmaskedFrame, .protocolError, "a client's frames must be masked"),
        (.maskedFrame, .protocolError, "a server's frames must not be masked"),
        (.reservedBits, .protocolError, "reserved bits are set where no extension was agreed that uses them"),
        (.reservedOpcode(11), .protocolError, "opcode 11 is reserved"),
        (.lengthNotMinimal, .protocolError, "the payload length is not in its shortest form"),
        (.lengthOutOfRange, .protocolError, "the top bit of a 64-bit payload length must be 0"),
        (.controlFrameTooLong, .protocolError, "a control frame holds at most 125 bytes"),
        (.controlFrameFragmented, .protocolError, "a control frame must not be fragmented"),
        (.continuationUnexpected, .protocolError, "a continuation frame without a message to continue"),
        (.continuationExpected, .protocolError, "a new message began inside an unfinished one"),
        (.messageTooBig(limit: 1_048_576), .messageTooBig, "message too big: the limit is 1048576 bytes"),
        (.tooManyFragments(limit: 4096), .policyViolation, "too many fragments: the limit is 4096 for one message"),
        (
            .messageTooSlow(limit: .seconds(60)), .policyViolation,
            "message not finished in time: the limit is 60.0 seconds"
        ),
        (
            .tooManyControlFrames(limit: 200), .policyViolation,
            "too many control frames: the limit is 200 in 10.0 seconds"
        ),
        (.tooManyMessages(limit: 20), .policyViolation, "rate limit: 20 messages/s"),
        (.textNotUTF8, .invalidPayload, "a text message must be UTF-8"),
        (.compressedDataCorrupt, .invalidPayload, "a compressed message is not a whole DEFLATE stream"),
        (.inflaterUnavailable, .tryAgainLater, "no memory to inflate a message"),
        (.closeBodyTooShort, .protocolError, "a Close frame's body is empty or at least 2 bytes"),
        (.closeCodeInvalid(1005), .protocolError, "close code 1005 must not be sent"),
        (.closeReasonNotUTF8, .invalidPayload, "a close reason must be UTF-8"),
    ]

    @Test(arguments: table)
    func knowsItsCodeAndSentence(violation: ProtocolViolation, code: CloseCode, sentence: String) {
        #expect(violation.closeCode == code)
        #expect(violation.sentence == sentence)
    }

    /// A Close frame has room for 123 bytes.
    @Test func everySentenceFitsWithTheLargestNumbers() {
        let largest: [ProtocolViolation] = [
            .messageTooBig(limit: .max), .tooManyFragments(limit: .max), .tooManyControlFrames(limit: .max),
            .messageTooSlow(limit: .nanoseconds(Int64.max)), .reservedOpcode(.max), .closeCodeInvalid(.max),
        ]
        for violation in largest + Self.table.map(\.0) {
            #expect(violation.sentence.utf8.count <= 123)
        }
    }
}
