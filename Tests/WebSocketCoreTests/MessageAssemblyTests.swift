//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct MessageAssemblyTests {
    @Test func putsFragmentsTogether() {
        let observed = Endpoint().receive(
            .text("He", isFinal: false),
            RawFrame(opcode: 0, isFinal: false),
            RawFrame(opcode: 0, payload: Array("ll".utf8), isFinal: false),
            RawFrame(opcode: 0, payload: Array("o".utf8)),
            RawFrame(opcode: 2, payload: [1], isFinal: false),
            RawFrame(opcode: 0)
        )
        #expect(observed == [.text("Hello"), .message(.binary, [1])])
    }

    @Test func letsControlFramesBetweenFragments() {
        let bytes = [
            RawFrame.text("a", isFinal: false), RawFrame(opcode: 9, payload: Array("ping".utf8)),
            RawFrame(opcode: 0, payload: [0x62], isFinal: false), RawFrame(opcode: 10, payload: [7]),
            RawFrame(opcode: 0, payload: [0x63]), .close(1000),
        ].bytes
        for splits in [[], Array(1..<bytes.count)] {
            let endpoint = Endpoint()
            #expect(endpoint.receive(bytes, splitAt: splits) == [.ping, .pong, .text("abc"), .close(1000, "")])
            let pong = RawFrame(opcode: 10, payload: Array("ping".utf8)).unmasked
            #expect(endpoint.takeOutput() == [pong, RawFrame.close(1000).unmasked].bytes)
        }
    }

    /// The limit holds for the sum, from the header that would go beyond it, with nothing behind that header.
    @Test func limitsTheSumOfFragments() {
        let limits = WebSocketConnection.Limits(maxMessageSize: 10)
        let first = RawFrame(opcode: 2, payload: [UInt8](repeating: 1, count: 6), isFinal: false)
        let endpoint = Endpoint(limits: limits)
        #expect(endpoint.receive(first) == [])
        #expect(endpoint.receive(RawFrame(opcode: 0, declaredLength: 5)) == [.violation(.messageTooBig(limit: 10))])
        let fitting = Endpoint(limits: limits)
        let last = RawFrame(opcode: 0, payload: [2, 2, 2, 2])
        #expect(fitting.receive(first, last) == [.message(.binary, [1, 1, 1, 1, 1, 1, 2, 2, 2, 2])])
    }

    @Test(arguments: [[], [0x61]] as [[UInt8]])
    func countsEveryFragment(payload: [UInt8]) {
        let limits = WebSocketConnection.Limits(maxFragments: 4)
        let first = RawFrame(opcode: 1, payload: payload, isFinal: false)
        let more = RawFrame(opcode: 0, payload: payload, isFinal: false)
        let last = RawFrame(opcode: 0, payload: payload)
        let whole = Observed.message(.text, payload + payload + payload + payload)
        #expect(Endpoint(limits: limits).receive(first, more, more, last) == [whole])
        let tooMany = Endpoint(limits: limits).receive(first, more, more, more, last)
        #expect(tooMany == [.violation(.tooManyFragments(limit: 4))])
        // The count begins anew with each message.
        let twice = Endpoint(limits: limits).receive(first, more, more, last, first, more, more, last)
        #expect(twice == [whole, whole])
    }

    /// A flood of fragments leaves nothing behind but its bytes (CVE-2026-48779 and its incomplete fix).
    @Test(arguments: [[], [0x61]] as [[UInt8]])
    func boundsAFragmentFlood(payload: [UInt8]) {
        let endpoint = Endpoint()
        var observed = endpoint.receive(RawFrame(opcode: 1, payload: payload, isFinal: false))
        let more = RawFrame(opcode: 0, payload: payload, isFinal: false).bytes
        for _ in 0..<4095 { observed += endpoint.receive(more) }
        #expect(observed.isEmpty)
        #expect(endpoint.connection.bufferedBytes == 4096 * payload.count)
        #expect(endpoint.connection.bufferCapacity <= 8192 * payload.count)
        #expect(endpoint.receive(more) == [.violation(.tooManyFragments(limit: 4096))])
        #expect(endpoint.connection.bufferCapacity == 0)
    }

    /// Memory follows what came, not what was declared, and goes back.
    @Test func growsWithWhatArrives() {
        let endpoint = Endpoint()
        let payload = [UInt8](repeating: 0x61, count: 1 << 20)
        let bytes = RawFrame(opcode: 1, payload: payload).bytes
        _ = endpoint.receive(Array(bytes[..<100]))
        #expect(endpoint.connection.bufferedBytes == 100 - 14)
        #expect(endpoint.connection.bufferCapacity <= 256)
        #expect(endpoint.receive(Array(bytes[100...])) == [.message(.text, payload)])
        #expect(endpoint.connection.bufferedBytes == 0)
        #expect(endpoint.receive(.text("next")) == [.text("next")])
        #expect(endpoint.connection.bufferCapacity == 0, "more than 64 KiB is not kept")
    }

    @Test func keepsASmallBufferUntilItIsIdle() {
        let endpoint = Endpoint()
        let bytes = RawFrame.text("hello").bytes
        _ = endpoint.receive(bytes, splitAt: [8])
        let kept = endpoint.connection.bufferCapacity
        #expect(kept > 0 && kept <= 65_536)
        _ = endpoint.receive(bytes, splitAt: [8])
        #expect(endpoint.connection.bufferCapacity == kept)
        endpoint.connection.releaseIdleMemory()
        #expect(endpoint.connection.bufferCapacity == 0)
    }

    @Test func keepsAnUnfinishedMessageWhenIdle() {
        let endpoint = Endpoint()
        let bytes = [RawFrame.text("hel", isFinal: false), RawFrame(opcode: 0, payload: Array("lo".utf8))].bytes
        #expect(endpoint.receive(Array(bytes[..<16])) == [])
        endpoint.connection.releaseIdleMemory()
        #expect(endpoint.receive(Array(bytes[16...])) == [.text("hello")])
        let ping = RawFrame(opcode: 9, payload: Array("abcdef".utf8)).bytes
        #expect(endpoint.receive(Array(ping[..<9])) == [])
        endpoint.connection.releaseIdleMemory()
        #expect(endpoint.receive(Array(ping[9...])) == [.ping])
        #expect(endpoint.takeOutput() == RawFrame(opcode: 10, payload: Array("abcdef".utf8)).unmasked.bytes)
    }

    @Test func failsAtTheFirstBadByteInsideAFrame() {
        var endpoint = Endpoint()
        let bytes = RawFrame(opcode: 1, payload: [0x61, 0xCE, 0xBA, 0xED, 0xA0, 0x80, 0x61, 0x61]).bytes
        #expect(endpoint.receive(Array(bytes[..<(6 + 4)])) == [])
        #expect(endpoint.receive([bytes[10]]) == [.violation(.textNotUTF8)])
        endpoint = Endpoint()
        let fragment = RawFrame(opcode: 1, payload: [0xF4], isFinal: false)
        #expect(endpoint.receive(fragment) == [])
        #expect(endpoint.receive(RawFrame(opcode: 0, payload: [0x90], isFinal: false)) == [.violation(.textNotUTF8)])
    }

    @Test func failsWhenAMessageEndsInsideACharacter() {
        #expect(Endpoint().receive(RawFrame(opcode: 1, payload: [0x61, 0xE2, 0x82])) == [.violation(.textNotUTF8)])
        // A whole text is checked in pieces of 8 KiB.
        for start in 8188...8192 {
            let payload = [UInt8](repeating: 0x61, count: start) + [0xF0, 0x9F, 0xA6, 0x89, 0x61]
            #expect(Endpoint().receive(RawFrame(opcode: 1, payload: payload)) == [.message(.text, payload)])
            #expect(
                Endpoint().receive(RawFrame(opcode: 1, payload: payload.dropLast(2))) == [.violation(.textNotUTF8)]
            )
        }
        let fragments = [RawFrame(opcode: 1, payload: [0xE2], isFinal: false), RawFrame(opcode: 0, payload: [0x82])]
        #expect(Endpoint().receive(fragments.bytes) == [.violation(.textNotUTF8)])
        #expect(Endpoint().receive(RawFrame(opcode: 2, payload: [0xE2])) == [.message(.binary, [0xE2])])
    }

    /// Each message begins with a fresh validator.
    @Test func joinsCharactersWithinAMessageOnly() {
        let first = RawFrame(opcode: 1, payload: [0xE2], isFinal: false)
        let last = RawFrame(opcode: 0, payload: [0x82, 0xAC])
        #expect(Endpoint().receive(first, last, first, last) == [.text("€"), .text("€")])
    }
}
