//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Testing
import nightjar

/// The built command, as a person calls it.
struct CommandTests {
    @Test func tellsItsVersion() throws {
        #expect(try run("--version") == Result(status: 0, output: "\(NightjarVersion.current)\n", error: ""))
    }

    @Test func explainsItself() throws {
        let help = try run("serve", "--help")
        #expect(help.status == 0)
        for option in ["<folder>", "--host", "--port", "--config", "--log-level", "--dev", "SIGTERM"] {
            #expect(help.output.contains(option), "\(option)")
        }
    }

    @Test func explainsItsCheck() throws {
        #expect(try run("--help").output.contains("  check "))
        let help = try run("check", "--help")
        #expect(help.status == 0)
        for text in ["<folder>", "--config", "file:line:column: error: message", "exit status", "No socket is opened"] {
            // Its lines are as long as the terminal is wide.
            #expect(help.output.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains(text), "\(text)")
        }
    }

    @Test func checksScripts() throws {
        try inFolder(["a.lua": "return { mesage = print }"]) { folder in
            let result = try run("check", folder)
            let expected = """
                \(folder)/a.lua:1:10: error: unknown key of the returned table: "mesage": did you mean "message"?
                    1 | return { mesage = print }
                      |          ^~~~~~
                1 error in 1 script

                """
            #expect(result == Result(status: 1, output: "", error: expected.replacing("//a.lua", with: "/a.lua")))
        }
        try inFolder(["a.lua": "return {}"]) { folder in
            let result = try run("check", folder)
            #expect(result == Result(status: 0, output: "1 script, 1 route: no errors\n", error: ""))
        }
    }

    @Test func printsItsConfigurationFile() throws {
        #expect(try run("config") == Result(status: 0, output: ConfigurationTemplate.text, error: ""))
    }

    @Test func refusesUnknownOptions() throws {
        let result = try run("serve", "--prot", "1")
        #expect(result.status == 64)
        #expect(result.error.contains("--prot"))
    }

    /// Every option reaches its setting: the schema refuses each by the name that was typed.
    @Test func reportsEachConfigurationProblemOnALineOfItsOwn() throws {
        let result = try run(
            "serve",
            "",
            "--host",
            "",
            "--port",
            "x",
            "--log-level",
            "loud",
            environment: ["NIGHTJAR_DEV": "maybe"]
        )
        #expect(result.status == 78)
        #expect(result.output.isEmpty)
        let names = result.error.split(separator: "\n").map { $0.split(separator: ":").dropFirst().first }
        #expect(names == [" --host", " --port", " FOLDER", " --log-level", " NIGHTJAR_DEV"])
    }

    @Test func namesAConfigurationFileThatIsMissing() throws {
        let expected = "nightjar: nowhere.yaml: cannot be read: No such file or directory (named by --config)\n"
        #expect(try run("serve", "--config", "nowhere.yaml") == Result(status: 78, output: "", error: expected))
    }

    @Test func reportsWhatItsScriptsDoNotHave() throws {
        let file = "routes:\n  cht: {}\n  chat: {limits: {queue: 1}}\n"
        try inFolder(["chat.lua": "return {}", "n.yaml": file]) { folder in
            let result = try run("serve", folder, "--host", noAddress, "--config", "\(folder)/n.yaml")
            let expected = "nightjar: \(folder)/n.yaml:2: unknown route `routes.cht`: did you mean `chat`?\n"
            #expect(result == Result(status: 78, output: "", error: expected))
        }
    }

    @Test func escapesWhatAScriptSays() throws {
        try inFolder(["a.lua": #"error("\27[2Jred\nsecond")"#]) { folder in
            let result = try run("serve", folder, "--host", noAddress)
            #expect(result.status == 1)
            #expect(result.error.hasPrefix("nightjar: a.lua:1: "))
            #expect(result.error.contains("\\x1b[2Jred\n    second\n"))
            #expect(!result.error.contains("\u{1b}"))
        }
    }

    /// Of a network for documentation (RFC 5737): what starts in spite of its mistakes ends there.
    private let noAddress = "203.0.113.1"

    /// Runs `body` with the path of a folder that holds these files.
    private func inFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            try Data(text.utf8).write(to: folder.appending(path: name))
        }
        try body(folder.path())
    }

    private struct Result: Equatable {
        var status: CInt
        var output: String
        var error: String
    }

    private func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Result {
        // The tests are built next to what they test.
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let (output, error) = (Pipe(), Pipe())
        let process = Process()
        process.executableURL = URL(filePath: tests).deletingLastPathComponent().appending(path: "nightjar")
        process.arguments = arguments
        // The leak detector does not know the pointers of Swift's enums, in which the schema, made once, holds closures.
        process.environment = environment.merging(["ASAN_OPTIONS": "detect_leaks=0"]) { given, _ in given }
        process.standardOutput = output
        process.standardError = error
        try process.run()
        // Both together are far below what a pipe holds.
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus,
            output: String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self),
            error: String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        )
    }
}
