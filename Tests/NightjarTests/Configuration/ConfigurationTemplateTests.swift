//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import NightjarServer
import Testing
import nightjar

struct ConfigurationTemplateTests {
    /// `nightjar config > config/nightjar.yaml` writes the file anew.
    @Test func isTheFileOfTheRepository() throws {
        let root = URL(filePath: #filePath).appending(path: "../../../..").standardized
        let file = try String(contentsOf: root.appending(path: ConfigurationFile.defaultPath), encoding: .utf8)
        #expect(file == ConfigurationTemplate.text)
    }

    @Test func saysNothingWhileItIsCommentedOut() {
        let given = GivenValues(file: ConfigurationFile(path: "n.yaml", text: ConfigurationTemplate.text))
        #expect(given.values.isEmpty && given.problems.isEmpty)
    }

    /// Without its `# ` every line is valid, and says what holds anyway.
    @Test func givesEachKeyItsDefault() throws {
        let lines = ConfigurationTemplate.text.split(separator: "\n").map { line in
            line.hasPrefix("# ") ? line.dropFirst(2) : line
        }
        let file = ConfigurationFile(path: "n.yaml", text: lines.joined(separator: "\n"))
        let given = GivenValues(file: file).values.filter { $0.route == nil }
        #expect(given.map(\.setting.key) == Schema.settings.map(\.key))

        var configuration = try NightjarConfiguration.load(arguments: [:], environment: [:], file: file)
        #expect(configuration.server.routes.keys.sorted() == ["chat"])
        configuration.server.routes = [:]
        configuration.server.routePlaces = [:]
        configuration.routePlaces = [:]
        #expect(configuration == NightjarConfiguration())
    }

    @Test func fitsIntoTheWidthOfTheProject() {
        #expect(ConfigurationTemplate.text.split(separator: "\n").allSatisfy { $0.count <= 120 })
    }
}
