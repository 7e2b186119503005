//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Which HTTP request an `upgrade` or `request` answers: the host's own number, opaque here and never 0.
///
/// A token is never used for two requests, so the answer to one that nobody waits for any more reaches nobody.
package struct RequestToken: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}
