//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct WebSocketConnectionDeadlinesTests {
    private static let start = MonotonicTime(nanoseconds: 1_000)
    private static let limits = WebSocketConnection.Limits(
        messageTime: .seconds(60),
        keepAliveInterval: .seconds(25),
        keepAliveTimeout: .seconds(20),
        closeTimeout: .seconds(5)
    )

    private let endpoint = Endpoint(limits: limits, now: start)

    private func handleDeadline(at seconds: Double) -> WebSocketConnection.DeadlineAction {
        endpoint.now = Self.start + .seconds(seconds)
        return endpoint.handleDeadline()
    }

    private func receive(_ frames: RawFrame..., at seconds: Double) -> [Observed] {
        endpoint.now = Self.start + .seconds(seconds)
        return endpoint.receive(frames.bytes)
    }

    /// The next deadline in seconds after the start.
    private var next: Double? {
        endpoint.connection.nextDeadline.map { ($0 - Self.start) / .seconds(1) }
    }

    @Test func pingsASilentPeerThenGivesItUp() {
        #expect(next == 25)
        #expect(handleDeadline(at: 24.999) == .none)
        #expect(endpoint.takeOutput() == [])
        #expect(handleDeadline(at: 25) == .sentPing)
        #expect(endpoint.takeOutput() == [0x89, 0])
        #expect(next == 45)
        #expect(handleDeadline(at: 44.999) == .none)
        #expect(handleDeadline(at: 45) == .peerIsGone)
        #expect(endpoint.takeOutput() == [])
        #expect(endpoint.connection.state == .failed)
        #expect(next == nil)
        #expect(handleDeadline(at: 100) == .none)
        #expect(!endpoint.send([1]))
    }

    @Test func anyByteKeepsTheConnectionAlive() {
        #expect(handleDeadline(at: 25) == .sentPing)
        #expect(receive(at: 44) == [])
        #expect(next == 69)
        #expect(handleDeadline(at: 45) == .none)
        #expect(handleDeadline(at: 69) == .sentPing)
        #expect(receive(RawFrame(opcode: 10), at: 70) == [.pong])
        #expect(next == 95)
    }

    /// The wait counts from the ping, however late the timer was.
    @Test func aLateTimerDoesNotShortenTheWait() {
        #expect(handleDeadline(at: 40) == .sentPing)
        #expect(next == 60)
        #expect(handleDeadline(at: 59) == .none)
        #expect(handleDeadline(at: 60) == .peerIsGone)
    }

    @Test func zeroIntervalIsOff() {
        let endpoint = Endpoint(limits: .init(keepAliveInterval: .zero))
        #expect(endpoint.connection.nextDeadline == nil)
        endpoint.now = endpoint.now + .seconds(100_000)
        #expect(endpoint.handleDeadline() == .none)
    }

    @Test func zeroTimeoutPingsForEver() {
        let endpoint = Endpoint(limits: .init(keepAliveInterval: .seconds(10), keepAliveTimeout: .zero))
        for _ in 0..<5 {
            endpoint.now = endpoint.now + .seconds(10)
            #expect(endpoint.connection.nextDeadline == endpoint.now)
            #expect(endpoint.handleDeadline() == .sentPing)
            #expect(endpoint.handleDeadline() == .none)
        }
    }

    @Test func aMessageMustBeFinishedInTime() {
        #expect(receive(.text("a", isFinal: false), at: 10) == [])
        #expect(next == 35)
        for second in stride(from: 20.0, to: 70, by: 10) {
            #expect(receive(RawFrame(opcode: 10), RawFrame(opcode: 0, isFinal: false), at: second) == [.pong])
        }
        #expect(next == 70)
        #expect(handleDeadline(at: 69.999) == .none)
        let violation = ProtocolViolation.messageTooSlow(limit: .seconds(60))
        #expect(handleDeadline(at: 70) == .violation(violation))
        endpoint.fail(violation)
        #expect(endpoint.takeOutput() == RawFrame.close(1008, violation.sentence).unmasked.bytes)
        #expect(next == 75)
        #expect(handleDeadline(at: 75) == .closeTimedOut)
    }

    /// A frame cut by the end of a read is an unfinished message too.
    @Test func aFrameMustBeFinishedInTime() {
        endpoint.now = Self.start + .seconds(50)
        let bytes = RawFrame.text("slow").bytes
        #expect(endpoint.receive(Array(bytes[..<7])) == [])
        endpoint.now = Self.start + .seconds(109)
        #expect(endpoint.receive([bytes[7]]) == [])
        #expect(next == 110)
    }

    @Test func aFinishedMessageHasNoDeadline() {
        #expect(receive(.text("a", isFinal: false), at: 1) == [])
        #expect(receive(RawFrame(opcode: 0), at: 59) == [.text("a")])
        #expect(next == 84)
        #expect(handleDeadline(at: 61) == .none)
        // The next message's time is its own.
        #expect(receive(.text("b", isFinal: false), at: 80) == [])
        #expect(receive(RawFrame(opcode: 10), at: 130) == [.pong])
        #expect(next == 140)
    }

    @Test func zeroMessageTimeIsForEver() {
        let endpoint = Endpoint(limits: .init(messageTime: .zero, keepAliveInterval: .zero))
        #expect(endpoint.receive(.text("a", isFinal: false)) == [])
        #expect(endpoint.connection.nextDeadline == nil)
    }

    @Test func ourCloseStartsTheCloseDeadline() {
        endpoint.now = Self.start + .seconds(3)
        #expect(endpoint.close(.normal))
        _ = endpoint.takeOutput()
        #expect(next == 8)
        #expect(handleDeadline(at: 7.999) == .none)
        #expect(handleDeadline(at: 8) == .closeTimedOut)
        #expect(endpoint.connection.state == .failed)
        #expect(endpoint.takeOutput() == [])
        #expect(handleDeadline(at: 100) == .none)
        #expect(next == nil)
    }

    /// Bytes do not prolong the handshake, and there are no pings in it.
    @Test func nothingProlongsTheCloseDeadline() {
        #expect(receive(.text("a", isFinal: false), at: 1) == [])
        #expect(endpoint.close(.normal))
        #expect(receive(.text("b", isFinal: false), at: 5) == [.violation(.continuationExpected)])
        #expect(next == 6)
    }

    @Test func theAcknowledgementRestartsTheCloseDeadline() {
        #expect(receive(.close(1000), at: 2) == [.close(1000, "")])
        #expect(next == 7)
        #expect(handleDeadline(at: 7) == .closeTimedOut)
        #expect(endpoint.connection.state == .closed)
        #expect(next == nil)
    }

    @Test func aMissingAcknowledgementTimesOut() throws {
        var connection = WebSocketConnection(role: .server, limits: Self.limits, now: Self.start)
        var bytes = RawFrame.close(1000).bytes
        connection.received(at: Self.start)
        try bytes.withUnsafeMutableBytes {
            var input = $0
            _ = try connection.nextEvent(from: &input)
        }
        #expect(connection.state == .closeReceived)
        #expect(connection.nextDeadline == Self.start + .seconds(5))
    }

    @Test func limitsReadAsTheyWereSet() {
        var limits = Self.limits
        #expect(limits.messageTime == .seconds(60) && limits.keepAliveInterval == .seconds(25))
        #expect(limits.keepAliveTimeout == .seconds(20) && limits.closeTimeout == .seconds(5))
        limits.messageTime = .milliseconds(1)
        limits.keepAliveInterval = .milliseconds(2)
        limits.keepAliveTimeout = .milliseconds(3)
        limits.closeTimeout = .milliseconds(4)
        let times = [limits.messageTime, limits.keepAliveInterval, limits.keepAliveTimeout, limits.closeTimeout]
        #expect(times == [.milliseconds(1), .milliseconds(2), .milliseconds(3), .milliseconds(4)])
    }
}
