//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import LuaRuntime
internal import NIOCore

/// Loads scripts, each on the event loops that own its VMs, and makes routes of what their tables say.
struct RouteLoader: Sendable {
    let configuration: ServerConfiguration
    let folder: ScriptFolder

    /// Those of the I/O loops first.
    let workers: [Worker]
    let ioThreads: Int

    let version: String
    let logger: Logger

    /// Loads every script and gives its VMs to their workers.
    ///
    /// - Throws: ``ServerStartError`` with everything that is wrong with any of them.
    func load(_ scripts: [Script]) async throws -> [Route] {
        var routes: [Route] = []
        var problems: [ServerStartError.Problem] = []
        for (index, script) in scripts.enumerated() {
            do {
                routes.append(try await self.load(script, index: index))
            } catch let error as ServerStartError {
                problems += error.problems
            }
        }
        problems += PathConflict.all(among: routes).map { .other($0.description) }
        guard problems.isEmpty else { throw ServerStartError(problems) }
        return routes
    }

    private func load(_ script: Script, index: Int) async throws -> Route {
        let owners = self.workers.count > self.ioThreads ? self.ioThreads..<self.workers.count : 0..<self.ioThreads
        let first = self.workers[owners.lowerBound + index % owners.count]
        let loaded = try await first.eventLoop.submit { try self.load(script, index: index, on: first) }.get()
        let route = loaded.route
        guard route.isPerCore else { return route }
        for worker in self.workers[..<self.ioThreads] where worker.index != loaded.loop {
            try await worker.eventLoop.submit {
                if worker.index == route.owner {
                    try self.start(loaded, on: worker)
                } else {
                    try self.loadAnother(script, of: route, on: worker)
                }
            }.get()
        }
        return route
    }

    /// What the first loading of a script has made.
    private struct Loaded: @unchecked Sendable {
        // Unchecked: loops have it one after the other.

        let route: Route
        let runner: ScriptRunner
        /// The loop on which the VM serves already; nil when it has to move to that of the owner.
        let loop: Int?
    }

    /// Loads a script for the first time, which tells what its route is.
    private func load(_ script: Script, index: Int, on worker: Worker) throws(ServerStartError) -> Loaded {
        let name = String(script.name.dropLast(".lua".count))
        let pattern = try self.pattern(script.route, givenBy: nil, of: script)
        let known = self.configuration.configuration(ofRoute: name)
        let runner = self.makeRunner(
            for: Route(index: index, pattern: pattern, script: script.name, configuration: known, owner: worker.index),
            on: worker
        )
        let settings = ScriptSettings(try self.load(script, into: runner), of: script.name)
        let problems =
            settings.problems.map(ServerStartError.Problem.other)
            + self.configuration.contradictions(ofRoute: name, own: settings.given)
        guard problems.isEmpty else { throw ServerStartError(problems) }

        let configuration = self.configuration.configuration(ofRoute: name, own: settings.given)
        let given = (self.configuration.routes[name] ?? []).last { $0.key == "path" }
        let isPerCore = configuration.instances == .perCore
        let route = Route(
            index: index,
            pattern: configuration.path.isEmpty
                ? pattern : try self.pattern(configuration.path, givenBy: given, of: script),
            script: script.name,
            configuration: configuration,
            owner: isPerCore ? index % self.ioThreads : worker.index
        )
        // The loops for scripts alone have no connections of their own.
        guard route.owner == worker.index else { return Loaded(route: route, runner: runner, loop: nil) }
        try self.start(runner, on: route, instances: isPerCore ? self.ioThreads : 1)
        return Loaded(route: route, runner: runner, loop: worker.index)
    }

    /// Starts a VM that was loaded elsewhere, so that a script's top level runs once for each of its VMs.
    private func start(_ loaded: Loaded, on worker: Worker) throws(ServerStartError) {
        let runner = self.makeRunner(for: loaded.route, on: worker)
        runner.take(vmOf: loaded.runner)
        try self.start(runner, on: loaded.route, instances: self.ioThreads)
    }

    /// Loads a script again for a loop that has no VM of it.
    private func loadAnother(_ script: Script, of route: Route, on worker: Worker) throws(ServerStartError) {
        var script = script
        script.instance = (worker.index - route.owner + self.ioThreads) % self.ioThreads + 1
        let runner = self.makeRunner(for: route, on: worker)
        _ = try self.load(script, into: runner)
        try self.start(runner, on: route, instances: self.ioThreads)
    }

    private func start(_ runner: ScriptRunner, on route: Route, instances: Int) throws(ServerStartError) {
        do throws(ScriptError) {
            try runner.start(on: route, instances: instances)
        } catch {
            throw ServerStartError([error.description])
        }
        runner.worker.add(runner)
    }

    private func makeRunner(for route: Route, on worker: Worker) -> ScriptRunner {
        ScriptRunner(
            route: route,
            worker: worker,
            logger: self.logger,
            environment: ScriptEnvironment(self.configuration.environment),
            readModule: self.folder.module(named:)
        )
    }

    private func load(_ script: Script, into runner: ScriptRunner) throws(ServerStartError) -> [ScriptSetting] {
        do throws(ScriptError) {
            try runner.load(script, productVersion: self.version)
            return runner.vm?.settings ?? []
        } catch {
            throw ServerStartError([error.description])
        }
    }

    /// - Parameter setting: where the configuration gives it; nil for what the script or its file says.
    private func pattern(
        _ text: String,
        givenBy setting: GivenSetting?,
        of script: Script
    ) throws(ServerStartError) -> PathPattern {
        do throws(PathPattern.Malformed) {
            return try PathPattern(text)
        } catch {
            let complaint = "path: cannot be `\(ValueSyntax.shown(text))`: \(error.sentence)"
            let problem: ServerStartError.Problem =
                setting.map { .misconfigured("\($0.place): \(complaint)") } ?? .other("\(script.name): \(complaint)")
            throw ServerStartError([problem])
        }
    }
}
