//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What became of a route that was to be loaded again.
package struct ReloadOutcome: Sendable, Equatable {
    package enum Result: Sendable, Equatable {
        /// The version serves.
        case committed(version: Int)

        /// Nobody served the path before.
        case added

        /// Its script is gone, and its connections are closed.
        case removed

        /// The version serves on, for this reason.
        case refused(version: Int, reason: String)

        /// A new script that serves nothing, for this reason.
        case notServed(reason: String)
    }

    /// ``Route/name``.
    package let route: String
    package let result: Result

    package init(_ route: String, _ result: Result) {
        self.route = route
        self.result = result
    }

    package var isGood: Bool {
        switch self.result {
        case .committed, .added, .removed: true
        case .refused, .notServed: false
        }
    }

    /// A sentence, and for an error the lines that show it.
    package var text: String {
        switch self.result {
        case .committed(let version): "\(self.route): version \(version) serves"
        case .added: "\(self.route): served from now on"
        case .removed: "\(self.route): removed, its connections are closed"
        case .refused(let version, let reason): "\(self.route): refused, version \(version) serves on\n\(reason)"
        case .notServed(let reason): "\(self.route): not served\n\(reason)"
        }
    }
}

/// What an order to load again was answered.
package struct ReloadAnswer: Sendable {
    /// 200, 404 for a route that is not there, or 409 when something was refused.
    package let status: Int
    package let text: String

    package init(status: Int, text: String) {
        self.status = status
        self.text = text
    }

    init(_ outcomes: [ReloadOutcome]) {
        self.status = outcomes.allSatisfy(\.isGood) ? 200 : 409
        self.text = outcomes.isEmpty ? "nothing has changed" : outcomes.map(\.text).joined(separator: "\n")
    }
}
