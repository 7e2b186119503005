//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct FrameHeaderTests {
    /// The sections of RFC 6455 in words, for a frame with an empty payload that comes first or inside a message.
    private static func expected(
        opcode: UInt8,
        reserved: UInt8,
        isFinal: Bool,
        isMasked: Bool,
        isServer: Bool,
        inMessage: Bool
    ) -> [Observed] {
        let known: Set<UInt8> = [0, 1, 2, 8, 9, 10]
        if reserved != 0 { return [.violation(.reservedBits)] }
        if !known.contains(opcode) { return [.violation(.reservedOpcode(opcode))] }
        if isServer && !isMasked { return [.violation(.unmaskedFrame)] }
        if !isServer && isMasked { return [.violation(.maskedFrame)] }
        if opcode >= 8 && !isFinal { return [.violation(.controlFrameFragmented)] }
        switch opcode {
        case 0 where !inMessage: return [.violation(.continuationUnexpected)]
        case 0: return isFinal ? [.text("begun")] : []
        case 1 where inMessage, 2 where inMessage: return [.violation(.continuationExpected)]
        case 1: return isFinal ? [.text("")] : []
        case 2: return isFinal ? [.message(.binary, [])] : []
        case 8: return [.close(nil, "")]
        case 9: return [.ping]
        default: return [.pong]
        }
    }

    /// 16 opcodes x 8 RSV x FIN x MASK, for both roles, outside and inside a message, whole and byte by byte.
    @Test(arguments: [true, false], [true, false])
    func judgesEveryFirstBytes(isServer: Bool, inMessage: Bool) {
        for opcode in UInt8(0)..<16 {
            for reserved in UInt8(0)..<8 {
                for (isFinal, isMasked) in [(true, true), (true, false), (false, true), (false, false)] {
                    if inMessage && (opcode == 1 || opcode == 2) && reserved == 0 && isMasked == isServer { continue }
                    let key = isMasked ? RawFrame.key : nil
                    let frame = RawFrame(opcode: opcode, isFinal: isFinal, reserved: reserved, key: key)
                    var bytes = frame.bytes
                    if inMessage {
                        let first = RawFrame.text("begun", isFinal: false)
                        bytes = (isServer ? first : first.unmasked).bytes + bytes
                    }
                    let expected = Self.expected(
                        opcode: opcode,
                        reserved: reserved,
                        isFinal: isFinal,
                        isMasked: isMasked,
                        isServer: isServer,
                        inMessage: inMessage
                    )
                    let role: WebSocketConnection.Role = isServer ? .server : .client(seed: 1)
                    #expect(Endpoint(role).receive(bytes) == expected, "\(frame)")
                    #expect(Endpoint(role).receive(bytes, splitAt: Array(1..<bytes.count)) == expected, "\(frame)")
                }
            }
        }
    }

    @Test(arguments: [UInt8(1), 2])
    func refusesANewMessageInsideAnother(opcode: UInt8) {
        for isFinal in [true, false] {
            let endpoint = Endpoint()
            let second = RawFrame(opcode: opcode, isFinal: isFinal)
            #expect(endpoint.receive(.text("a", isFinal: false), second) == [.violation(.continuationExpected)])
        }
    }

    static let lengths: [(RawFrame.LengthForm, UInt64, ProtocolViolation?)] = [
        (.bits7, 0, nil), (.bits7, 125, nil),
        (.bits16, 0, .lengthNotMinimal), (.bits16, 1, .lengthNotMinimal), (.bits16, 125, .lengthNotMinimal),
        (.bits16, 126, nil), (.bits16, 127, nil), (.bits16, 65_535, nil),
        (.bits64, 0, .lengthNotMinimal), (.bits64, 125, .lengthNotMinimal), (.bits64, 126, .lengthNotMinimal),
        (.bits64, 65_535, .lengthNotMinimal), (.bits64, 65_536, nil), (.bits64, 100_000, nil),
        (.bits64, 100_001, .messageTooBig(limit: 100_000)), (.bits64, 1 << 31, .messageTooBig(limit: 100_000)),
        (.bits64, 1 << 32 + 1, .messageTooBig(limit: 100_000)),
        (.bits64, 1 << 63 - 1, .messageTooBig(limit: 100_000)),
        (.bits64, 1 << 63, .lengthOutOfRange), (.bits64, .max, .lengthOutOfRange),
    ]

    /// The header alone decides, before a byte of the payload: nothing is allocated for a length that was only declared.
    @Test(arguments: lengths)
    func judgesTheLengthFromTheHeader(form: RawFrame.LengthForm, length: UInt64, violation: ProtocolViolation?) {
        for opcode: UInt8 in [1, 2] {
            let header = RawFrame(opcode: opcode, form: form, declaredLength: length).bytes
            let endpoint = Endpoint(limits: .init(maxMessageSize: 100_000))
            let observed = endpoint.receive(header)
            if length == 0, violation == nil {
                #expect(observed.count == 1)
            } else {
                #expect(observed == (violation.map { [.violation($0)] } ?? []))
            }
            #expect(endpoint.connection.bufferCapacity == 0)
        }
    }

    @Test(arguments: [UInt8(8), 9, 10])
    func refusesLongControlFrames(opcode: UInt8) {
        for length: UInt64 in [126, 127, 65_535, 65_536, 1 << 63] {
            let header = RawFrame(opcode: opcode, declaredLength: length).bytes
            #expect(Endpoint().receive(header) == [.violation(.controlFrameTooLong)])
        }
        let short = RawFrame(opcode: opcode, form: .bits16, declaredLength: 5)
        #expect(Endpoint().receive(short.bytes) == [.violation(.controlFrameTooLong)])
    }

    /// What is wrong with two bytes is told when those two are there.
    @Test func failsBeforeTheHeaderIsWhole() {
        #expect(Endpoint().receive([0x91]) == [])
        #expect(Endpoint().receive([0x91, 0x80]) == [.violation(.reservedBits)])
        #expect(Endpoint().receive([0x82, 0xFE, 0x00, 0x01]) == [.violation(.lengthNotMinimal)])
    }

    @Test(arguments: [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
    func writesTheShortestLength(length: Int) {
        let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        let endpoint = Endpoint()
        #expect(endpoint.send(payload, as: .binary))
        #expect(endpoint.takeOutput() == RawFrame(opcode: 2, payload: payload).unmasked.bytes)
    }
}
