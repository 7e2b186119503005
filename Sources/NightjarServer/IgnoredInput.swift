//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NIOCore

/// Drops what a peer still sends behind an answer that ends its connection.
///
/// It stands in front of the HTTP decoder: behind a request to upgrade, or after an error, that parses no more but keeps
/// all that comes.
final class IgnoredInput: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Bytes that are read so that the peer sees the answer, before the connection is dropped: more than the kernels of
    /// both sides hold.
    static let limit = 16 * 1024 * 1024

    private let passed: () -> Void
    private var byteCount = 0

    /// - Parameter passed: called once when ``limit`` is passed; the connection ends then.
    init(passed: @escaping () -> Void) {
        self.passed = passed
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let hadPassed = self.byteCount > Self.limit
        self.byteCount += self.unwrapInboundIn(data).readableBytes
        guard self.byteCount > Self.limit, !hadPassed else { return }
        self.passed()
        context.closeSocket()
    }
}

@available(*, unavailable)
extension IgnoredInput: Sendable {}
