//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import Logging
package import NightjarServer

/// What an operator can set: the server's configuration and the log's.
package struct NightjarConfiguration: Sendable, Equatable {
    /// The shape of log lines.
    package enum LogLayout: String, Sendable, CaseIterable {
        /// `text` on a terminal, `json` elsewhere.
        case auto
        case text
        case json
    }

    package var server = ServerConfiguration()

    /// Events below this level are not logged.
    package var logLevel = Logger.Level.info

    package var logLayout = LogLayout.auto

    package init() {}
}
