//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import ArgumentParser
internal import Glibc
internal import Logging
internal import NightjarServer
internal import UnixSignals

/// The life of a serving process: start, wait for a signal, drain, exit.
struct ServerProcess {
    private static let flushTime = Duration.seconds(2)

    private let configuration: NightjarConfiguration
    private let server: Server
    private let log: LogSink
    private let logger: Logger

    init(configuration: NightjarConfiguration, isColoured: Bool) {
        let isTerminal = StandardStream.error.isTerminal
        let format: LogFormat =
            switch configuration.logLayout {
            case .json: .json
            case .auto where !isTerminal: .json
            case .text where !isTerminal: .text
            case .auto, .text: .terminal(isColoured: isColoured)
            }
        self.configuration = configuration
        let log = LogSink(descriptor: StandardStream.error.rawValue, format: format)
        self.log = log
        self.logger = Logger(label: "nightjar") { _ in QueuedLogHandler(sink: log, level: configuration.logLevel) }
        self.server = Server(
            configuration: configuration.server,
            version: NightjarVersion.current,
            logger: logger,
            droppedLogLines: { log.droppedLines }
        )
    }

    /// Serves until a signal ends the process.
    ///
    /// - Throws: `ExitCode` when the server cannot start; what to do has been printed then.
    func run() async throws {
        // A client or log reader that is gone is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)

        let started: Server.Started
        do {
            started = try await server.start()
        } catch {
            log.flush(within: Self.flushTime)
            throw refusal(for: (error as? ServerStartError) ?? ServerStartError(["\(error)"]))
        }
        // Only now: until there is something to drain, a signal may end the process as it always does.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let text = StartText.text(
            address: started.address,
            routes: started.routes.map { ($0.path, $0.url, $0.script) },
            console: started.console,
            isTerminal: StandardStream.output.isTerminal
        )
        // Whoever reads the text may send a signal, so the trap comes first; and a pipe that nobody reads must not keep
        // one from being seen: the main actor has a thread that the loop below can do without.
        Task { @MainActor in StandardStream.output.write(text) }

        var isDraining = false
        for await signal in signals {
            if signal == .sighup {
                // Each reports for itself, and neither undoes the other.
                server.reloadCertificate()
                server.reloadScripts()
                continue
            }
            guard !isDraining else { leave(status: 128 + signal.rawValue) }
            isDraining = true
            // Before the line: whoever reads it may ask at once.
            server.beginDraining()
            logger.notice("draining: closing connections in good order; a second signal ends the process at once")
            Task {
                await server.drain()
                leave(status: EXIT_SUCCESS)
            }
        }
    }

    /// Prints what has to be mended.
    private func refusal(for error: ServerStartError) -> ExitCode {
        var status = EXIT_FAILURE
        var sentences: [String] = []
        for problem in error.problems {
            switch problem {
            case .unknownRoute(let name, let routes):
                status = EX_CONFIG
                sentences.append(configuration.unknownRoute(name, among: routes).description)
            case .misconfigured:
                status = EX_CONFIG
                sentences.append(problem.description)
            case .script, .other:
                sentences.append(problem.description)
            }
        }
        StandardStream.error.write(ProblemText.text(sentences))
        return ExitCode(status)
    }

    private func leave(status: CInt) -> Never {
        log.flush(within: status == EXIT_SUCCESS ? Self.flushTime : .milliseconds(100))
        exit(status)
    }
}
