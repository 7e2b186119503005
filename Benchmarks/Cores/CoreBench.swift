//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import CStockLua
import NIOCore
import WebSocketCore

/// What the cores do for a message, one thing each.
enum CoreBench: String, CaseIterable {
    case parse
    case serialise
    case unmask
    case utf8ASCII = "utf8-ascii"
    case utf8Multibyte = "utf8-multibyte"
    case deflate
    case inflate
    case dispatch
    case echo
    case sendToTen = "send-to-ten"
    case decodeJSON = "json-decode"
    case encodeJSON = "json-encode"
    /// Lua that only counts, in a handler with its budgets, and in the system's Lua without any.
    case loop
    case loopWithoutBudgets = "loop-without-budgets"

    private static let now = MonotonicTime(nanoseconds: 1_000_000_000)
    private static let json = json(17)

    /// Does it so many times.
    func run(_ count: Int) throws {
        switch self {
        case .parse:
            try receive(Self.frame(text(32), isCompressed: false), deflate: nil, count)
        case .serialise:
            var output = ByteBuffer()
            repeated(count, text(32)) { payload in
                output.clear()
                WebSocketConnection.writeFrame(.text, payload: UnsafeRawBufferPointer(payload), into: &output)
            }
        case .unmask:
            var key = MaskingKey(word: 0xE95C_A712)
            repeated(count, text(1024)) { key.apply(to: $0) }
        case .utf8ASCII:
            validate(text(1024), count)
        case .utf8Multibyte:
            validate(Array(String(repeating: "äЖ€漢", count: 103).utf8), count)
        case .deflate:
            let pool = DeflatePool()
            repeated(count, Self.document) { payload in
                _ = pool.compress(UnsafeRawBufferPointer(payload), windowBits: 15, level: 1)
            }
        case .inflate:
            let pool = DeflatePool()
            let compressed = Self.document.withUnsafeBytes { document in
                // What comes back is the pool's.
                withExtendedLifetime(pool) { pool.compress(document, windowBits: 15, level: 1).map { Array($0) } ?? [] }
            }
            try receive(Self.frame(compressed, isCompressed: true), deflate: DeflateParameters(), count)
        case .dispatch:
            try script("return { message = function() end }", text(32), count)
        case .echo:
            try script("return { message = function(conn, data, kind) conn:send(data, kind) end }", text(32), count)
        case .sendToTen:
            try script(
                "return { message = function(_, data, kind) for other in ws.conns() do other:send(data, kind) end end }",
                text(32),
                count
            )
        case .decodeJSON:
            try script(
                "local read = ws.json.decode return { message = function(_, data) read(data) end }",
                Array(Self.json.utf8),
                count
            )
        case .encodeJSON:
            let source = """
                local write, value = ws.json.encode, ws.json.decode('\(Self.json)')
                return { message = function() write(value) end }
                """
            try script(source, text(32), count)
        case .loop:
            try script("return { message = function() \(Self.counting) end }", text(32), count)
        case .loopWithoutBudgets:
            let source = "for _ = 1, \(count) do (function() \(Self.counting) end)() end return ''"
            var length = 0
            nj_stock_free(nj_stock_run(source, source.utf8.count, nil, 0, &length))
        }
    }

    private static let counting = "local sum = 0 for i = 1, 10000 do sum = sum + i % 7 end"

    /// About a KiB of what a server sends.
    private static var document: [UInt8] {
        Array("[\((0..<12).map(json).joined(separator: ","))]".utf8)
    }

    private static func json(_ id: Int) -> String {
        #"{"type":"move","id":\#(id),"at":[12.5,-3.75],"name":"Ada","tags":["a","b"],"alive":true}"#
    }

    /// A client's frame. Its key is zero, so that what was unmasked in place can be read again.
    private static func frame(_ payload: [UInt8], isCompressed: Bool) -> [UInt8] {
        let first: UInt8 = isCompressed ? 0xC1 : 0x81
        let length: [UInt8] =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)]
            : [0xFE, UInt8(truncatingIfNeeded: payload.count >> 8), UInt8(truncatingIfNeeded: payload.count)]
        return [first] + length + [0, 0, 0, 0] + payload
    }

    private func text(_ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(ascii: "a") + UInt8($0 % 26) }
    }

    private func repeated(
        _ count: Int,
        _ bytes: [UInt8],
        _ body: (UnsafeMutableRawBufferPointer) throws -> Void
    ) rethrows {
        var bytes = bytes
        try bytes.withUnsafeMutableBytes { bytes in
            for _ in 0..<count { try body(bytes) }
        }
    }

    private func receive(_ frame: [UInt8], deflate: DeflateParameters?, _ count: Int) throws {
        let pool = DeflatePool()
        var connection = WebSocketConnection(
            role: .server,
            limits: WebSocketConnection.Limits(),
            now: Self.now,
            deflate: deflate,
            pool: deflate == nil ? nil : pool
        )
        var frame = frame
        let messages = try frame.withUnsafeMutableBytes { bytes in
            var messages = 0
            for _ in 0..<count {
                var input = bytes
                connection.received(at: Self.now)
                while let event = try connection.nextEvent(from: &input) {
                    if case .message = event { messages += 1 }
                }
            }
            return messages
        }
        guard messages == count else { throw Wrong(description: "\(messages) messages of \(count) came out") }
    }

    private func validate(_ bytes: [UInt8], _ count: Int) {
        repeated(count, bytes) { bytes in
            var validator = UTF8Validator()
            precondition(validator.consume(UnsafeRawBufferPointer(bytes)) && validator.isComplete)
        }
    }

    private func script(_ source: String, _ message: [UInt8], _ count: Int) throws {
        let script = try BenchScript(source)
        try repeated(count, message) { try script.message(UnsafeRawBufferPointer($0)) }
    }
}

/// A bench that does not do what it counts.
struct Wrong: Error, CustomStringConvertible {
    let description: String
}
