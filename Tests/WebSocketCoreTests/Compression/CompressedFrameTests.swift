//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

/// RSV1 and the order of frames where permessage-deflate was agreed (RFC 7692 section 6).
struct CompressedFrameTests {
    /// RFC 6455 section 5.2 and RFC 7692 section 6.1 in words, for an empty payload outside of a message.
    private static func expected(opcode: UInt8, reserved: UInt8, isFinal: Bool, deflate: Bool) -> [Observed] {
        let isCompressed = reserved == 4
        if isCompressed {
            guard deflate, opcode == 1 || opcode == 2 else { return [.violation(.reservedBits)] }
        } else if reserved != 0 {
            return [.violation(.reservedBits)]
        }
        switch opcode {
        case 0: return [.violation(.continuationUnexpected)]
        case 1: return isFinal ? [.text("")] : []
        case 2: return isFinal ? [.message(.binary, [])] : []
        case 8, 9, 10:
            guard isFinal else { return [.violation(.controlFrameFragmented)] }
            return opcode == 8 ? [.close(nil, "")] : opcode == 9 ? [.ping] : [.pong]
        default: return [.violation(.reservedOpcode(opcode))]
        }
    }

    /// 16 opcodes x 8 RSV x FIN x deflate: 512 rows, whole and byte by byte.
    @Test func judgesEveryFirstByte() {
        var rows = 0
        for opcode in UInt8(0)..<16 {
            for reserved in UInt8(0)..<8 {
                for (isFinal, deflate) in [(true, true), (true, false), (false, true), (false, false)] {
                    rows += 1
                    let bytes = RawFrame(opcode: opcode, isFinal: isFinal, reserved: reserved).bytes
                    let expected = Self.expected(
                        opcode: opcode,
                        reserved: reserved,
                        isFinal: isFinal,
                        deflate: deflate
                    )
                    for splits in [[], Array(1..<bytes.count)] {
                        let endpoint = Endpoint(deflate: deflate ? DeflateParameters() : nil, pool: DeflatePool())
                        let observed = endpoint.receive(bytes, splitAt: splits)
                        #expect(observed == expected, "opcode \(opcode), RSV \(reserved), FIN \(isFinal), \(deflate)")
                    }
                }
            }
        }
        #expect(rows == 512)
    }

    /// RSV1 is for the first frame of a message (RFC 7692 section 6.1).
    @Test func refusesRSV1OnContinuationAndControlFrames() {
        for first: UInt8 in [0, 4] {
            for opcode: UInt8 in [0, 8, 9, 10] {
                let endpoint = Endpoint(deflate: DeflateParameters(), pool: DeflatePool())
                let begin = RawFrame(opcode: 2, isFinal: false, reserved: first)
                let bad = RawFrame(opcode: opcode, reserved: 4)
                #expect(endpoint.receive(begin, bad) == [.violation(.reservedBits)])
            }
        }
    }

    @Test func refusesACompressedMessageInsideAnother() {
        let endpoint = Endpoint(deflate: DeflateParameters(), pool: DeflatePool())
        let frames = [RawFrame.text("a", isFinal: false), RawFrame(opcode: 1, payload: [0], reserved: 4)]
        #expect(endpoint.receive(frames.bytes) == [.violation(.continuationExpected)])
    }

    @Test func mixesCompressedAndPlainMessages() {
        let pool = DeflatePool()
        let endpoint = Endpoint(deflate: DeflateParameters(), pool: pool)
        let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        let frames = [
            RawFrame.text("plain"), RawFrame(opcode: 1, payload: hello, reserved: 4), .text("again", isFinal: false),
            RawFrame(opcode: 9, payload: [1]), RawFrame(opcode: 0, payload: Array("!".utf8)),
            RawFrame(opcode: 1, payload: Array(hello[..<3]), isFinal: false, reserved: 4), RawFrame(opcode: 10),
            RawFrame(opcode: 0, payload: Array(hello[3...])), .text("end"),
        ]
        let expected: [Observed] = [
            .text("plain"), .text("Hello"), .ping, .text("again!"), .pong, .text("Hello"), .text("end"),
        ]
        #expect(endpoint.receive(frames.bytes) == expected)
        #expect(pool.lentInflaters == 0)
    }

    @Test func dropsCompressedMessagesBehindOurClose() {
        let pool = DeflatePool()
        let endpoint = Endpoint(deflate: DeflateParameters(), pool: pool)
        let begin = RawFrame(opcode: 1, payload: [0xF2, 0x48], isFinal: false, reserved: 4)
        #expect(endpoint.receive(begin).isEmpty)
        #expect(pool.lentInflaters == 1)
        endpoint.close(.normal)
        #expect(pool.lentInflaters == 0)
        let rest = RawFrame(opcode: 0, payload: [0xFF, 0xFF, 0xFF])
        #expect(
            endpoint.receive(rest, RawFrame(opcode: 2, payload: [0xFF], reserved: 4), .close(1000)) == [
                .close(1000, "")
            ]
        )
    }
}
