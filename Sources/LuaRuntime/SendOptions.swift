//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// How a script wants a message to be sent.
package struct SendOptions {
    /// Whether the message may be compressed, where that was agreed with the peer.
    package var compress: Bool

    /// The conflation key, empty without one, of at most ``longestKey`` bytes, valid as long as the message's own: an
    /// earlier frame of the same key that is wholly unsent gives way to this one.
    package var key: UnsafeRawBufferPointer

    /// Bytes of a key.
    package static let longestKey = 256

    package init(compress: Bool = true, key: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)) {
        self.compress = compress
        self.key = key
    }
}

@available(*, unavailable)
extension SendOptions: Sendable {}
