//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Testing
import nightjar

struct ConfigurationFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "nightjar-\(UUID().uuidString)").path

    @Test func readsTheFirstThatIsNamed() throws {
        let (argument, variable, other) = (try file("a", "a"), try file("b", "b"), try file("c", "c"))
        defer { removeFolder() }
        #expect(try find(argument, variable, other) == ConfigurationFile(path: argument, text: "a"))
        #expect(try find(nil, variable, other) == ConfigurationFile(path: variable, text: "b"))
        #expect(try find(nil, nil, other) == ConfigurationFile(path: other, text: "c"))
        #expect(try find(nil, nil, folder + "/missing") == nil)
    }

    @Test func namesAFileThatIsMissing() {
        #expect(
            problem(folder + "/x", nil) == "\(folder)/x: cannot be read: No such file or directory (named by --config)"
        )
        #expect(
            problem(nil, folder + "/x")
                == "\(folder)/x: cannot be read: No such file or directory (named by NIGHTJAR_CONFIG)"
        )
        #expect(problem(nil, "") == "``: cannot be read: No such file or directory (named by NIGHTJAR_CONFIG)")
    }

    @Test func refusesAFolder() throws {
        _ = try file("a", "")
        defer { removeFolder() }
        #expect(problem(folder, nil) == "\(folder): cannot be read: Is a directory (named by --config)")
    }

    @Test func refusesAFileThatIsTooLarge() throws {
        let fits = try file("fits", String(repeating: "#", count: ConfigurationFile.sizeLimit))
        let exceeds = try file("exceeds", String(repeating: "#", count: ConfigurationFile.sizeLimit + 1))
        defer { removeFolder() }
        #expect(try find(fits, nil, "")?.text.utf8.count == ConfigurationFile.sizeLimit)
        #expect(problem(exceeds, nil) == "\(exceeds): is larger than 1MiB (named by --config)")
    }

    @Test func refusesWhatIsNotUTF8() throws {
        let path = try file("a", "")
        defer { removeFolder() }
        try Data([0x61, 0xFF]).write(to: URL(filePath: path))
        #expect(problem(path, nil) == "\(path): is not UTF-8 text (named by --config)")
        #expect(throws: ConfigurationProblem(.file(path, line: nil), "is not UTF-8 text")) { try find(nil, nil, path) }
    }

    private func find(_ argument: String?, _ variable: String?, _ other: String) throws -> ConfigurationFile? {
        let environment = variable.map { ["NIGHTJAR_CONFIG": $0] } ?? [:]
        return try ConfigurationFile.find(argument: argument, environment: environment, default: other)
    }

    private func problem(_ argument: String?, _ variable: String?) -> String? {
        let error = #expect(throws: ConfigurationProblem.self) { try find(argument, variable, "") }
        return error?.description
    }

    private func file(_ name: String, _ text: String) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = "\(folder)/\(name)"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func removeFolder() {
        try? FileManager.default.removeItem(atPath: folder)
    }
}
