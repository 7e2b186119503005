//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NightjarServer

/// One thing that is wrong with the configuration, with the place where it stands.
package struct ConfigurationProblem: Error, Equatable, CustomStringConvertible {
    /// Where a value was given.
    package enum Place: Sendable, Equatable, CustomStringConvertible {
        /// An option or argument of the command line.
        case argument(String)
        /// An environment variable.
        case environment(String)
        /// A line of the file, from 1, where one can be named.
        case file(String, line: Int?)

        package var description: String {
            switch self {
            case .argument(let name), .environment(let name): name
            case .file(let path, line: nil): path
            case .file(let path, line: let line?): "\(path):\(line)"
            }
        }
    }

    package let place: Place

    /// What is wrong and what would be right.
    package let sentence: String

    package init(_ place: Place, _ sentence: String) {
        self.place = place
        self.sentence = sentence
    }

    package var description: String {
        LogEscape.escaped("\(place): \(sentence)")
    }
}

/// Everything that is wrong with the configuration of one start.
package struct ConfigurationError: Error, Equatable {
    package let problems: [ConfigurationProblem]
}
