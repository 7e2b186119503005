//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NIOCore
import NightjarServer
import WebSocketCore

/// A WebSocket client in memory, on the core's client role.
final class TestClient {
    enum Received: Equatable {
        case text(String)
        case binary([UInt8])
        case ping
        case pong
        case close(UInt16?, String)
    }

    let connection: Connection
    let transport = MemoryTransport()
    private(set) var received: [Received] = []
    private(set) var answer = ""
    private var websocket: WebSocketConnection
    /// All that the server has sent, in bytes.
    private(set) var receivedBytes = 0

    init(
        _ connection: Connection,
        target: String = "/test",
        headers: [(name: String, value: String)] = [],
        deflate: DeflateParameters? = nil,
        isBroken: Bool = false
    ) throws {
        self.websocket = WebSocketConnection(
            role: .client(seed: 7),
            limits: .init(maxMessageSize: 1 << 28),
            now: MonotonicTime(nanoseconds: 0),
            deflate: deflate,
            pool: DeflatePool()
        )
        self.connection = connection
        self.transport.connection = connection
        self.transport.isBroken = isBroken
        let request = ClientRequest(
            publicID: PublicID(),
            method: "GET",
            target: try RequestTarget(target),
            parameters: [],
            ip: "127.0.0.1",
            isSecure: false,
            headers: headers,
            subprotocol: nil,
            deflate: deflate
        )
        connection.open(on: self.transport, request: request, answer: ByteBuffer(string: "101\n"))
    }

    var id: ConnectionID { self.connection.id }

    /// The texts that came, in order.
    var texts: [String] {
        self.take()
        return self.received.compactMap { if case .text(let text) = $0 { text } else { nil } }
    }

    /// The Close that came.
    var close: Received? {
        self.take()
        return self.received.first { if case .close = $0 { true } else { false } }
    }

    func send(_ text: String) {
        self.feed(self.frame(text))
    }

    func send(_ texts: [String]) {
        var bytes = ByteBuffer()
        for text in texts {
            bytes.writeImmutableBuffer(self.frame(text))
        }
        self.feed(bytes)
    }

    func send(compressed text: String) {
        self.send(compressed: [text])
    }

    /// Sends messages that arrive together.
    func send(compressed texts: [String]) {
        var output = ByteBuffer()
        for var text in texts {
            text.withUTF8 { bytes in
                self.websocket.writeMessage(UnsafeRawBufferPointer(bytes), as: .text, level: 1, into: &output)
            }
        }
        self.feed(output)
    }

    func send(binary: [UInt8]) {
        var output = ByteBuffer()
        binary.withUnsafeBytes { _ = self.websocket.send($0, as: .binary, into: &output) }
        self.feed(output)
    }

    func ping(_ payload: String = "") {
        var output = ByteBuffer()
        var payload = payload
        payload.withUTF8 { _ = self.websocket.ping(UnsafeRawBufferPointer($0), into: &output) }
        self.feed(output)
    }

    func sendClose(_ code: CloseCode? = .normal, _ reason: String = "") {
        var output = ByteBuffer()
        _ = self.websocket.close(code: code, reason: reason, into: &output, now: MonotonicTime(nanoseconds: 0))
        self.feed(output)
    }

    /// Answers the server's Close.
    func acknowledgeClose() {
        self.take()
        var output = ByteBuffer()
        self.websocket.acknowledgeClose(into: &output, now: MonotonicTime(nanoseconds: 0))
        self.feed(output)
    }

    func feed(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0, !self.transport.isClosed else { return }
        self.connection.receive(bytes)
    }

    func feed(_ bytes: [UInt8]) {
        self.feed(ByteBuffer(bytes: bytes))
    }

    func frame(_ text: String) -> ByteBuffer {
        var output = ByteBuffer()
        var text = text
        text.withUTF8 { _ = self.websocket.send(UnsafeRawBufferPointer($0), as: .text, into: &output) }
        return output
    }

    /// Parses what the server has sent so far.
    func take() {
        var bytes = self.transport.takeSent()
        self.receivedBytes += bytes.readableBytes
        if self.answer.isEmpty, bytes.readableBytes > 0 {
            self.answer = bytes.readString(length: 4) ?? ""
        }
        bytes.withUnsafeMutableReadableBytes { bytes in
            var input = bytes
            while true {
                do {
                    guard let event = try self.websocket.nextEvent(from: &input) else { return }
                    switch event {
                    case .message(.text, let payload):
                        self.received.append(.text(String(decoding: payload, as: UTF8.self)))
                    case .message(.binary, let payload):
                        self.received.append(.binary(Array(payload)))
                    case .ping:
                        self.received.append(.ping)
                    case .pong:
                        self.received.append(.pong)
                    case .close(let code, let reason):
                        self.received.append(.close(code?.rawValue, String(decoding: reason, as: UTF8.self)))
                    }
                } catch {
                    preconditionFailure("the server broke the protocol: \(error)")
                }
            }
        }
    }
}
