//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The handlers that a script has.
package struct Handlers: OptionSet, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let connect = Handlers(rawValue: 1 << 0)
    package static let message = Handlers(rawValue: 1 << 1)
    package static let close = Handlers(rawValue: 1 << 2)
    package static let drain = Handlers(rawValue: 1 << 3)
    package static let error = Handlers(rawValue: 1 << 4)
    package static let upgrade = Handlers(rawValue: 1 << 5)
    package static let request = Handlers(rawValue: 1 << 6)
}
