//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NIOCore
package import WebSocketCore

/// One message as frames for many connections: encoded once, and compressed once for each window in use.
package struct BroadcastFrames: Sendable {
    /// Who needs which frame: members that take the message as it is, or compress it for themselves, count as plain.
    package struct Demand: CustomStringConvertible {
        /// Members by the power of two of the window that their frames are compressed with, the plain ones at 0.
        private var counts = [Int](repeating: 0, count: Int(DeflateParameters.windowBits.upperBound) + 1)

        package init() {}

        /// One of the plain frame and of windows, each a bit.
        init(windows: UInt32) {
            for bits in self.counts.indices where bits == 0 || windows & 1 << UInt32(bits) != 0 {
                self.counts[bits] = 1
            }
        }

        /// Adds or removes a member that has agreed to `deflate`.
        package mutating func change(by count: Int, for deflate: DeflateParameters?) {
            let bits = deflate.map { $0.serverNoContextTakeover ? Int($0.serverMaxWindowBits) : 0 } ?? 0
            self.counts[bits] += count
        }

        /// Each window in use with its members, the plain ones at 0.
        package var description: String {
            self.counts.indices.filter { self.counts[$0] > 0 }.map { "\($0): \(self.counts[$0])" }
                .joined(separator: ", ")
        }

        fileprivate func contains(_ bits: Int) -> Bool { self.counts[bits] > 0 }
    }

    /// The frame for those without another; empty when everybody has one.
    package private(set) var plain = ByteBuffer()

    /// The bytes of the plain frame that are payload, the last ones.
    private let payloadCount: Int
    package let isText: Bool

    /// Whether the message is to be compressed, where that was agreed.
    package let compresses: Bool
    private var compressed: [(windowBits: UInt8, frame: ByteBuffer)] = []

    /// - Parameters:
    ///   - payload: the message.
    ///   - isText: whether it is text.
    ///   - demand: what the frames are for; what nobody needs is not made.
    ///   - level: 1...9, how hard to compress; nil compresses nothing.
    ///   - pool: whose zlib states are used.
    package init(
        _ payload: UnsafeRawBufferPointer,
        isText: Bool,
        demand: Demand,
        level: Int?,
        pool: DeflatePool
    ) {
        self.payloadCount = payload.count
        self.isText = isText
        self.compresses = level != nil
        let opcode: Opcode = isText ? .text : .binary
        var needsPlain = demand.contains(0)
        for bits in DeflateParameters.windowBits where demand.contains(Int(bits)) {
            if let level, let smaller = pool.compress(payload, windowBits: bits, level: level) {
                var frame = ByteBuffer()
                WebSocketConnection.writeCompressedFrame(opcode, payload: smaller, into: &frame)
                self.compressed.append((bits, frame))
            } else {
                needsPlain = true
            }
        }
        if needsPlain {
            WebSocketConnection.writeFrame(opcode, payload: payload, into: &self.plain)
        }
    }

    /// Bytes of all frames.
    package var byteCount: Int {
        self.compressed.reduce(self.plain.readableBytes) { $0 + $1.frame.readableBytes }
    }

    /// The message itself, out of the plain frame, for connections that compress it for themselves.
    package func withPayload(_ body: (UnsafeRawBufferPointer) -> Void) {
        self.plain.withUnsafeReadableBytes { body(UnsafeRawBufferPointer(rebasing: $0.suffix(self.payloadCount))) }
    }

    /// The compressed frame for that window.
    package func frame(windowBits: UInt8) -> ByteBuffer? {
        self.compressed.first { $0.windowBits == windowBits }?.frame
    }
}
