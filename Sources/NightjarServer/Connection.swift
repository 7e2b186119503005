//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
package import LuaRuntime
package import NIOCore
package import WebSocketCore

/// A WebSocket client: its protocol state, its route, its send queue, its limits and deadlines, bound to one event loop.
///
/// A connection knows no socket. It is given bytes, and tells its ``Transport`` what to write, when to stop reading and when
/// to end. It calls its transport when it settles, at the end of a burst of input or of the loop's tick; while a script runs it
/// only writes, which calls nobody back, so nothing can nest in a handler.
package final class Connection: RoomOccupant {
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
        /// The peer has sent as many messages as it may for now.
        package static let rate = Pauses(rawValue: 1 << 3)
        /// The loop has inflated as much in this turn as it may.
        package static let inflation = Pauses(rawValue: 1 << 4)
        /// What was read is held, and not looked at.
        package static let anyOfInput = Pauses(rawValue: 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4)
    }

    enum Phase {
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
    enum Ending {
        case closed
        case violation(ProtocolViolation)
    }

    /// What one ``Transport/writeLater(_:)`` is given at most: what it holds cannot be overtaken or dropped.
    static let chunkLimit = 64 * 1024

    /// Messages from this size on, of which one read brings one, are not copied to be sent. For smaller ones that come together the
    /// system call that gathering spares takes longer than the copy.
    static let uncopiedThreshold = 56 * 1024

    package let id: ConnectionID
    package private(set) var route: Route

    /// Whether permessage-deflate was agreed; here too, because a look into ``websocket`` for it copies that.
    let hasDeflate: Bool

    /// The client's address, for the log.
    package private(set) var ip = ""

    /// The script's view of this connection when the VM lives on the same loop, else nil.
    package var member: Member?

    /// Where this connection stands in its loop's audience of the route; nil while broadcasts do not reach it.
    package var audienceIndex: Int?

    /// The rooms that it is in.
    package var stays: RoomStays<Connection>?

    /// True while the loop has this connection on its list for the end of the tick.
    package var isDirty = false

    /// The turn of the deadline wheel at which this connection expects to be called; entries of other turns are stale.
    var expectedTurn: UInt64 = .max

    /// Held, and not weakly: that would count for every use of it. The worker lets go of the connection when it ends.
    let worker: Worker
    var transport: (any Transport)?
    var websocket: WebSocketConnection
    var phase = Phase.open

    var queue = SendQueue()
    /// Bytes that the transport holds by ``Transport/writeLater(_:)``.
    var chunkInFlight = 0
    /// What a script on another loop counts as buffered once it knows all that it has been told: what ``bufferedBytes`` was
    /// when this connection last settled, and the plain frames of what that script has sent since.
    var toldOutput = 0
    var isAboveSoftLimit = false
    /// Whether the script's `connect` has begun; before it, not even the answer to the handshake goes out.
    private(set) var isAdmitted = false
    /// Bytes that go out before the last Pong that was queued behind others; 0 when none waits.
    var bytesBeforePong = 0
    /// True once the transport has failed: nothing can be sent, and the connection ends when it settles.
    var isBroken = false
    /// What the kernel had that the peer had not taken, when it was last asked.
    var lastUnacknowledgedBytes = 0

    var pauses: Pauses = []
    var isReading = true
    /// True while frames of this burst gather in the loop's buffer; ``Worker/corked`` is this connection.
    var isCorked = false
    /// What was read but not parsed when reading paused.
    var heldInput: ByteBuffer?
    /// True once nothing more will be read: what is held is parsed without a pause.
    var isInputOver = false
    /// The messages that the peer may send now; nil when its route sets no rate.
    var bucket: TokenBucket?

    /// Messages, and their bytes, that wait for the script.
    var waitingMessages = 0
    var waitingBytes = 0

    /// The peer has ended its input; our Close frame goes out behind the answers to the messages that still wait for the script.
    var ending: Ending?
    var endingDeadline: MonotonicTime?
    var closeReport: CloseReport?
    var isCloseDelivered = false
    /// True when no more frames can come from the peer: after both Close frames, or after a violation.
    var isFinished = false

    /// What the ledger has been told that this connection holds.
    var accountedBytes = 0

    /// - Parameter deflate: what the handshake agreed about permessage-deflate.
    package init(id: ConnectionID, route: Route, worker: Worker, deflate: DeflateParameters? = nil) {
        self.id = id
        self.route = route
        self.hasDeflate = deflate != nil
        self.worker = worker
        let limits = route.configuration
        if limits.messageRate > 0 {
            self.bucket = TokenBucket(burst: limits.messageTokens, now: MonotonicTime(worker.eventLoop.now))
        }
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
            now: worker.now,
            deflate: deflate,
            pool: worker.deflatePool
        )
    }

    /// Bytes of memory that hold what was read and not parsed.
    package var heldCapacity: Int { self.heldInput?.storageCapacity ?? 0 }

    /// Another version of the route's script serves from now on. What bounds single messages, and the pings, stay as they were
    /// at the handshake.
    func take(_ route: Route) {
        self.route = route
    }

    /// Bytes that wait to be sent: what is queued, and what the transport holds.
    package var bufferedBytes: Int {
        let corked = self.isCorked ? self.worker.output.readableBytes : 0
        return self.queue.byteCount + self.chunkInFlight + corked
    }

    /// True until a Close frame went either way, or the transport broke.
    package var isOpen: Bool { self.phase == .open && !self.isBroken }

    // MARK: - From the transport

    /// Begins: tells the route's script, and has the answer to the handshake ready for when its `connect` begins.
    package func open(on transport: any Transport, request: ClientRequest, answer: ByteBuffer) {
        self.transport = transport
        self.ip = request.ip
        self.queue.append(sharing: answer)
        self.worker.opened(self, request: request)
        self.settle()
    }

    /// The script's `connect` begins, on this loop or another: sends the answer to the handshake.
    func admit() {
        self.isAdmitted = true
        // Before the script runs: it is not its output, and must not count as such.
        guard self.flushForScript() else { return }
        self.worker.markDirty(self)
    }

    /// Takes what was read, in order.
    package func receive(_ buffer: ByteBuffer) {
        switch self.phase {
        case .gone, .lingering:
            // A peer that still sends must not be reset before it has read our Close: its input costs nothing but the reading,
            // and ends with the close deadline.
            return
        case .open, .closing:
            break
        }
        self.websocket.received(at: self.worker.now)
        self.worker.counters.add(.bytesReceived, buffer.readableBytes)
        // Once we have sent our Close the script is asked no more, and the peer's must be read.
        if self.phase == .open, self.worker.isCongested(self.route) {
            self.pauses.insert(.congestion)
        }
        if self.heldInput != nil {
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
            // What was read belongs to the script, within the limits, though nobody waits for the answers any more.
            self.heldInput = nil
            self.isInputOver = true
            // A message that has begun is inflated to its end: there is no later turn for it.
            self.worker.deflatePool.pausesWithinMessages = false
            self.consume(held)
            self.worker.deflatePool.pausesWithinMessages = true
        }
        self.phase = .gone
        self.transport = nil
        self.heldInput = nil
        self.queue.removeAll()
        self.chunkInFlight = 0
        if self.isCorked {
            self.worker.uncork()
        }
        self.worker.leaveAudience(self)
        self.account(for: 0)
        self.reportOutput()
        self.deliverClose(clean: false)
        self.member?.connection = nil
        self.worker.forget(self)
    }

    // MARK: - From the script's side

    /// Starts the close handshake; what was sent before goes out before.
    package func close(code: CloseCode, reason: String) {
        guard self.phase == .open else { return }
        self.phase = .closing
        if let member {
            member.runner.leaveOpen(member)
        }
        self.closeReport = CloseReport(code: code, reason: reason, wasClean: false)
        self.write { self.websocket.close(code: code, reason: reason, into: &$0, now: self.worker.now) }
        // The peer's Close may lie behind what is held; it is read without asking the script any more.
        self.pauses.subtract(.anyOfInput)
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

    /// The loop may inflate again.
    func inflationMayGoOn() {
        guard self.pauses.contains(.inflation) else { return }
        self.pauses.remove(.inflation)
        self.settle()
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
        if self.isOutputMoving || !self.pauses.isDisjoint(with: .anyOfInput) {
            // We do not read, so silence says nothing about the peer.
            self.websocket.notRead(until: self.worker.now)
        }
        if self.pauses.contains(.rate) {
            self.fillBucket()
        }
        let action = self.write { self.websocket.handleDeadline(now: self.worker.now, into: &$0) }
        switch action {
        case .none, .sentPing:
            self.settle()
        case .peerIsGone:
            let reason =
                self.pauses.contains(.output)
                ? "the client took nothing of what waits for it" : "the client was silent and did not answer a ping"
            self.worker.exceeded(.keepAlive, "dropped: \(reason)", self)
            self.abort(code: .abnormal, reason: "")
        case .violation(let violation):
            self.fail(violation)
            self.settle()
        case .closeTimedOut:
            self.worker.exceeded(.closeTime, "reset: the close handshake took too long", self)
            self.reset()
        }
    }

    /// Brings the transport in line with our state: parses what was held, sends, pauses or resumes reading, ends what is over.
    ///
    /// Called outside of every handler, at the end of a burst of input and of the loop's tick.
    package func settle() {
        if self.pauses.isDisjoint(with: .anyOfInput), let held = self.heldInput {
            self.heldInput = nil
            self.consume(held)
        }
        guard let transport = self.transport else { return }
        guard self.flush(to: transport) else {
            self.isBroken = true
            self.reset()
            return
        }
        self.settleLimits()
        // Once nothing of the input counts any more but its end, what would pause it does not either: a peer that is blocked
        // in sending reads our Close only when it has sent.
        let wantsReading = self.pauses.isEmpty || self.phase != .open
        if self.isReading != wantsReading {
            self.isReading = wantsReading
            if self.isReading {
                self.websocket.notRead(until: self.worker.now)
            }
            transport.setReading(self.isReading)
        }
        if self.isFinished, self.phase == .closing, self.bufferedBytes == 0 {
            self.phase = .lingering
            transport.shutdownOutput()
        }
    }

    func reset() {
        guard let transport = self.transport else { return }
        transport.reset()
    }
}

@available(*, unavailable)
extension Connection: Sendable {}
