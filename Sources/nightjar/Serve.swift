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

/// The command `nightjar serve`.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the Lua scripts of a folder.",
        discussion: """
            Every setting has a key in the configuration file (see `nightjar config`) and an environment variable \
            (`limits.message` is NIGHTJAR_LIMITS_MESSAGE). Arguments go before the environment, that before the file, \
            and that before the defaults.

            The routes are printed on standard output, the log goes to standard error. SIGTERM or SIGINT (Ctrl-C) closes \
            the connections in good order; a second one ends the process at once.
            """
    )

    @Argument(help: Self.help(for: "scripts", valueName: "folder"))
    var folder: String?

    @Option(help: Self.help(for: "host", valueName: "address"))
    var host: String?

    @Option(help: Self.help(for: "port", valueName: "port"))
    var port: String?

    @Option(help: configHelp)
    var config: String?

    @Option(help: Self.help(for: "log.level", valueName: "level"))
    var logLevel: String?

    @Flag(help: Self.help(for: "dev", valueName: ""))
    var dev = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let configuration: NightjarConfiguration
        do {
            let file = try ConfigurationFile.find(argument: config, environment: environment)
            configuration = try .load(arguments: arguments, environment: environment, file: file)
        } catch {
            let problems = (error as? ConfigurationError)?.problems.map(\.description) ?? ["\(error)"]
            StandardStream.error.write(ProblemText.text(problems))
            throw ExitCode(EX_CONFIG)
        }
        let isColoured = environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
        try await ServerProcess(configuration: configuration, isColoured: isColoured).run()
    }

    /// What was given, by key.
    private var arguments: [String: String] {
        let given = ["scripts": folder, "host": host, "port": port, "log.level": logLevel, "dev": dev ? "true" : nil]
        return given.compactMapValues { $0 }
    }

    static let configHelp = ArgumentHelp(
        "The configuration file; also NIGHTJAR_CONFIG. (default: \(ConfigurationFile.defaultPath), if it exists)",
        valueName: "file"
    )

    /// The sentence, the choices and the default that the schema has for a key.
    static func help(for key: String, valueName: String) -> ArgumentHelp {
        guard let setting = Schema.setting(key) else { preconditionFailure("the schema has no `\(key)`") }
        var text = setting.summary
        if case .choice(let choice) = setting.kind { text += " (\(choice.names.joined(separator: ", ")))" }
        if case .boolean = setting.kind {} else { text += " (default: \(setting.text(in: NightjarConfiguration())))" }
        return ArgumentHelp("\(text)", valueName: valueName)
    }
}
