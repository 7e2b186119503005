//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import Logging
package import NightjarServer

/// What an operator can set: the server's configuration and the log's.
package struct NightjarConfiguration: SettingsRoot, Equatable {
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

    /// Where each route of `server.routes` is named.
    package var routePlaces: [String: ConfigurationProblem.Place] = [:]

    package init() {}

    /// What is wrong with settings for the route `name` when there are only `routes`.
    package func unknownRoute(_ name: String, among routes: [String]) -> ConfigurationProblem {
        let nearest = Nearest.name(to: name, among: routes)
        let hint = nearest.map { "did you mean `\($0)`?" } ?? "no `\(name).lua` is served"
        let place = routePlaces[name] ?? .argument("configuration")
        return ConfigurationProblem(place, "unknown route `\(Schema.routes).\(name)`: \(hint)")
    }
}
