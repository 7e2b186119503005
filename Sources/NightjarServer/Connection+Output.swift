//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
package import LuaRuntime
internal import NIOCore
internal import WebSocketCore

/// From frames to the transport, within the limits.
extension Connection {
    // MARK: - From the script's side

    /// Sends a message, compressed where that was agreed, unless it is small or the script does not want it.
    package func send(_ payload: UnsafeRawBufferPointer, isText: Bool, options: SendOptions) {
        let plainSize = WebSocketConnection.frameSize(payload.count)
        if self.member == nil {
            // Its loop counts it, whatever becomes of it here.
            self.toldOutput += plainSize
            self.worker.markDirty(self)
        }
        guard self.makesRoom(for: plainSize, key: options.key, isAccepted: self.member != nil) else { return }
        self.worker.counters.add(.messagesSent)
        let isCompressed = options.compress && self.compresses(options)
        let level = isCompressed ? self.route.configuration.deflateLevel(payload.count) : nil
        if options.key.isEmpty {
            _ = self.write { self.writeMessage(payload, isText: isText, level: level, into: &$0) }
        } else {
            self.replace(options.key) { queue in
                queue.append { self.writeMessage(payload, isText: isText, level: level, into: &$0) }
            }
        }
    }

    /// Sends a message while the script runs, if that is a matter of copying it: it has not to be compressed, which is not the
    /// script's time, and there is room.
    ///
    /// - Returns: false when nothing was done.
    func sendNow(_ payload: UnsafeRawBufferPointer, isText: Bool, compress: Bool) -> Bool {
        guard self.isOpen, !self.isInputOver, !(compress && self.hasDeflate) else { return false }
        guard self.isWithinLimit(WebSocketConnection.frameSize(payload.count), behind: self.bufferedBytes) else {
            return false
        }
        if payload.count >= Self.uncopiedThreshold, self.sendsUncopied {
            guard self.sendUncopied(payload, isText: isText) else { return false }
        } else {
            self.write { WebSocketConnection.writeFrame(isText ? .text : .binary, payload: payload, into: &$0) }
        }
        self.worker.counters.add(.messagesSent)
        return true
    }

    /// Whether what is sent now goes to the kernel, with little before it.
    private var sendsUncopied: Bool {
        self.isCorked && self.worker.output.readableBytes < SendQueue.gatheringThreshold
            && self.transport?.writesDirectly == true
    }

    /// Gives a message to the kernel from where it lies, behind what gathers for this burst; what it does not take gathers too.
    ///
    /// - Returns: false when the connection is broken; it ends when it settles.
    private func sendUncopied(_ payload: UnsafeRawBufferPointer, isText: Bool) -> Bool {
        let output = self.worker.output.writerIndex
        WebSocketConnection.writeFrameHeader(
            isText ? .text : .binary,
            length: payload.count,
            into: &self.worker.output
        )
        let before = self.worker.output.readableBytes
        guard let taken = self.worker.output.withUnsafeReadableBytes({ self.transport?.write($0, payload) }) else {
            self.worker.output.moveWriterIndex(to: output)
            self.isBroken = true
            self.worker.markDirty(self)
            return false
        }
        self.noteSent(taken)
        self.worker.output.moveReaderIndex(forwardBy: min(taken, before))
        self.worker.output.writeBytes(UnsafeRawBufferPointer(rebasing: payload[max(taken - before, 0)...]))
        return true
    }

    /// Sends a message that was encoded for many.
    package func send(_ frames: BroadcastFrames, options: SendOptions) {
        guard frames.compresses, self.compresses(options) else {
            self.send(frame: frames.plain, options: options)
            return
        }
        if let bits = self.websocket.sharedWindowBits {
            self.send(frame: frames.frame(windowBits: bits) ?? frames.plain, options: options)
        } else if self.makesRoom(for: frames.plain.readableBytes, key: options.key, isAccepted: false) {
            let level = self.route.configuration.deflateLevel
            self.worker.counters.add(.messagesSent)
            frames.withPayload { payload in
                _ = self.write { self.writeMessage(payload, isText: frames.isText, level: level, into: &$0) }
            }
        }
    }

    /// Whether a message may be compressed. A frame that its key may remove again must not become part of a context that is
    /// taken over: the peer would never see what later messages refer to.
    private func compresses(_ options: SendOptions) -> Bool {
        self.hasDeflate && (options.key.isEmpty || self.websocket.sharedWindowBits != nil)
    }

