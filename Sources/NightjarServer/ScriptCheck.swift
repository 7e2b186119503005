//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import LuaRuntime
internal import NIOCore
internal import NIOPosix

/// What a start would say of the scripts, without starting: no socket is opened, and no script's `load` runs.
package struct ScriptCheck: Sendable {
    /// What was found.
    package struct Report: Sendable, Equatable {
        /// Files that were loaded, or could not be.
        package var scriptCount = 0

        /// Routes that would be served.
        package var routeCount = 0

        /// Everything that is wrong: what concerns a script by file and line, then the rest.
        package var problems: [ServerStartError.Problem] = []

        package init(scriptCount: Int = 0, routeCount: Int = 0, problems: [ServerStartError.Problem] = []) {
            self.scriptCount = scriptCount
            self.routeCount = routeCount
            self.problems = problems
        }
    }

    private let configuration: ServerConfiguration
    private let version: String

    /// - Parameters:
    ///   - configuration: what the operator has set.
    ///   - version: the product's version, which scripts see as `ws.version`.
    package init(configuration: ServerConfiguration, version: String) {
        self.configuration = configuration
        self.version = version
    }

    /// Loads every script, each in a VM of its own that is gone afterwards.
    ///
    /// - Throws: when the system has no thread or no memory for it.
    package func run() async throws -> Report {
        let folder = ScriptFolder(path: self.configuration.scripts)
        let set: ScriptSet
        do throws(ServerStartError) {
            set = try ScriptSet(folder, settings: self.configuration.routes)
        } catch {
            return Report(problems: error.problems)
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let (routes, problems) = try await self.loader(on: group.next(), folder: folder, set).check(set.scripts)
            try await group.shutdownGracefully()
            return Report(
                scriptCount: set.scripts.count + set.refusals.count,
                routeCount: routes.count,
                problems: Self.sorted(set.refusals.map(Self.problem(of:)) + set.problems + problems)
            )
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private func loader(on loop: any EventLoop, folder: ScriptFolder, _ set: ScriptSet) async throws -> RouteLoader {
        // What scripts say while they load belongs to a log, and there is none.
        let logger = Logger(label: "nightjar") { _ in SwiftLogNoOpLogHandler() }
        let shared = try SharedSpace(capacity: self.configuration.sharedBytes)
        let worker = try await loop.submit {
            try Worker(
                index: 0,
                eventLoop: loop,
                peerCount: 1,
                routeCount: set.scripts.count,
                ledger: BufferLedger(limit: Int.max, workers: 1),
                shared: shared,
                isDevelopment: self.configuration.isDevelopment,
                logger: logger
            )
        }.get()
        return RouteLoader(
            configuration: self.configuration,
            folder: folder,
            workers: [worker],
            ioThreads: 1,
            version: self.version,
            logger: logger
        )
    }

    private static func problem(of refusal: ScriptFolder.Refusal) -> ServerStartError.Problem {
        .script(Diagnosis(file: refusal.file, message: "not served: \(refusal.reason)"))
    }

    /// In an order that does not depend on how they were found, and each once: several scripts may require the same module.
    private static func sorted(_ problems: [ServerStartError.Problem]) -> [ServerStartError.Problem] {
        var diagnoses: [Diagnosis] = []
        var others: [ServerStartError.Problem] = []
        for problem in problems {
            guard case .script(let diagnosis) = problem else {
                others.append(problem)
                continue
            }
            let isKnown = diagnoses.contains {
                $0.file == diagnosis.file && $0.line == diagnosis.line && $0.message == diagnosis.message
            }
            if !isKnown { diagnoses.append(diagnosis) }
        }
        diagnoses.sort {
            ($0.file, $0.line ?? 0, $0.column ?? 0, $0.message) < ($1.file, $1.line ?? 0, $1.column ?? 0, $1.message)
        }
        return diagnoses.map { .script($0) } + others
    }
}
