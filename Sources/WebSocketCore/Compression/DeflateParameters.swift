//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What both sides have agreed to about permessage-deflate (RFC 7692 section 7.1).
package struct DeflateParameters: Hashable, Sendable {
    /// The sizes of the LZ77 window that zlib can both write and read, as powers of two. RFC 7692 has 8 as well, but zlib
    /// writes no raw stream with it.
    package static let windowBits: ClosedRange<UInt8> = 9...15

    /// Whether the server forgets what it has sent before each message (section 7.1.1.1).
    package var serverNoContextTakeover: Bool
    /// Whether the client does (section 7.1.1.2).
    package var clientNoContextTakeover: Bool
    /// The power of two of the window that the server compresses with, 9...15 (section 7.1.2.1).
    package var serverMaxWindowBits: UInt8
    /// The power of two of the window that the client compresses with, 9...15 (section 7.1.2.2).
    package var clientMaxWindowBits: UInt8

    /// Window sizes outside of 9...15 are taken as the nearest within.
    package init(
        serverNoContextTakeover: Bool = true,
        clientNoContextTakeover: Bool = true,
        serverMaxWindowBits: UInt8 = 15,
        clientMaxWindowBits: UInt8 = 15
    ) {
        self.serverNoContextTakeover = serverNoContextTakeover
        self.clientNoContextTakeover = clientNoContextTakeover
        self.serverMaxWindowBits = Self.clamped(serverMaxWindowBits)
        self.clientMaxWindowBits = Self.clamped(clientMaxWindowBits)
    }

    static func clamped(_ bits: UInt8) -> UInt8 {
        min(max(bits, windowBits.lowerBound), windowBits.upperBound)
    }
}
