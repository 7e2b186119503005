//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What a server wants of permessage-deflate; what a client asks for on top is in its offer.
package struct DeflatePolicy: Hashable, Sendable {
    /// Whether the server may refer to earlier messages: better compression for some 256 KiB of memory a connection.
    package var serverTakeover: Bool
    /// Whether clients may: some 40 KiB a connection.
    package var clientTakeover: Bool
    /// The largest window that the server compresses with, as a power of two, 9...15.
    package var serverWindowBits: UInt8
    /// The largest window that clients are asked to compress with, as a power of two, 9...15.
    package var clientWindowBits: UInt8

    /// Window sizes outside of 9...15 are taken as the nearest within.
    package init(
        serverTakeover: Bool = false,
        clientTakeover: Bool = false,
        serverWindowBits: UInt8 = 15,
        clientWindowBits: UInt8 = 15
    ) {
        self.serverTakeover = serverTakeover
        self.clientTakeover = clientTakeover
        self.serverWindowBits = DeflateParameters.clamped(serverWindowBits)
        self.clientWindowBits = DeflateParameters.clamped(clientWindowBits)
    }
}
