//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The connections of the admin listener: a bounded number of them, of which one that nobody works for gives way to the next,
/// so that silent ones shut nobody out.
package final class AdminRoom {
    /// Connections that may be open at once; each lasts for one answer.
    package static let limit = 16

    /// In the order in which they came.
    private var handlers: [AdminHandler] = []

    package init() {}

    /// Lets a connection in, and if there is no room ends the oldest one whose request is not there yet, or is answered.
    ///
    /// - Returns: false when all wait for their answer.
    func enter(_ handler: AdminHandler) -> Bool {
        if self.handlers.count >= Self.limit {
            guard let oldest = self.handlers.first(where: { !$0.isAnswering }) else { return false }
            self.leave(oldest)
            oldest.drop()
        }
        self.handlers.append(handler)
        return true
    }

    /// A connection has ended.
    func leave(_ handler: AdminHandler) {
        self.handlers.removeAll { $0 === handler }
    }
}

@available(*, unavailable)
extension AdminRoom: Sendable {}
