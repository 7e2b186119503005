//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import WebSocketCore

/// What one side sends compressed the other reads as it was, message for message.
///
/// The first byte of the input is the parameters of permessage-deflate, the second the sender and the level; the rest is
/// the messages, each behind a byte that says how often it is repeated and one for its length.
enum RoundTripProperty {
    static func check(_ input: UnsafeRawBufferPointer) throws(PropertyFailure) {
        guard input.count >= 2 else { return }
        let pool = DeflatePool()
        let now = MonotonicTime(nanoseconds: 1)
        let isServer = input[1] & 1 == 0
        let parameters = InflateProperty.parameters(input[0])
        let level = 1 + Int(input[1] >> 1) % 9
        var sender = WebSocketConnection(
            role: isServer ? .server : .client(seed: 3),
            limits: .init(),
            now: now,
            deflate: parameters,
            pool: pool
        )
        var output = ByteBuffer()
        var sent: [Endpoint.Report] = []
        var rest = input[2...]
        while let times = rest.popFirst(), let length = rest.popFirst(), sent.count < 8 {
            let piece = rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
            let message = Array(repeatElement(piece, count: 1 + Int(times)).joined())
            message.withUnsafeBytes { sender.writeMessage($0, as: .binary, level: level, into: &output) }
            sent.append(.message(.binary, message))
        }
        let setup = Endpoint.Setup(
            role: isServer ? .client(seed: 5) : .server,
            deflate: parameters,
            pool: pool
        )
        let result = try output.withUnsafeReadableBytes { (bytes) throws(PropertyFailure) in
            try Endpoint.hold(setup, bytes, cutAt: stride(from: 1, to: bytes.count, by: 97).map(\.self))
        }
        try PropertyFailure.unless(result.reports == sent, "sent \(sent), read \(result.reports)")
    }
}
