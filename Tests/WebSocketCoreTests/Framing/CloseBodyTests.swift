//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct CloseBodyTests {
    private func observed(_ body: [UInt8]) -> [Observed] {
        Endpoint().receive(RawFrame(opcode: 8, payload: body))
    }

    @Test func judgesEveryCode() {
        var wrong: [UInt16] = []
        for code in Array(0...5100) + [UInt16.max - 1, .max] {
            let isGood = [1000...1003, 1007...1014, 3000...4999].contains { $0.contains(code) }
            let expected: Observed = isGood ? .close(code, "") : .violation(.closeCodeInvalid(code))
            if observed([UInt8(code >> 8), UInt8(code & 0xFF)]) != [expected] { wrong.append(code) }
        }
        #expect(wrong.isEmpty)
    }

    @Test func judgesBodies() {
        let long = [UInt8](repeating: 0x78, count: 123)
        #expect(observed([]) == [.close(nil, "")])
        #expect(observed([0x03]) == [.violation(.closeBodyTooShort)])
        #expect(observed([0x03, 0xE8] + long) == [.close(1000, String(repeating: "x", count: 123))])
        #expect(observed([0x03, 0xE8] + "é€😀".utf8) == [.close(1000, "é€😀")])
        #expect(observed([0x03, 0xE8, 0xFF]) == [.violation(.closeReasonNotUTF8)])
        #expect(observed([0x03, 0xE8, 0xE2, 0x82]) == [.violation(.closeReasonNotUTF8)])
        // The code is judged before the reason.
        #expect(observed([0x03, 0xEC, 0xFF]) == [.violation(.closeCodeInvalid(1004))])
    }

    /// The reason is cut at 123 bytes, at a whole character.
    @Test(arguments: [
        (String(repeating: "x", count: 123), 123), (String(repeating: "x", count: 124), 123),
        (String(repeating: "x", count: 122) + "é", 122), (String(repeating: "x", count: 121) + "é", 123),
        (String(repeating: "€", count: 50), 123), (String(repeating: "😀", count: 40), 120), ("", 0),
    ])
    func cutsTheReason(reason: String, length: Int) {
        let endpoint = Endpoint()
        #expect(endpoint.close(.normal, reason))
        let body = [0x03, 0xE8] + Array(reason.utf8.prefix(length))
        #expect(endpoint.takeOutput() == RawFrame(opcode: 8, payload: body).unmasked.bytes)
    }

    @Test(arguments: [nil, .noStatus, .abnormal, CloseCode(rawValue: 1015), CloseCode(rawValue: 0)] as [CloseCode?])
    func sendsNoBodyWithoutAGoodCode(code: CloseCode?) {
        let endpoint = Endpoint()
        #expect(endpoint.close(code, "ignored"))
        #expect(endpoint.takeOutput() == [0x88, 0])
    }
}
