//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import LuaRuntime
internal import NIOCore
internal import WebSocketCore

/// From bytes to messages, and to the end of the peer's input.
extension Connection {
    /// Parses and delivers until the input is used up or reading has to pause.
    func consume(_ buffer: ByteBuffer) {
        if self.bucket != nil {
            self.fillBucket()
        }
        // Frames that answer this burst gather in the loop's buffer, unless older ones wait in our queue.
        if self.queue.isEmpty, self.chunkInFlight == 0 {
            self.worker.cork(self)
        }
        // The pool of the channel holds a reference to this storage: asking for mutable bytes would copy it. Nobody else
        // reads them, so unmasking through the same memory is safe.
        let rest = buffer.withUnsafeReadableBytes { bytes in
            var input = UnsafeMutableRawBufferPointer(mutating: bytes)
            self.parse(&input)
            return input.count
        }
        if rest > 0, let held = buffer.getSlice(at: buffer.writerIndex - rest, length: rest) {
            self.hold(held)
        }
    }

    /// Whether the next event may be looked for in what has come; if not, the connection has been paused.
    ///
    /// - Parameter inflatedBytes: what the loop had inflated when this burst began.
    private func mayParse(since inflatedBytes: Int) -> Bool {
        guard !self.isInputOver else { return self.mayParseOfDeparted() }
        guard self.pauses.isDisjoint(with: .anyOfInput) else { return false }
        guard self.hasDeflate else { return true }
        let pool = self.worker.deflatePool
        // While others wait, a message at a time.
        let isOthersTurn = pool.inflatedBytes > inflatedBytes && !self.worker.inflating.isEmpty
        guard isOthersTurn || !pool.mayInflate else { return true }
        self.pauseInflation(hasBegun: false)
        return false
    }

    /// Whether more is looked at of what a peer sent that is gone: there is no later turn for it, so what would pause reading
    /// ends it instead, or leaving would lead around every limit.
    private func mayParseOfDeparted() -> Bool {
        let limits = self.route.configuration
        let reason: String
        if self.waitingMessages >= limits.queueMessages || self.waitingBytes >= limits.queueBytes
            || self.worker.isCongested(self.route)
        {
            reason = "more than the inbound queue holds"
        } else if limits.flood == .slow, self.bucket?.hasToken == false {
            reason = "more than \(limits.messageRate) messages/s"
        } else if self.hasDeflate, !self.worker.deflatePool.mayInflate {
            // A few bytes can mean a long time of inflating.
            reason = "what inflates to too much"
        } else {
            return true
        }
        self.worker.exceeded(.queueDropped, "input dropped: the peer is gone and has sent \(reason)", self)
        return false
    }

    private func pauseInflation(hasBegun: Bool) {
        self.pauses.insert(.inflation)
        self.worker.postpone(self, hasBegun: hasBegun)
    }

    func parse(_ input: inout UnsafeMutableRawBufferPointer) {
        let inflatedBytes = self.hasDeflate ? self.worker.deflatePool.inflatedBytes : 0
        do {
            while !input.isEmpty, self.mayParse(since: inflatedBytes),
                let event = try self.websocket.nextEvent(from: &input)
            {
                switch event {
                case .message(let kind, let payload):
                    if self.bucket != nil {
                        try self.takeToken()
                    }
                    // A pattern: to compare with == takes a call out of this module.
                    let isText = if case .text = kind { true } else { false }
                    self.deliver(payload, isText: isText)
                case .ping:
                    self.answerPing()
                case .pong:
                    break
                case .close(let code, let reason):
                    self.peerClosed(code: code, reason: reason)
                }
            }
            if !input.isEmpty, !self.isInputOver, self.pauses.isDisjoint(with: .anyOfInput) {
                // A message has used up the turn before its end.
                self.pauseInflation(hasBegun: true)
            }
        } catch {
            input = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            self.fail(error)
        }
    }

    /// Puts in the tokens that have come, and lets a peer go on that has one.
    ///
    /// The time is the loop's own, read once for each burst of input: the worker's has a grain in which many tokens come.
    func fillBucket() {
        let limits = self.route.configuration
        let now = MonotonicTime(self.worker.eventLoop.now)
        self.bucket?.fill(now: now, rate: limits.messageRate, burst: limits.messageTokens)
        if self.bucket?.hasToken == true {
            self.pauses.remove(.rate)
        }
    }

