//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NIOCore

/// Stands in front of the HTTP decoder and gives it one request at a time: what comes behind waits here, as bytes, until the
/// request is answered or has become a WebSocket.
///
/// Each slice of a request that it passes on ends at an empty line at the latest, which is where a head or a chunked body may end, or with the
/// last byte of a body whose length is known. So no slice holds the end of one request and the start of another, and
/// the decoder never makes objects of requests whose turn has not come.
final class InputGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum Mode {
        /// Slices go to the decoder.
        case open
        /// The request wants to upgrade: the decoder is shown what came with it, and keeps it.
        case showing
        /// All bytes wait, and reading pauses once there are any.
        case held
        /// All bytes go on as they come: no more requests are answered.
        case passing
        /// The decoder is on its way out of the pipeline; what waits follows it to whoever is behind.
        case leaving
    }

    /// Bytes that wait before the client is dropped. Reading has paused long before: only a peer that ends the connection
    /// makes NIO read on, to find the end.
    static let limit = 128 * 1024

    /// Bytes of a connection's first head that the decoder gets at once, whatever others have sent, so that nobody waits for an
    /// upgrade. What follows has its share of each turn of the loop: a body in chunks of a byte takes the decoder longer than
    /// its size says.
    static let promptBytes = 16 * 1024

    /// What the decoder is given in one piece.
    private static let sliceLimit = 8 * 1024

    private static let carriageReturn = UInt8(ascii: "\r")
    private static let lineFeed = UInt8(ascii: "\n")
    /// CR LF, CR LF.
    private static let emptyLineLength = 4

    private let worker: Worker
    private var mode = Mode.open
    private var context: ChannelHandlerContext?
    private var waiting = ByteBuffer()
    /// How many bytes of an empty line the passed bytes end with.
    private var matched = 0
    /// Bytes of the body that is being read, if its length is known.
    private var bodyBytes = 0
    /// Bytes that the decoder was shown, and keeps if they are from behind the request.
    private var shownBytes = 0
    private var isPumping = false
    private var isReading = true
    /// Bytes of the first head that the decoder was given, and whether that was all of it.
    private var firstHeadBytes = 0
    private var hasFirstHead = false
    /// True while what waits is for a later turn of the loop.
    private(set) var isPostponed = false
    /// True once the client has ended, and what it has sent cannot wait in the kernel any more.
    private var isHurried = false
    /// Bytes of the first line of the request, as far as it has been passed on, and whether that was all of it.
    private(set) var requestLineBytes = 0
    private var hasRequestLine = false

    /// Whether the client has shut down its side: what waits is all that comes.
    private(set) var isInputOver = false
    /// Called when the client has shut down its side.
    var inputEnded: () -> Void = {}
    /// Called when ``heldBytes`` may be others.
    var heldBytesChanged: () -> Void = {}

    /// Bytes from behind the request that is worked on.
    var heldBytes: Int { self.mode == .passing ? 0 : self.waiting.readableBytes + self.shownBytes }

    init(worker: Worker) {
        self.worker = worker
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        if self.waiting.readableBytes == 0 {
            self.waiting = bytes
        } else {
            self.waiting.writeBuffer(&bytes)
        }
        guard self.waiting.readableBytes <= Self.limit || self.mode == .passing || self.hurries() else {
            self.waiting = ByteBuffer()
            context.closeSocket()
            return
        }
        _ = self.pump()
    }

    /// Whether the rest of a request goes to the decoder before its turn, because more comes than can wait here.
    private func hurries() -> Bool {
        guard self.mode == .open, self.isPostponed, self.worker.mayDecodeInHurry else { return false }
        self.isPostponed = false
        self.isHurried = true
        return true
    }

    /// The loop has looked at its sockets, and may decode again.
    func goOn() {
        guard self.isPostponed else { return }
        self.isPostponed = false
        if self.pump() {
            self.context?.fireChannelReadComplete()
        }
        if self.isInputOver, !self.isPostponed {
            self.inputEnded()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .inputClosed? = event as? ChannelEvent, self.mode != .leaving else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        // The decoder is not told: it would take nothing of what still waits here.
        self.isInputOver = true
        if !self.isPostponed {
            self.inputEnded()
        }
    }

    /// So many bytes of body follow the head that was passed on last.
    func expectBody(_ byteCount: Int) {
        self.bodyBytes = byteCount
        self.matched = 0
    }

    /// The request is whole, and the decoder is shown what came with it: it must take nothing of that for another request.
    func showRest() {
        guard self.mode == .open else { return }
        self.mode = .showing
        _ = self.pump()
    }

    /// The request is whole: what follows waits.
    func hold() {
        guard self.mode == .open || self.mode == .showing else { return }
        self.mode = .held
        _ = self.pump()
    }

    /// The request is answered: the next one may come.
    func release() {
        guard self.mode == .held else { return }
        self.mode = .open
        self.requestLineBytes = 0
        self.hasRequestLine = false
        if self.pump() {
            // What was read before has been looked at only now.
            self.context?.fireChannelReadComplete()
        }
    }

    /// No more requests are answered: all that comes goes on.
    func pass() {
        self.mode = .passing
        _ = self.pump()
    }

    /// The socket ends: what waits is nobody's.
    func discard() {
        self.waiting = ByteBuffer()
        self.mode = .passing
        self.heldBytesChanged()
    }

    /// The connection belongs to somebody else now, who decides about reading, too. What waits stays here until ``leave()``.
    func prepareToLeave() {
        self.setReading(true)
        self.mode = .leaving
    }

    /// Gives on what waits, and leaves the pipeline.
    func leave() {
        guard let context = self.context else { return }
        let rest = self.waiting
        self.waiting = ByteBuffer()
        if rest.readableBytes > 0 {
            context.fireChannelRead(self.wrapInboundOut(rest))
        }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    /// Passes on what may go.
    ///
    /// - Returns: whether there was something.
    private func pump() -> Bool {
        guard !self.isPumping, let context = self.context else { return false }
        self.isPumping = true
        var hasPassed = false
        while let slice = self.nextSlice() {
            hasPassed = true
            context.fireChannelRead(self.wrapInboundOut(slice))
        }
        self.isPumping = false
        if self.waiting.readableBytes == 0 {
            // Not to keep what was read.
            self.waiting = ByteBuffer()
        }
        if self.mode != .leaving {
            self.heldBytesChanged()
            self.setReading(!self.isPostponed && self.mode != .held || self.heldBytes == 0)
        }
        return hasPassed
    }

    private func nextSlice() -> ByteBuffer? {
        let count = self.waiting.readableBytes
        guard count > 0 else { return nil }
        switch self.mode {
        case .held, .leaving:
            return nil
        case .showing:
            self.shownBytes += count
            return self.waiting.readSlice(length: count)
        case .passing:
            return self.waiting.readSlice(length: count)
        case .open:
            return self.mayDecode() ? self.nextSliceToDecode(atMost: min(count, Self.sliceLimit)) : nil
        }
    }

    /// Whether it is this connection's turn; if not, it has been put behind the others.
    private func mayDecode() -> Bool {
        guard !self.isPostponed else { return false }
        if !self.hasFirstHead, self.firstHeadBytes < Self.promptBytes { return true }
        if self.worker.mayDecode { return true }
        if self.isHurried, self.worker.mayDecodeInHurry { return true }
        self.isPostponed = true
        self.worker.postpone(self)
        return false
    }

    private func nextSliceToDecode(atMost limit: Int) -> ByteBuffer? {
        let length: Int
        if self.bodyBytes > 0 {
            length = min(limit, self.bodyBytes)
            self.bodyBytes -= length
        } else {
            length = self.lengthToEmptyLine(atMost: limit)
        }
        self.firstHeadBytes += self.hasFirstHead ? 0 : length
        self.worker.decodedBytes += length
        return self.waiting.readSlice(length: length)
    }

    /// The number of bytes up to the end of the first empty line; all of them, up to `limit`, when there is none.
    private func lengthToEmptyLine(atMost limit: Int) -> Int {
        self.waiting.withUnsafeReadableBytes { bytes in
            let bytes = UnsafeRawBufferPointer(rebasing: bytes.prefix(limit))
            if !self.hasRequestLine {
                let end = bytes.firstIndex(of: Self.lineFeed)
                self.requestLineBytes += end ?? bytes.count
                self.hasRequestLine = end != nil
            }
            // Even places of the empty line have CR, odd ones LF.
            var matched = self.matched
            for index in bytes.indices {
                let byte = bytes[index]
                if byte == (matched & 1 == 0 ? Self.carriageReturn : Self.lineFeed) {
                    matched += 1
                } else {
                    matched = byte == Self.carriageReturn ? 1 : 0
                }
                if matched == Self.emptyLineLength {
                    self.matched = 0
                    self.hasFirstHead = true
                    return index + 1
                }
            }
            self.matched = matched
            return bytes.count
        }
    }

    private func setReading(_ isReading: Bool) {
        guard self.isReading != isReading, let channel = self.context?.channel, channel.isActive else { return }
        self.isReading = isReading
        try? channel.syncOptions?.setOption(.autoRead, value: isReading)
    }
}

@available(*, unavailable)
extension InputGate: Sendable {}
