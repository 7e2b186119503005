//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct WebSocketConnectionTests {
    @Test func readsSeveralMessagesOfOneRead() {
        let endpoint = Endpoint()
        let observed = endpoint.receive(.text("a"), RawFrame(opcode: 2, payload: [0, 255]), .text(""), .text("é"))
        #expect(observed == [.text("a"), .message(.binary, [0, 255]), .text(""), .text("é")])
        #expect(endpoint.connection.bufferCapacity == 0, "whole frames are not copied")
        #expect(endpoint.takeOutput() == [])
        #expect(endpoint.connection.state == .open)
    }

    /// A whole frame is lent where it lies in the input.
    @Test func lendsAWholeFrameInPlace() throws {
        var connection = WebSocketConnection(role: .server, limits: .init(), now: MonotonicTime(nanoseconds: 0))
        var bytes = RawFrame.text("hello").bytes
        try bytes.withUnsafeMutableBytes { memory in
            var input = memory
            guard case .message(.text, let payload) = try connection.nextEvent(from: &input) else {
                Issue.record("no message")
                return
            }
            #expect(payload.baseAddress == UnsafeRawPointer(memory.baseAddress.map { $0 + 6 }))
            #expect(input.isEmpty)
        }
    }

    @Test(arguments: [[0, 0, 0, 0], [255, 255, 255, 255], [0x61, 0x61, 0x61, 0x61]] as [[UInt8]])
    func takesAnyMaskingKey(key: [UInt8]) {
        var frame = RawFrame.text("any key will do")
        frame.key = key
        #expect(Endpoint().receive(frame) == [.text("any key will do")])
    }

    @Test func takesNoInput() {
        let endpoint = Endpoint()
        #expect(endpoint.receive([]) == [])
        var input = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        let event = try? endpoint.connection.nextEvent(from: &input)
        #expect(event == nil)
    }

    @Test func answersTheLatestPing() {
        let endpoint = Endpoint()
        #expect(!endpoint.hasPendingPong)
        var bytes = [RawFrame(opcode: 9, payload: [1]), RawFrame(opcode: 9, payload: [2, 3])].bytes
        bytes.withUnsafeMutableBytes {
            var input = $0
            while (try? endpoint.connection.nextEvent(from: &input)) != nil {}
        }
        #expect(endpoint.hasPendingPong)
        endpoint.writePendingPong()
        #expect(!endpoint.hasPendingPong)
        endpoint.writePendingPong()
        #expect(endpoint.takeOutput() == RawFrame(opcode: 10, payload: [2, 3]).unmasked.bytes)
    }

    @Test(arguments: [0, 1, 125])
    func answersAPingWithItsPayload(length: Int) {
        let payload = [UInt8](repeating: 0xAB, count: length)
        let endpoint = Endpoint()
        #expect(endpoint.receive(RawFrame(opcode: 9, payload: payload)) == [.ping])
        #expect(endpoint.takeOutput() == RawFrame(opcode: 10, payload: payload).unmasked.bytes)
    }

    @Test(arguments: [RawFrame.close(1000, "bye"), .close(4999), .close(3000, "é"), RawFrame(opcode: 8)])
    func echoesTheClosesCode(frame: RawFrame) {
        let endpoint = Endpoint()
        #expect(endpoint.receive(frame).count == 1)
        #expect(endpoint.takeOutput() == RawFrame(opcode: 8, payload: Array(frame.payload.prefix(2))).unmasked.bytes)
        #expect(endpoint.connection.state == .closed)
    }

    @Test func ignoresInputAfterTheClose() {
        let endpoint = Endpoint()
        let observed = endpoint.receive(.text("a"), .close(1000), .text("b"), RawFrame(opcode: 9), RawFrame(opcode: 3))
        #expect(observed == [.text("a"), .close(1000, "")])
        #expect(endpoint.receive(.text("c"), .close(1001)) == [])
        #expect(endpoint.receive([0xFF]) == [])
        #expect(endpoint.takeOutput() == RawFrame.close(1000).unmasked.bytes)
    }

    @Test func aCloseEndsAnUnfinishedMessage() {
        let endpoint = Endpoint()
        #expect(endpoint.receive(.text("a", isFinal: false), .close(1001)) == [.close(1001, "")])
        #expect(endpoint.connection.bufferCapacity == 0)
    }

    @Test func maySendUntilTheCloseIsAcknowledged() throws {
        let endpoint = Endpoint()
        var bytes = RawFrame.close(1000).bytes
        try bytes.withUnsafeMutableBytes {
            var input = $0
            _ = try endpoint.connection.nextEvent(from: &input)
        }
        #expect(endpoint.connection.state == .closeReceived)
        #expect(endpoint.send([0x61]))
        // A script's own code goes before the echo.
        #expect(endpoint.close(.init(rawValue: 4000), "mine"))
        #expect(endpoint.connection.state == .closed)
        endpoint.acknowledgeClose()
        #expect(!endpoint.close())
        #expect(!endpoint.send([0x62]))
        let expected = [RawFrame.text("a"), .close(4000, "mine")].map(\.unmasked).bytes
        #expect(endpoint.takeOutput() == expected)
    }

    @Test func afterOurCloseDataIsDroppedUntilThePeers() {
        let endpoint = Endpoint()
        #expect(endpoint.close(.goingAway, "restart"))
        #expect(endpoint.connection.state == .closing)
        #expect(endpoint.takeOutput() == RawFrame.close(1001, "restart").unmasked.bytes)
        let dropped = [
            RawFrame.text("whole"), .text("part", isFinal: false), RawFrame(opcode: 9, payload: [1]),
            RawFrame(opcode: 0, payload: [0xFF]), RawFrame(opcode: 10),
        ].bytes
        #expect(endpoint.receive(dropped) == [])
        #expect(endpoint.receive(dropped, splitAt: Array(1..<dropped.count)) == [])
        #expect(endpoint.connection.bufferedBytes == 0)
        #expect(endpoint.receive(.close(1001)) == [.close(1001, "")])
        #expect(endpoint.connection.state == .closed)
        #expect(endpoint.takeOutput() == [])
    }

    /// Our Close may come in the middle of a message, of a frame and of a control frame.
    @Test func ourCloseMayComeAnywhere() {
        let bytes = [
            RawFrame(opcode: 1, payload: [0xE2, 0x82], isFinal: false), RawFrame(opcode: 9, payload: [1, 2, 3, 4]),
            RawFrame(opcode: 0, payload: [0xAC], isFinal: false), RawFrame(opcode: 0, payload: [0x61]),
            .close(1000, "bye"),
        ].bytes
        for split in 0..<bytes.count {
            let endpoint = Endpoint()
            let before = endpoint.receive(Array(bytes[..<split]))
            #expect(endpoint.close(.goingAway))
            #expect(endpoint.receive(Array(bytes[split...])) == [.close(1000, "bye")], "split at \(split)")
            #expect(before.allSatisfy { $0 == .ping || $0 == .text("€a") })
            #expect(endpoint.connection.state == .closed)
        }
    }

    @Test func afterOurCloseViolationsStillCount() {
        let frames: [(RawFrame, ProtocolViolation)] = [
            (.text("a").unmasked, .unmaskedFrame), (RawFrame(opcode: 3), .reservedOpcode(3)),
            (RawFrame(opcode: 1, declaredLength: 1 << 40), .messageTooBig(limit: 1 << 20)),
            (RawFrame(opcode: 0), .continuationUnexpected), (.close(1005), .closeCodeInvalid(1005)),
        ]
        for (frame, violation) in frames {
            let endpoint = Endpoint()
            #expect(endpoint.close(.normal))
            _ = endpoint.takeOutput()
            #expect(endpoint.receive(frame) == [.violation(violation)])
            #expect(endpoint.takeOutput() == [], "a second Close is never sent")
            #expect(endpoint.connection.state == .failed)
        }
    }

    @Test func afterAViolationAllInputIsIgnored() {
        let endpoint = Endpoint()
        let observed = endpoint.receive(.text("a"), RawFrame(opcode: 11), .text("b"), .close(1000))
        #expect(observed == [.text("a"), .violation(.reservedOpcode(11))])
        #expect(endpoint.receive(.close(1000), .text("c")) == [])
        #expect(endpoint.takeOutput() == RawFrame.close(1002, "opcode 11 is reserved").unmasked.bytes)
        #expect(endpoint.connection.state == .failed)
    }

    @Test func inputIsIgnoredEvenBeforeTheFailureIsAnswered() {
        let endpoint = Endpoint()
        var bytes = [RawFrame(opcode: 11), .text("b")].bytes
        bytes.withUnsafeMutableBytes {
            var input = $0
            #expect(throws: ProtocolViolation.reservedOpcode(11)) { try endpoint.connection.nextEvent(from: &input) }
            #expect(input.isEmpty)
        }
        #expect(endpoint.receive(.text("c")) == [])
        #expect(!endpoint.send([1]))
        endpoint.fail(.reservedOpcode(11))
        #expect(endpoint.takeOutput().count > 4)
    }

    /// What is lent outlasts an answer that drops the message's memory.
    @Test func aLentMessageOutlastsOurClose() throws {
        let endpoint = Endpoint()
        let text = String(repeating: "x", count: 100_000)
        let bytes = RawFrame.text(text).bytes
        #expect(endpoint.receive(Array(bytes[..<50_000])) == [])
        var rest = Array(bytes[50_000...])
        try rest.withUnsafeMutableBytes {
            var input = $0
            guard case .message(_, let payload) = try endpoint.connection.nextEvent(from: &input) else {
                Issue.record("no message")
                return
            }
            #expect(endpoint.close(.normal))
            #expect(payload.elementsEqual(text.utf8))
            endpoint.connection.releaseIdleMemory()
            #expect(endpoint.connection.bufferCapacity == 0)
        }
    }

    @Test func ourCloseGivesAnUnfinishedMessagesMemoryBack() {
        let endpoint = Endpoint()
        #expect(endpoint.receive(.text("unfinished", isFinal: false)) == [])
        #expect(endpoint.close(.normal))
        #expect(endpoint.connection.bufferedBytes == 0)
        endpoint.connection.releaseIdleMemory()
        #expect(endpoint.connection.bufferCapacity == 0)
    }
}
