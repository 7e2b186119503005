//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// A value of a route's setting, as somebody gave it. It has been checked against the setting.
package struct GivenSetting: Sendable, Equatable {
    package let key: String

    /// The value as it is written in arguments and variables.
    package let text: String

    /// Where it was given: `nightjar.yaml:12`, `chat.lua`.
    package let place: String

    package init(key: String, text: String, place: String) {
        self.key = key
        self.text = text
        self.place = place
    }
}

extension RouteConfiguration {
    /// The same with what was given in place of what holds otherwise.
    package func with(_ given: [GivenSetting]) -> RouteConfiguration {
        var configuration = self
        for setting in given {
            _ = RouteSettings.table[setting.key]?.set(setting.text, in: &configuration)
        }
        return configuration
    }
}
