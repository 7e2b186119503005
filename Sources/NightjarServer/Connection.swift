//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
package import LuaRuntime
package import NIOCore
internal import Synchronization
package import WebSocketCore

/// A WebSocket client: its protocol state, its route, its send queue, its limits and deadlines, bound to one event loop.
///
/// A connection knows no socket. It is given bytes, and tells its ``Transport`` what to write, when to stop reading and when
/// to end. It calls its transport only when it settles, at the end of a burst of input or of the loop's tick: never while a
/// script runs, so nothing that a transport calls back can nest in a handler.
package final class Connection {
    /// Why reading is paused.
    package struct Pauses: OptionSet {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// More waits to be sent than the soft limit allows.
        package static let output = Pauses(rawValue: 1 << 0)
        /// As many messages of this connection wait for its script as may.
        package static let script = Pauses(rawValue: 1 << 1)
        /// As much waits for the script from all connections as may.
        package static let congestion = Pauses(rawValue: 1 << 2)
        /// The script has enough to do.
        package static let anyOfScript = Pauses(rawValue: 1 << 1 | 1 << 2)
    }

    private enum Phase {
        /// Messages flow both ways.
        case open
        /// A Close frame is on its way out, or was received; nothing more is sent behind it.
        case closing
        /// All is sent and our side is shut down; input is discarded until the peer ends its own.
        case lingering
        /// The transport is gone.
        case gone
    }

    /// Why the peer's input has ended before our Close frame is out.
    private enum Ending {
        case closed
        case violation(ProtocolViolation)
    }

    /// Bytes that a peer may still send after our last one before the connection is reset.
    private static let lingerLimit = 1024 * 1024

    /// What one ``Transport/writeLater(_:)`` is given at most: what it holds cannot be overtaken or dropped.
    private static let chunkLimit = 64 * 1024

    package let id: ConnectionID
    package let route: Route

    /// The script's view of this connection when the VM lives on the same loop, else nil.
    package var member: Member?

    /// Where this connection stands in its loop's audience of the route; nil while broadcasts do not reach it.
    package var audienceIndex: Int?

    /// True while the loop has this connection on its list for the end of the tick.
    package var isDirty = false

    /// The turn of the deadline wheel at which this connection expects to be called; entries of other turns are stale.
    private var expectedTurn: UInt64 = .max

    private unowned let worker: Worker
    private var transport: (any Transport)?
    private var websocket: WebSocketConnection
    private var phase = Phase.open

    private var queue = SendQueue()
    /// Bytes that the transport holds by ``Transport/writeLater(_:)``.
    private var chunkInFlight = 0
    /// Bytes of frames that a script on another loop sent and that it has not been told about as sent.
    private var unreportedOutput = 0
    private var isAboveSoftLimit = false

    private var pauses: Pauses = []
    private var isReading = true
    /// What was read but not parsed when reading paused.
    private var heldInput: ByteBuffer?
    /// True once input was dropped: what comes behind the gap means nothing.
    private var isInputCut = false
    /// True once nothing more will be read: what is held is parsed without a pause.
    private var isInputOver = false
    private var discardedInput = 0

    /// Messages, and their bytes, that wait for the script.
    private var waitingMessages = 0
    private var waitingBytes = 0

    /// The peer has ended its input; our Close frame goes out behind the answers to the messages that still wait for the script.
    private var ending: Ending?
    private var endingDeadline: MonotonicTime?
    private var closeReport: CloseReport?
    private var isCloseDelivered = false
    /// True when no more frames can come from the peer: after both Close frames, or after a violation.
    private var isFinished = false

    /// What the ledger has been told that this connection holds.
    package private(set) var accountedBytes = 0

    package init(id: ConnectionID, route: Route, worker: Worker) {
        self.id = id
        self.route = route
        self.worker = worker
        let limits = route.configuration
        self.websocket = WebSocketConnection(
            role: .server,
            limits: WebSocketConnection.Limits(
                maxMessageSize: limits.messageBytes,
                maxFragments: limits.messageFragments,
                messageTime: limits.messageTime,
                keepAliveInterval: limits.keepAliveInterval,
                keepAliveTimeout: limits.keepAliveTimeout,
                closeTimeout: limits.closeTimeout,
                maxControlFrames: limits.controlFrames
            ),
            now: worker.now
        )
    }

    /// Bytes that wait to be sent: what is queued, and what the transport holds.
    package var bufferedBytes: Int {
        let corked = self.worker.corked === self ? self.worker.output.readableBytes : 0
        return self.queue.byteCount + self.chunkInFlight + corked
    }

    /// True until a Close frame went either way.
    package var isOpen: Bool { self.phase == .open }

    // MARK: - From the transport

    /// Begins: sends the answer to the handshake and tells the route's script.
    package func open(on transport: any Transport, request: ClientRequest, answer: ByteBuffer) {
        self.transport = transport
        self.queue.append(sharing: answer)
        self.worker.opened(self, request: request)
        self.settle()
    }

    /// Takes what was read, in order.
    package func receive(_ buffer: ByteBuffer) {
        switch self.phase {
        case .gone:
            return
        case .lingering:
            self.discardedInput += buffer.readableBytes
            if self.discardedInput > Self.lingerLimit {
                self.reset()
            }
            return
        case .open, .closing:
            break
        }
        self.websocket.received(at: self.worker.now)
        if self.heldInput != nil || self.isInputCut {
            self.hold(buffer)
        } else {
            self.consume(buffer)
        }
        self.settle()
    }

    /// The chunk of the last ``Transport/writeLater(_:)`` is with the kernel, or lost.
    package func laterWriteEnded(succeeded: Bool) {
        guard self.phase != .gone else { return }
        let count = self.chunkInFlight
        self.chunkInFlight = 0
        guard succeeded else {
            self.reset()
            return
        }
        self.noteSent(count)
        self.settle()
    }

    /// The transport is gone, whatever the reason.
    package func transportClosed() {
        guard self.phase != .gone else { return }
        if let held = self.heldInput {
            // What was read belongs to the script, though nobody waits for the answers any more.
            self.heldInput = nil
            self.isInputOver = true
            self.consume(held)
        }
        self.phase = .gone
        self.transport = nil
        self.queue.removeAll()
        self.chunkInFlight = 0
        if self.worker.corked === self {
            self.worker.uncork()
        }
        self.worker.leaveAudience(self)
        self.account(for: 0)
        self.deliverClose(clean: false)
        self.member?.connection = nil
        self.worker.forget(self)
    }

    // MARK: - From the script's side

    /// Sends a message.
    package func send(_ payload: UnsafeRawBufferPointer, isText: Bool) {
        guard self.makesRoom(for: payload.count) else { return }
        if self.member == nil {
            self.unreportedOutput += WebSocketConnection.frameSize(payload.count)
        }
        self.write { WebSocketConnection.writeFrame(isText ? .text : .binary, payload: payload, into: &$0) }
    }

    /// Sends a whole frame that was encoded for many.
    package func send(frame: ByteBuffer) {
        guard self.makesRoom(for: frame.readableBytes) else { return }
        self.worker.markDirty(self)
        if self.worker.corked === self {
            self.worker.output.writeImmutableBuffer(frame)
        } else {
            self.queue.append(sharing: frame)
        }
    }

    /// Starts the close handshake; what was sent before goes out before.
    package func close(code: CloseCode, reason: String) {
        guard self.phase == .open else { return }
        self.phase = .closing
        self.closeReport = CloseReport(code: code, reason: reason, wasClean: false)
        self.write { self.websocket.close(code: code, reason: reason, into: &$0, now: self.worker.now) }
        // The peer's Close may lie behind what is held; it is read without asking the script any more.
        self.pauses.subtract(.anyOfScript)
        self.worker.markDirty(self)
    }

    /// Ends at once, without regard for what is unsent.
    package func abort(code: CloseCode, reason: String) {
        guard self.phase != .gone else { return }
        if self.closeReport == nil {
            self.closeReport = CloseReport(code: code, reason: reason, wasClean: false)
        }
        self.reset()
    }

    /// The script has taken messages that waited for it.
    package func inputTaken(messages: Int, byteCount: Int) {
        self.waitingMessages -= messages
        self.waitingBytes -= byteCount
        let limits = self.route.configuration
        if self.pauses.contains(.script), self.waitingMessages <= limits.queueMessages / 2,
            self.waitingBytes <= limits.queueBytes / 2
        {
            self.pauses.remove(.script)
        }
        self.end()
        self.worker.markDirty(self)
    }

    /// The script's queue has room again.
    package func congestionOver() {
        guard self.pauses.contains(.congestion) else { return }
        self.pauses.remove(.congestion)
        self.worker.markDirty(self)
    }

    /// The wheel has come to an entry of this connection.
    package func deadline(turn: UInt64) {
        guard turn == self.expectedTurn, self.phase != .gone else { return }
        self.expectedTurn = .max
        if let deadline = self.endingDeadline, deadline <= self.worker.now {
            // The script takes too long for what came before the end.
            self.waitingMessages = 0
            self.end()
            self.settle()
            return
        }
        if !self.pauses.isDisjoint(with: .anyOfScript) {
            // We do not read, so silence says nothing about the peer.
            self.websocket.received(at: self.worker.now)
        }
        let action = self.write { self.websocket.handleDeadline(now: self.worker.now, into: &$0) }
        switch action {
        case .none, .sentPing:
            self.settle()
        case .peerIsGone:
            self.abort(code: .abnormal, reason: "")
        case .violation(let violation):
            self.fail(violation)
            self.settle()
        case .closeTimedOut:
            self.reset()
        }
    }

    /// Brings the transport in line with our state: parses what was held, sends, pauses or resumes reading, ends what is over.
    ///
    /// Called outside of every handler, at the end of a burst of input and of the loop's tick.
    package func settle() {
        if self.pauses.isDisjoint(with: .anyOfScript), let held = self.heldInput {
            self.heldInput = nil
            self.consume(held)
        }
        guard self.flush() else {
            self.reset()
            return
        }
        // Sending may have ended the connection from within.
        guard let transport = self.transport else { return }
        self.settleLimits()
        if self.isReading != self.pauses.isEmpty {
            self.isReading = self.pauses.isEmpty
            transport.setReading(self.isReading)
        }
        if self.isFinished, self.phase == .closing, self.bufferedBytes == 0 {
            self.phase = .lingering
            transport.shutdownOutput()
        }
    }

    // MARK: - Input

    /// Parses and delivers until the input is used up or reading has to pause.
    private func consume(_ buffer: ByteBuffer) {
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

    private func parse(_ input: inout UnsafeMutableRawBufferPointer) {
        do {
            while self.isInputOver || self.pauses.isDisjoint(with: .anyOfScript),
                let event = try self.websocket.nextEvent(from: &input)
            {
                switch event {
                case .message(let kind, let payload):
                    self.deliver(payload, isText: kind == .text)
                case .ping:
                    self.answerPing()
                case .pong:
                    break
                case .close(let code, let reason):
                    self.peerClosed(code: code, reason: reason)
                }
            }
        } catch {
            self.fail(error)
            input = UnsafeMutableRawBufferPointer(rebasing: input[input.endIndex...])
        }
    }

    private func hold(_ buffer: ByteBuffer) {
        guard !self.isInputCut else { return }
        guard self.heldInput != nil else {
            self.heldInput = buffer
            return
        }
        // Only the end of a connection makes the transport read on through a pause, and then it reads everything.
        let held = (self.heldInput?.readableBytes ?? 0) + buffer.readableBytes
        guard held <= self.route.configuration.queueBytes + Self.chunkLimit else {
            self.isInputCut = true
            self.worker.log(.debug, "input dropped: the peer is gone and more than the inbound queue holds", self)
            return
        }
        self.heldInput?.writeImmutableBuffer(buffer)
    }

    private func deliver(_ payload: UnsafeRawBufferPointer, isText: Bool) {
        guard !self.worker.message(payload, isText: isText, from: self) else { return }
        self.waitingMessages += 1
        self.waitingBytes += payload.count
        let limits = self.route.configuration
        if self.waitingMessages >= limits.queueMessages || self.waitingBytes >= limits.queueBytes {
            self.pauses.insert(.script)
        }
        if self.route.isCongested.load(ordering: .relaxed) {
            self.pauses.insert(.congestion)
        }
    }

    private func answerPing() {
        // While older bytes wait, one Pong is enough, for the latest Ping (RFC 6455 §5.5.3).
        if self.queue.isEmpty, self.chunkInFlight == 0 {
            self.write { self.websocket.writePendingPong(into: &$0) }
        }
    }

    private func peerClosed(code: CloseCode?, reason: UnsafeRawBufferPointer) {
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

    private func fail(_ violation: ProtocolViolation) {
        if self.closeReport == nil {
            self.closeReport = CloseReport(code: violation.closeCode, reason: violation.sentence, wasClean: false)
        }
        self.worker.log(.info, "closed for a violation: \(violation.sentence)", self)
        self.deliverClose(clean: false)
        self.ending = .violation(violation)
        self.endingDeadline = self.worker.now + self.route.configuration.closeTimeout
        self.end()
    }

    /// Answers the end of the peer's input, once the script has taken everything that came before it.
    private func end() {
        guard let ending = self.ending, self.waitingMessages <= 0 else { return }
        self.ending = nil
        self.endingDeadline = nil
        self.phase = .closing
        self.isFinished = true
        self.write { output in
            switch ending {
            case .closed: self.websocket.acknowledgeClose(into: &output, now: self.worker.now)
            case .violation(let violation): self.websocket.fail(with: violation, into: &output, now: self.worker.now)
            }
        }
    }

    private func deliverClose(clean: Bool) {
        guard !self.isCloseDelivered else { return }
        self.isCloseDelivered = true
        let report = self.closeReport ?? .abnormal
        self.worker.closed(self, CloseReport(code: report.code, reason: report.reason, wasClean: clean))
    }

    // MARK: - Output

    /// Lets `body` append frames behind everything that waits.
    @discardableResult
    private func write<Result>(_ body: (inout ByteBuffer) -> Result) -> Result {
        if self.worker.corked === self {
            return body(&self.worker.output)
        }
        self.worker.markDirty(self)
        return self.queue.append(body)
    }

    /// Whether another frame may be queued; if not, the connection is closed as too slow.
    private func makesRoom(for payloadCount: Int) -> Bool {
        guard self.phase == .open else { return false }
        let buffered = self.bufferedBytes
        let limit = self.route.configuration.buffered
        // A frame may always go to a peer that has taken everything, whatever its size.
        guard buffered > 0, buffered + WebSocketConnection.frameSize(payloadCount) > limit else { return true }
        self.worker.log(.info, "closed: \(buffered) bytes wait for a peer that reads too slowly", self)
        self.close(code: .tryAgainLater, reason: "too slow: more than \(limit) bytes wait to be sent")
        return false
    }

    /// Offers everything to the transport.
    ///
    /// - Returns: false when the connection is broken.
    private func flush() -> Bool {
        guard let transport = self.transport else { return true }
        if self.worker.corked === self {
            defer { self.worker.uncork() }
            let offered = self.worker.output.readableBytes
            if offered > 0 {
                guard let taken = self.worker.output.withUnsafeReadableBytes({ transport.write($0) }) else {
                    return false
                }
                self.noteSent(taken)
                if taken < offered {
                    self.worker.output.moveReaderIndex(forwardBy: taken)
                    self.queue.append { $0.writeImmutableBuffer(self.worker.output) }
                }
            }
        }
        guard self.chunkInFlight == 0 else { return true }
        while true {
            if self.queue.isEmpty, self.websocket.hasPendingPong {
                self.queue.append { self.websocket.writePendingPong(into: &$0) }
            }
            guard !self.queue.isEmpty else { return true }
            var offered = 0
            let taken = self.queue.withFirst { bytes in
                offered = bytes.count
                return transport.write(bytes)
            }
            guard let taken else { return false }
            self.noteSent(taken)
            if taken < offered { break }
        }
        if let chunk = self.queue.takeFirst(atMost: Self.chunkLimit) {
            self.chunkInFlight = chunk.readableBytes
            transport.writeLater(chunk)
        }
        return true
    }

    private func noteSent(_ count: Int) {
        guard count > 0 else { return }
        if self.pauses.contains(.output) {
            // We do not read, but a peer that takes bytes is there.
            self.websocket.received(at: self.worker.now)
        }
        guard self.unreportedOutput > 0 else { return }
        let reported = self.bufferedBytes == 0 ? self.unreportedOutput : min(count, self.unreportedOutput)
        self.unreportedOutput -= reported
        self.worker.post(
            .outputSent(self.id, route: self.route.index, byteCount: reported),
            to: self.route.owner
        )
    }

    /// Soft limit, account, and deadline, after input and output have moved.
    private func settleLimits() {
        let buffered = self.bufferedBytes
        let soft = self.route.configuration.bufferedSoft
        if buffered > soft {
            self.isAboveSoftLimit = true
            self.pauses.insert(.output)
        } else if self.isAboveSoftLimit, buffered <= soft / 2 {
            self.isAboveSoftLimit = false
            self.pauses.remove(.output)
            if self.phase == .open {
                self.worker.drained(self)
            }
        }
        if self.phase != .open {
            self.worker.leaveAudience(self)
        }
        let held = self.heldInput?.readableBytes ?? 0
        self.account(for: buffered + held + self.waitingBytes + self.websocket.bufferedBytes)
        if let deadline = self.endingDeadline ?? self.websocket.nextDeadline {
            self.expectedTurn = self.worker.schedule(self.id, deadline: deadline, unlessBefore: self.expectedTurn)
        }
    }

    private func account(for bytes: Int) {
        guard bytes != self.accountedBytes else { return }
        self.worker.account(bytes - self.accountedBytes)
        self.accountedBytes = bytes
    }

    private func reset() {
        guard let transport = self.transport else { return }
        transport.reset()
    }
}

@available(*, unavailable)
extension Connection: Sendable {}
