//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import NightjarServer

/// The command `nightjar check`.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Load the Lua scripts of a folder as serve would, and say what is wrong with them.",
        discussion: """
            Runs the top level of every script, reads the table that it returns, and looks at the paths and at the settings \
            that the configuration has for each route. No socket is opened, and no script's `load` runs. What scripts log \
            meanwhile is not shown.

            Every error is printed on standard error as `file:line:column: error: message`, with the line of the script, a \
            mark below what is meant, and what to do about it where that is known. The exit status is 0 when there is none, 1 \
            when a script or its settings are wrong, and 78 when the configuration cannot be read.
            """
    )

    @Argument(help: Serve.help(for: "scripts", valueName: "folder"))
    var folder: String?

    @Option(help: Serve.configHelp)
    var config: String?

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let configuration: NightjarConfiguration
        do {
            let file = try ConfigurationFile.find(argument: config, environment: environment)
            let arguments = folder.map { ["scripts": $0] } ?? [:]
            configuration = try .load(arguments: arguments, environment: environment, file: file)
        } catch {
            let problems =
                (error as? ConfigurationError)?.problems ?? [error as? ConfigurationProblem].compactMap { $0 }
            StandardStream.error.write(problems.map(CheckText.text).joined())
            throw ExitCode(EX_CONFIG)
        }
        let check = ScriptCheck(configuration: configuration.server, version: NightjarVersion.current)
        let report: ScriptCheck.Report
        do {
            report = try await check.run()
        } catch {
            StandardStream.error.write(ProblemText.text(["\(error)"]))
            throw ExitCode(EX_OSERR)
        }
        guard !report.problems.isEmpty else { return StandardStream.output.write(CheckText.success(report)) }
        let text = CheckText.problems(
            report,
            scripts: configuration.server.scripts,
            current: FileManager.default.currentDirectoryPath,
            configuration: configuration
        )
        StandardStream.error.write(text)
        throw ExitCode(EXIT_FAILURE)
    }
}
