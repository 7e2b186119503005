//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import ArgumentParser

/// The command `nightjar config`.
struct PrintConfiguration: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Print a configuration file: every key with its default and what it does.",
        discussion: "nightjar config > \(ConfigurationFile.defaultPath)"
    )

    func run() {
        StandardStream.output.write(ConfigurationTemplate.text)
    }
}
