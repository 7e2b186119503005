//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import WebSocketCore

/// A connection that is driven as the server drives it: each ping, each Close and each violation is answered at once.
final class Endpoint {
    /// What a conversation is held with, apart from its bytes.
    struct Setup {
        var role = WebSocketConnection.Role.server
        var limits = WebSocketConnection.Limits()
        /// After this many events our own Close goes out; 0 is never.
        var closesAfter = 0
        /// Whether memory is given back after each read, as it is when a loop is idle.
        var releasesMemory = false
        /// What was agreed about permessage-deflate, and whose states serve it.
        var deflate: DeflateParameters?
        var pool: DeflatePool?
    }

    /// What a connection reported.
    enum Report: Equatable {
        case message(MessageKind, [UInt8])
        case ping
        case pong
        case close(UInt16?, [UInt8])
        case violation(ProtocolViolation)
    }

    /// All that a conversation led to: the same for the same bytes, however they were cut.
    struct Result: Equatable {
        var reports: [Report] = []
        var output: [UInt8] = []
        var state = WebSocketConnection.State.open
    }

    private static let now = MonotonicTime(nanoseconds: 1_000_000_000)

    private let setup: Setup
    private var connection: WebSocketConnection
    private var output = ByteBuffer()
    private var reports: [Report] = []
    private var arrived = 0

    private init(_ setup: Setup) {
        self.setup = setup
        connection = WebSocketConnection(
            role: setup.role,
            limits: setup.limits,
            now: Self.now,
            deflate: setup.deflate,
            pool: setup.pool
        )
    }

    /// Holds a conversation with one read for each piece between two of the offsets, which must rise.
    static func hold(
        _ setup: Setup,
        _ bytes: UnsafeRawBufferPointer,
        cutAt offsets: some Sequence<Int>
    ) throws(PropertyFailure) -> Result {
        let endpoint = Endpoint(setup)
        var start = 0
        for end in offsets {
            try endpoint.receive(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            start = end
        }
        try endpoint.receive(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        return Result(
            reports: endpoint.reports,
            output: Array(endpoint.output.readableBytesView),
            state: endpoint.connection.state
        )
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
        // Memory of its own and no larger, so that a sanitizer sees a byte read too far or too late.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { memory.deallocate() }
        memory.copyMemory(from: bytes)
        arrived += bytes.count
        connection.received(at: Self.now)
        var input = memory
        while let report = next(&input) {
            reports.append(report)
            if reports.count == setup.closesAfter {
                _ = connection.close(code: .goingAway, reason: "over", into: &output, now: Self.now)
            }
        }
        try PropertyFailure.unless(input.isEmpty, "\(input.count) bytes of the input are left")
        if setup.releasesMemory { connection.releaseIdleMemory() }
        let capacity = connection.bufferCapacity
        // A compressed message may grow to the limit, in a buffer that doubles from one step of 16 KiB.
        let bound = max(2 * arrived, 2048) + (setup.deflate == nil ? 0 : 2 * setup.limits.maxMessageSize + 64 * 1024)
        try PropertyFailure.unless(capacity <= bound, "\(capacity) bytes of memory for \(arrived) that arrived")
        try PropertyFailure.unless(
            connection.bufferedBytes <= setup.limits.maxMessageSize + 125,
            "\(connection.bufferedBytes) bytes are held"
        )
    }

    private func next(_ input: inout UnsafeMutableRawBufferPointer) -> Report? {
        do throws(ProtocolViolation) {
            switch try connection.nextEvent(from: &input) {
            case .message(let kind, let payload): return .message(kind, Array(payload))
            case .ping:
                connection.writePendingPong(into: &output)
                return .ping
            case .pong: return .pong
            case .close(let code, let reason):
                // Answered first: what is lent has to outlast the answer.
                connection.acknowledgeClose(into: &output, now: Self.now)
                return .close(code?.rawValue, Array(reason))
            case nil: return nil
            }
        } catch {
            connection.fail(with: error, into: &output, now: Self.now)
            return .violation(error)
        }
    }
}
