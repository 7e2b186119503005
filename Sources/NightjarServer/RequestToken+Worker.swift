//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime

extension RequestToken {
    /// Composes a token.
    ///
    /// - Parameters:
    ///   - worker: the index of the event loop that owns the socket, below ``ConnectionID/maximumWorkers``.
    ///   - number: counts that loop's requests, from 1.
    package init(worker: Int, number: UInt64) {
        self.init(rawValue: UInt64(worker) << 56 | number & 0xFF_FFFF_FFFF_FFFF)
    }

    /// The index of the event loop that owns the socket.
    package var worker: Int { Int(self.rawValue >> 56) }
}
