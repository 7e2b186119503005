//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import Testing
import WebSocketCore

/// What a connection reported, as a value.
enum Observed: Hashable {
    case message(MessageKind, [UInt8])
    case ping
    case pong
    case close(UInt16?, String)
    case violation(ProtocolViolation)

    static func text(_ text: String) -> Observed { .message(.text, Array(text.utf8)) }
}

/// A connection driven as a server drives it: each ping and each Close is answered at once, each violation too.
final class Endpoint {
    var connection: WebSocketConnection
    var now: MonotonicTime
    private var output = ByteBuffer()

    init(
        _ role: WebSocketConnection.Role = .server,
        limits: WebSocketConnection.Limits = .init(),
        now: MonotonicTime = MonotonicTime(nanoseconds: 1_000_000_000),
        deflate: DeflateParameters? = nil,
        pool: DeflatePool? = nil
    ) {
        connection = WebSocketConnection(role: role, limits: limits, now: now, deflate: deflate, pool: pool)
        self.now = now
    }

    var hasPendingPong: Bool { connection.hasPendingPong }

    /// Gives the connection one read of exactly these bytes.
    func receive(_ bytes: [UInt8]) -> [Observed] {
        // Memory of its own and no larger, so that a sanitizer sees a byte read too far or too late.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { memory.deallocate() }
        memory.copyBytes(from: bytes)
        var input = memory
        var observed: [Observed] = []
        connection.received(at: now)
        while let event = next(&input) { observed.append(event) }
        #expect(input.isEmpty, "all of the input is used up")
        return observed
    }

    func receive(_ frames: RawFrame...) -> [Observed] {
        receive(frames.bytes)
    }

    /// Gives the connection one read for each piece between two of the offsets.
    func receive(_ bytes: [UInt8], splitAt offsets: [Int]) -> [Observed] {
        let edges = [0] + offsets + [bytes.count]
        return zip(edges, edges.dropFirst()).flatMap { receive(Array(bytes[$0..<$1])) }
    }

    @discardableResult
    func send(_ payload: [UInt8], as kind: MessageKind = .text) -> Bool {
        payload.withUnsafeBytes { connection.send($0, as: kind, into: &output) }
    }

    func writeMessage(_ payload: [UInt8], as kind: MessageKind = .text, level: Int = 1) {
        payload.withUnsafeBytes { connection.writeMessage($0, as: kind, level: level, into: &output) }
    }

    @discardableResult
    func ping(_ payload: [UInt8] = []) -> Bool {
        payload.withUnsafeBytes { connection.ping($0, into: &output) }
    }

    @discardableResult
    func close(_ code: CloseCode? = nil, _ reason: String = "") -> Bool {
        connection.close(code: code, reason: reason, into: &output, now: now)
    }

    func acknowledgeClose() {
        connection.acknowledgeClose(into: &output, now: now)
    }

    func fail(_ violation: ProtocolViolation) {
        connection.fail(with: violation, into: &output, now: now)
    }

    func writePendingPong() {
        connection.writePendingPong(into: &output)
    }

    func handleDeadline() -> WebSocketConnection.DeadlineAction {
        connection.handleDeadline(now: now, into: &output)
    }

    /// All that was written since the last call.
    func takeOutput() -> [UInt8] {
        defer { output.clear() }
        return Array(output.readableBytesView)
    }

    private func next(_ input: inout UnsafeMutableRawBufferPointer) -> Observed? {
        do throws(ProtocolViolation) {
            switch try connection.nextEvent(from: &input) {
            case .message(let kind, let payload): return .message(kind, Array(payload))
            case .ping:
                writePendingPong()
                return .ping
            case .pong: return .pong
            case .close(let code, let reason):
                // Answered first: what is lent has to outlast the answer.
                acknowledgeClose()
                return .close(code?.rawValue, String(decoding: reason, as: UTF8.self))
            case nil: return nil
            }
        } catch {
            fail(error)
            return .violation(error)
        }
    }
}
