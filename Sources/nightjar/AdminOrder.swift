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

/// Where a command finds the server that it gives an order to.
struct AdminOrder: ParsableArguments {
    @Option(help: ArgumentHelp("The port that the server listens on; as for serve.", valueName: "port"))
    var port: String?

    @Option(
        help: ArgumentHelp(
            "Its admin listener: unix:PATH, 127.0.0.1:PORT or [::1]:PORT; as `admin` of the configuration.",
            valueName: "address"
        )
    )
    var admin: String?

    @Option(help: ArgumentHelp("The configuration file; also NIGHTJAR_CONFIG.", valueName: "file"))
    var config: String?

    /// Sends the order and prints what came of it.
    ///
    /// - Throws: `ExitCode`: 1 when the server refused, 69 (EX_UNAVAILABLE) when none answered, 78 (EX_CONFIG) for a
    ///   configuration that cannot be.
    func send(_ path: String, route: String?) throws {
        let environment = ProcessInfo.processInfo.environment
        let configuration: NightjarConfiguration
        do {
            let given = ["port": port, "admin": admin].compactMapValues { $0 }
            let file = try ConfigurationFile.find(argument: config, environment: environment)
            configuration = try .load(arguments: given, environment: environment, file: file)
        } catch {
            let problems = (error as? ConfigurationError)?.problems.map(\.description) ?? ["\(error)"]
            StandardStream.error.write(ProblemText.text(problems))
            throw ExitCode(EX_CONFIG)
        }
        let answer: AdminClient.Answer
        do throws(AdminClient.Unanswered) {
            let client = try AdminClient(configuration.server.admin, port: configuration.server.port)
            answer = try client.post(path + (route.map { "?route=" + Self.encode($0) } ?? ""))
        } catch {
            StandardStream.error.write(ProblemText.text([error.description]))
            throw ExitCode(EX_UNAVAILABLE)
        }
        guard answer.status == 200 else {
            StandardStream.error.write(ProblemText.text([answer.text.trimmingCharacters]))
            throw ExitCode.failure
        }
        StandardStream.output.write(answer.text)
    }

    /// Escapes all but the letters and digits of ASCII.
    static func encode(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            if isPlain { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
    }
}

extension String {
    fileprivate var trimmingCharacters: String {
        String(self.reversed().drop { $0 == "\n" }.reversed())
    }
}
