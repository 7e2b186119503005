//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// A connection's identity inside the process: the host's slot and generation, opaque here.
///
/// An id is never used for two connections, so whatever names a closed one names nothing.
package struct ConnectionID: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}
