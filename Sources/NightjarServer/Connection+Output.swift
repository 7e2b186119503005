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

/// From frames to the transport, within the limits.
extension Connection {
    /// Lets `body` append frames behind everything that waits.
    @discardableResult
    func write<Result>(_ body: (inout ByteBuffer) -> Result) -> Result {
        if self.worker.corked === self {
            return body(&self.worker.output)
        }
        self.worker.markDirty(self)
        return self.queue.append(body)
    }

    /// Appends a message compressed, or as it is if that would not make it smaller.
    ///
    /// - Returns: the size of the frame.
    func writeCompressed(_ payload: UnsafeRawBufferPointer, isText: Bool, level: Int) -> Int {
        self.write { output in
            let before = output.writerIndex
            self.websocket.writeMessage(payload, as: isText ? .text : .binary, level: level, into: &output)
            return output.writerIndex - before
        }
    }

    /// Whether another frame may be queued; if not, the connection is closed as too slow.
    func makesRoom(for payloadCount: Int) -> Bool {
        guard self.phase == .open, !self.isInputOver else { return false }
        guard !self.hasRoom(for: WebSocketConnection.frameSize(payloadCount)) else { return true }
        let limit = self.route.configuration.buffered
        self.worker.counters.add(.messagesDropped)
        self.worker.exceeded(
            .buffered,
            "closed: \(self.bufferedBytes) bytes wait for a peer that reads too slowly",
            self
        )
        self.close(code: .tryAgainLater, reason: "too slow: more than \(limit) bytes wait to be sent")
        return false
    }

    /// Whether a frame, behind others that are still to come, stays within the hard limit; before it says no, the kernel is asked
    /// to take what it can.
    func hasRoom(for frameSize: Int, behind pending: Int = 0) -> Bool {
        let limit = self.route.configuration.buffered
        func isWithin(_ buffered: Int) -> Bool {
            // A frame may always go to a peer that has taken everything, whatever its size; what is still to come has not been
            // offered to it.
            buffered == 0 || buffered + pending + frameSize <= limit
        }
        if isWithin(self.bufferedBytes) { return true }
        // A connection that turns out to be broken is found so again when it settles.
        return self.offer() && isWithin(self.bufferedBytes)
    }

    /// Offers everything to the transport, and leaves it a chunk of what it has no room for.
    ///
    /// - Returns: false when the connection is broken.
    func flush() -> Bool {
        guard self.offer() else { return false }
        if self.chunkInFlight == 0, let chunk = self.queue.takeFirst(atMost: Self.chunkLimit) {
            self.chunkInFlight = chunk.readableBytes
            self.transport?.writeLater(chunk)
        }
        return true
    }

    /// Offers everything to the transport; it calls nobody back, so this may be done while a script runs.
    ///
    /// - Returns: false when the connection is broken.
    private func offer() -> Bool {
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
        guard self.unreportedOutput > 0 else { return }
        let reported = self.bufferedBytes == 0 ? self.unreportedOutput : min(count, self.unreportedOutput)
        self.unreportedOutput -= reported
        self.worker.post(
            .outputSent(self.id, route: self.route.index, byteCount: reported),
            to: self.route.owner
        )
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
        if self.websocket.bufferCapacity > 0, self.websocket.bufferedBytes == 0 {
            // Ten thousand connections that once had a large message would keep as many buffers.
            self.websocket.releaseIdleMemory()
        }
        if self.unreportedSaving > 0 {
            let saving = self.unreportedSaving
            self.unreportedSaving = 0
            self.worker.post(.outputSent(self.id, route: self.route.index, byteCount: saving), to: self.route.owner)
        }
        let held = self.heldInput?.readableBytes ?? 0
        self.account(for: buffered + held + self.websocket.bufferedBytes + self.websocket.compressionBytes)
        if let deadline = self.endingDeadline ?? self.websocket.nextDeadline {
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