    /// Takes the token of a message before the script hears of it.
    private func takeToken() throws(ProtocolViolation) {
        let limits = self.route.configuration
        let hadToken = self.bucket?.take() ?? true
        switch limits.flood {
        case .close:
            guard !hadToken else { return }
            self.websocket.ignoreInput()
            throw .tooManyMessages(limit: limits.messageRate)
        case .slow:
            if self.bucket?.hasToken == false, !self.isInputOver {
                self.pauses.insert(.rate)
                self.worker.exceeded(.rateSlowed, "reading pauses: \(limits.messageRate) messages/s have come", self)
            }
        }
    }

    func hold(_ buffer: ByteBuffer) {
        guard self.heldInput != nil else {
            // The memory of what one read has brought belongs to the loop, and the next one needs it.
            self.heldInput = ByteBuffer(buffer: buffer)
            return
        }
        // Only the end of a connection makes the transport read on through a pause, and then it reads everything.
        let held = (self.heldInput?.readableBytes ?? 0) + buffer.readableBytes
        guard held <= self.route.configuration.queueBytes + Self.chunkLimit else {
            self.worker.exceeded(
                .queueDropped,
                "input dropped: the peer is gone and has sent more than the inbound queue holds",
                self
            )
            self.abort(code: .abnormal, reason: "")
            return
        }
        self.heldInput?.writeImmutableBuffer(buffer)
    }

    func deliver(_ payload: UnsafeRawBufferPointer, isText: Bool) {
        self.worker.counters.add(.messagesReceived)
        guard !self.worker.message(payload, isText: isText, from: self) else { return }
        self.waitingMessages += 1
        self.waitingBytes += payload.count
        let limits = self.route.configuration
        if self.waitingMessages >= limits.queueMessages || self.waitingBytes >= limits.queueBytes {
            if self.pauses.insert(.script).inserted {
                self.worker.exceeded(.queue, "reading pauses: the client's messages wait for the script", self)
            }
        }
        if self.worker.isCongested(self.route) {
            self.pauses.insert(.congestion)
        }
    }

    /// Puts the Pong behind what waits now. While one waits there already, the next is for the latest Ping only
    /// (RFC 6455 §5.5.3) and follows when that has gone out.
    func answerPing() {
        guard !self.isCorked else {
            self.websocket.writePendingPong(into: &self.worker.output)
            return
        }
        guard self.bytesBeforePong == 0 else { return }
        self.write { self.websocket.writePendingPong(into: &$0) }
        self.bytesBeforePong = self.bufferedBytes
    }

    func peerClosed(code: CloseCode?, reason: UnsafeRawBufferPointer) {
        if self.closeReport == nil {
            self.closeReport = CloseReport(
                code: code ?? .noStatus,
                reason: String(decoding: reason, as: UTF8.self),
                wasClean: true
            )
        }
        self.deliverClose(clean: true)
        self.ending = .closed
        self.endingDeadline = self.worker.now + self.route.configuration.closeTimeout
        self.end()
    }

    func fail(_ violation: ProtocolViolation) {
        if self.closeReport == nil {
            self.closeReport = CloseReport(code: violation.closeCode, reason: violation.sentence, wasClean: false)
        }
        self.worker.violated(violation, self)
        self.deliverClose(clean: false)
        self.ending = .violation(violation)
        self.endingDeadline = self.worker.now + self.route.configuration.closeTimeout
        self.end()
    }

    /// Answers the end of the peer's input, once the script has taken everything that came before it.
    func end() {
        guard let ending = self.ending, self.waitingMessages <= 0 else { return }
        self.ending = nil
        self.endingDeadline = nil
        self.phase = .closing
        self.isFinished = true
        // What comes or came after the end is not looked at.
        self.heldInput = nil
        self.pauses.subtract(.anyOfInput)
        self.write { output in
            switch ending {
            case .closed: self.websocket.acknowledgeClose(into: &output, now: self.worker.now)
            case .violation(let violation): self.websocket.fail(with: violation, into: &output, now: self.worker.now)
            }
        }
    }

    func deliverClose(clean: Bool) {
        guard !self.isCloseDelivered else { return }
        self.isCloseDelivered = true
        let report = self.closeReport ?? .abnormal
        self.worker.closed(self, CloseReport(code: report.code, reason: report.reason, wasClean: clean))
    }
}