    /// Sends a whole frame that was encoded for many.
    private func send(frame: ByteBuffer, options: SendOptions) {
        guard self.makesRoom(for: frame.readableBytes, key: options.key, isAccepted: false) else { return }
        self.worker.counters.add(.messagesSent)
        guard options.key.isEmpty else {
            self.replace(options.key) {
                $0.append(sharing: frame, isKeyed: true)
                return frame.readableBytes
            }
            return
        }
        self.worker.markDirty(self)
        if self.isCorked {
            self.worker.output.writeImmutableBuffer(frame)
        } else {
            self.queue.append(sharing: frame)
        }
    }

    // MARK: - Frames

    /// Lets `body` append frames behind everything that waits.
    @discardableResult
    func write<Result>(_ body: (inout ByteBuffer) -> Result) -> Result {
        if self.isCorked {
            return body(&self.worker.output)
        }
        self.worker.markDirty(self)
        return self.queue.append(body)
    }

    /// Appends a message as a frame of its own, compressed when there is a level and that makes it smaller.
    ///
    /// - Returns: the size of the frame.
    func writeMessage(
        _ payload: UnsafeRawBufferPointer,
        isText: Bool,
        level: Int?,
        into output: inout ByteBuffer
    ) -> Int {
        let before = output.writerIndex
        if let level {
            self.websocket.writeMessage(payload, as: isText ? .text : .binary, level: level, into: &output)
        } else {
            WebSocketConnection.writeFrame(isText ? .text : .binary, payload: payload, into: &output)
        }
        return output.writerIndex - before
    }

    /// Replaces the frame of that key, if it is wholly unsent, by what `append` puts at the end of the queue.
    ///
    /// - Parameters:
    ///   - key: of ``SendOptions``.
    ///   - append: tells the size of the new frame.
    func replace(_ key: UnsafeRawBufferPointer, _ append: (inout SendQueue) -> Int) {
        self.worker.markDirty(self)
        // What gathers for this burst comes before it, and only what is in the queue can be removed again.
        self.queueCorkedOutput()
        self.queue.remove(key: key)
        let byteCount = append(&self.queue)
        self.queue.setKey(ofLast: byteCount, to: key)
        // Too late rather than too early: no second Pong may wait.
        self.bytesBeforePong = min(self.bytesBeforePong, self.bufferedBytes)
    }

    /// Tells a script on another loop by how much what waits differs from what it counts: broadcasts wait that it does not count,
    /// and what it has sent is with the peer, was compressed, replaced or dropped.
    func reportOutput() {
        // What waits before `connect` begins is the server's answer to the handshake.
        guard self.member == nil, self.isAdmitted else { return }
        let buffered = self.bufferedBytes
        guard buffered != self.toldOutput else { return }
        self.worker.post(
            .outputChanged(self.id, route: self.route.index, by: buffered - self.toldOutput),
            to: self.route.owner
        )
        self.toldOutput = buffered
    }

    /// Whether another frame may be queued; if not, it is dropped, or the connection is closed as too slow.
    ///
    /// - Parameters:
    ///   - frameSize: its bytes.
    ///   - key: the frame that it would replace makes room.
    ///   - isAccepted: the limit was looked at when the script asked.
    func makesRoom(for frameSize: Int, key: UnsafeRawBufferPointer, isAccepted: Bool) -> Bool {
        guard self.isOpen, !self.isInputOver else { return false }
        let limits = self.route.configuration
        if isAccepted, limits.slow == .drop { return true }
        guard !self.hasRoom(for: frameSize, key: key) else { return true }
        // A peer that is gone is not a slow one.
        guard !self.isBroken else { return false }
        self.worker.counters.add(.messagesDropped)
        guard limits.slow == .close else {
            self.worker.exceeded(
                .bufferedDropped,
                "message dropped: \(self.bufferedBytes + frameSize) bytes wait for a peer that reads too slowly",
                self
            )
            return false
        }
        let limit = limits.buffered
        self.worker.exceeded(
            .buffered,
            "closed: \(self.bufferedBytes + frameSize) bytes wait for a peer that reads too slowly",
            self
        )
        self.close(code: .tryAgainLater, reason: "too slow: more than \(limit) bytes wait to be sent")
        return false
    }

    /// Whether a frame, behind others that are still to come, stays within the hard limit; before it says no, the kernel is asked
    /// to take what it can. It says no, too, when that shows that the transport ``isBroken``.
    func hasRoom(for frameSize: Int, key: UnsafeRawBufferPointer, behind pending: Int = 0) -> Bool {
        if self.isWithinLimit(frameSize, behind: self.bufferedBytes + pending) { return true }
        guard self.flushForScript() else { return false }
        let buffered = self.bufferedBytes + pending
        if self.isWithinLimit(frameSize, behind: buffered) { return true }
        return !key.isEmpty && self.isWithinLimit(frameSize, behind: buffered - self.queue.byteCount(ofKey: key))
    }

