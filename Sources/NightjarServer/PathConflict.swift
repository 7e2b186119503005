//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Two routes whose patterns match the same paths.
package struct PathConflict: Equatable, CustomStringConvertible {
    package let pattern: String
    package let script: String
    package let otherPattern: String
    package let otherScript: String

    /// Every one among `routes`, by script.
    package static func all(among routes: [Route]) -> [PathConflict] {
        var owners: [String: Route] = [:]
        var conflicts: [PathConflict] = []
        for route in routes.sorted(by: { $0.script < $1.script }) {
            guard let owner = owners[route.pattern.shape] else {
                owners[route.pattern.shape] = route
                continue
            }
            conflicts.append(
                PathConflict(
                    pattern: route.path,
                    script: route.script,
                    otherPattern: owner.path,
                    otherScript: owner.script
                )
            )
        }
        return conflicts
    }

    /// What is wrong with the setting `path` of ``script``.
    package var problem: ScriptSettings.Problem {
        let other = self.otherPattern == self.pattern ? "" : " as `\(self.otherPattern)`"
        return ScriptSettings.Problem(
            key: "path",
            sentence: "`\(self.pattern)` is served by \(self.otherScript) too\(other): give one of them another `path`"
        )
    }

    package var description: String { "\(self.script): \(self.problem)" }
}
