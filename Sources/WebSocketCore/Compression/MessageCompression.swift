//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What a connection that agreed on permessage-deflate keeps: nothing but a few words while it is idle and takes no context
/// over.
final class MessageCompression {
    /// What one side of a connection does.
    struct Direction {
        /// Whether messages may refer to those before them.
        let takesOver: Bool
        let windowBits: UInt8
    }

    let pool: DeflatePool
    let incoming: Direction
    let outgoing: Direction
    /// Of the unfinished message, or of all messages where the peer takes its context over.
    private(set) var inflater: Inflater?
    private var deflater: Deflater?
    /// The declared lengths of the unfinished message's frames.
    private var compressedBytes = 0

    init(_ parameters: DeflateParameters, isServer: Bool, pool: DeflatePool) {
        let server = Direction(
            takesOver: !parameters.serverNoContextTakeover,
            windowBits: parameters.serverMaxWindowBits
        )
        let client = Direction(
            takesOver: !parameters.clientNoContextTakeover,
            windowBits: parameters.clientMaxWindowBits
        )
        self.pool = pool
        incoming = isServer ? client : server
        outgoing = isServer ? server : client
    }

    deinit {
        if !incoming.takesOver, let inflater { pool.giveBack(inflater) }
    }

    /// The heap memory of the zlib states that it holds.
    var byteCount: Int {
        (inflater?.byteCount ?? 0) + (deflater == nil ? 0 : Deflater.byteCount(windowBits: outgoing.windowBits))
    }

    /// Begins a compressed message.
    func begin() throws(ProtocolViolation) {
        compressedBytes = 0
        guard inflater == nil else { return }
        inflater = incoming.takesOver ? Inflater(windowBits: incoming.windowBits) : pool.borrowInflater()
        guard inflater != nil else { throw .inflaterUnavailable }
    }

    /// Counts a frame of the message: one that is compressed in earnest is not larger than what zlib makes of bytes that do
    /// not compress, in fragments that are each flushed.
    func add(_ length: Int, limit: Int) throws(ProtocolViolation) {
        guard length <= limit &+ limit / 4 &+ 64 * 1024 &- compressedBytes else {
            throw .messageTooBig(limit: limit)
        }
        compressedBytes &+= length
    }

    /// Ends the message, or drops what is unfinished of it. A stream that breaks off cannot be taken over.
    func end(isWhole: Bool) {
        guard let inflater, !incoming.takesOver || !isWhole else { return }
        self.inflater = nil
        if !incoming.takesOver { pool.giveBack(inflater) }
    }

    /// Compresses a message that is to be sent.
    ///
    /// - Returns: The payload, valid until the pool is used again, or nil when it is sent as it is.
    func compress(_ payload: UnsafeRawBufferPointer, level: Int) -> UnsafeRawBufferPointer? {
        guard outgoing.takesOver else { return pool.compress(payload, windowBits: outgoing.windowBits, level: level) }
        if deflater == nil { deflater = Deflater(windowBits: outgoing.windowBits, level: level) }
        guard let deflater else { return nil }
        return pool.compress(payload, with: deflater, level: level)
    }
}