    /// A frame may always go to a peer that has taken everything, whatever its size.
    private func isWithinLimit(_ frameSize: Int, behind buffered: Int) -> Bool {
        buffered == 0 || buffered + frameSize <= self.route.configuration.buffered
    }

    /// Offers everything to the transport while the script may not be disturbed.
    ///
    /// - Returns: false when the connection is broken; it ends when it settles.
    func flushForScript() -> Bool {
        // A chunk that waits with the transport can no longer be replaced by its key, so that is for who has no other way.
        guard let transport = self.transport else { return true }
        guard transport.writesDirectly ? self.offer(to: transport) : self.flush(to: transport) else {
            self.isBroken = true
            self.worker.markDirty(self)
            return false
        }
        return true
    }

    /// Offers everything to the transport, and leaves it a chunk of what it has no room for.
    ///
    /// - Returns: false when the connection is broken.
    func flush(to transport: any Transport) -> Bool {
        guard self.isAdmitted || self.phase != .open else { return true }
        while true {
            guard !self.isBroken, self.offer(to: transport) else { return false }
            guard self.chunkInFlight == 0, let chunk = self.queue.takeFirst(atMost: Self.chunkLimit) else {
                return true
            }
            switch transport.writeLater(chunk) {
            case .sent: self.noteSent(chunk.readableBytes)
            case .underWay: self.chunkInFlight = chunk.readableBytes
            case .failed: return false
            }
        }
    }

    /// Offers everything to the transport; it calls nobody back, so this may be done while a script runs.
    ///
    /// - Returns: false when the connection is broken.
    private func offer(to transport: any Transport) -> Bool {
        if self.isCorked {
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
            if self.bytesBeforePong == 0, self.websocket.hasPendingPong {
                self.answerPing()
            }
            guard !self.queue.isEmpty else { return true }
            var offered = 0
            let taken = self.queue.withFirst { bytes in
                offered = bytes.count
                return transport.write(bytes)
            }
            guard let taken else { return false }
            self.noteSent(taken)
            if taken < offered { return true }
        }
    }

    func noteSent(_ count: Int) {
        guard count > 0 else { return }
        self.worker.counters.add(.bytesSent, count)
        self.bytesBeforePong = max(0, self.bytesBeforePong - count)
        if self.pauses.contains(.output) {
            // We do not read, but a peer that takes bytes is there.
            self.websocket.received(at: self.worker.now)
        }
    }

    /// Puts what gathers for this burst into the queue, behind which it goes on.
    private func queueCorkedOutput() {
        guard self.isCorked else { return }
        if self.worker.output.readableBytes > 0 {
            self.queue.append { $0.writeImmutableBuffer(self.worker.output) }
        }
        self.worker.uncork()
    }

    /// Soft limit, account, and deadline, after input and output have moved.
    func settleLimits() {
        let buffered = self.bufferedBytes
        let soft = self.route.configuration.bufferedSoft
        if buffered > soft {
            self.isAboveSoftLimit = true
            if self.pauses.insert(.output).inserted {
                self.worker.exceeded(.bufferedSoft, "reading pauses: \(buffered) bytes wait to be sent", self)
            }
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
        self.reportOutput()
        // Ten thousand connections that once had a large message would keep as many buffers.
        let protocolState = self.websocket.settle()
        self.account(for: buffered + self.heldCapacity + protocolState.heldBytes)
        var deadline = self.endingDeadline ?? protocolState.deadline
        if self.pauses.contains(.rate), let token = self.bucket?.nextToken(rate: self.route.configuration.messageRate) {
            deadline = min(token, deadline ?? .never)
        }
        if let deadline {
            self.expectedTurn = self.worker.schedule(self.id, deadline: deadline, unlessBefore: self.expectedTurn)
        }
    }

    /// Whether the peer of a connection that is not read, because too much waits to be sent, has taken any of that lately.
    var isOutputMoving: Bool {
        guard self.pauses.contains(.output), let transport = self.transport else { return false }
        let count = transport.unacknowledgedBytes
        defer { self.lastUnacknowledgedBytes = count }
        return count != self.lastUnacknowledgedBytes
    }

    func account(for bytes: Int) {
        guard bytes != self.accountedBytes else { return }
        self.worker.account(bytes - self.accountedBytes)
        self.accountedBytes = bytes
    }
}
