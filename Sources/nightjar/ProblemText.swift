//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NightjarServer

/// What is printed when the server cannot start.
package enum ProblemText {
    /// Every problem from a line of its own on; it keeps its lines, and other control characters are escaped.
    package static func text(_ problems: [String]) -> String {
        problems.map { problem in
            let lines = problem.split(separator: "\n", omittingEmptySubsequences: false)
            return "nightjar: \(lines.map { LogEscape.escaped(String($0)) }.joined(separator: "\n"))\n"
        }.joined()
    }
}
