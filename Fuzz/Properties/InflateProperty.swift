//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import WebSocketCore

/// Compressed frames, right or wrong, keep all that `FramesProperty` holds; a state that was lent comes back clean.
///
/// The input is that of `FramesProperty` behind a byte with the parameters of permessage-deflate.
enum InflateProperty {
    static func check(_ input: UnsafeRawBufferPointer) throws(PropertyFailure) {
        guard input.count >= 4 else { return }
        var setup = FramesProperty.setup(input[1], input[2])
        setup.deflate = parameters(input[0])
        // One pool for all the ways to cut: what the first left in a state would show in the second.
        setup.pool = DeflatePool()
        try FramesProperty.check(setup, UnsafeRawBufferPointer(rebasing: input[4...]), seed: input[3])
    }

    static func parameters(_ byte: UInt8) -> DeflateParameters {
        DeflateParameters(
            serverNoContextTakeover: byte & 1 != 0,
            clientNoContextTakeover: byte & 2 != 0,
            serverMaxWindowBits: 9 + (byte >> 2 & 7),
            clientMaxWindowBits: 9 + (byte >> 5 & 7)
        )
    }
}
