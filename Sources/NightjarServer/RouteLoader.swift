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
        problems += self.conflicts(among: routes, of: scripts)
        guard problems.isEmpty else { throw ServerStartError(problems) }
        return routes
    }

    /// Loads every script as ``load(_:)`` does, on the first worker, and keeps none of them: no `load` of a script runs.
    ///
    /// - Returns: the routes that there would be, and everything that is wrong with any script.
    func check(_ scripts: [Script]) async throws -> (routes: [Route], problems: [ServerStartError.Problem]) {
        var routes: [Route] = []
        var problems: [ServerStartError.Problem] = []
        let worker = self.workers[0]
        for (index, script) in scripts.enumerated() {
            do {
                routes.append(
                    try await worker.eventLoop.submit {
                        let staged = try self.stage(script, index: index, on: worker)
                        staged.runner.unload()
                        if staged.route.isPerCore {
                            // What it does by `ws.instance` may differ in the others; one stands for all.
                            var other = script
                            other.instance = 2
                            try self.stage(other, index: index, on: worker).runner.unload()
                        }
                        return staged.route
                    }.get()
                )
            } catch let error as ServerStartError {
                problems += error.problems
            }
        }
        return (routes, problems + self.conflicts(among: routes, of: scripts))
    }

    func conflicts(among routes: [Route], of scripts: [Script]) -> [ServerStartError.Problem] {
        PathConflict.all(among: routes).map { conflict in
            let source = scripts.first { $0.name == conflict.script }?.source
            return .script(Diagnosis(setting: conflict.problem, file: conflict.script, source: source))
        }
    }

    private func load(_ script: Script, index: Int) async throws -> Route {
        let first = self.workers[self.owners.lowerBound + index % self.owners.count]
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

    /// Loads a script for the first time, and starts it where its first VM lives.
    private func load(_ script: Script, index: Int, on worker: Worker) throws(ServerStartError) -> Loaded {
        let (route, runner) = try self.stage(script, index: index, on: worker)
        // The loops for scripts alone have no connections of their own.
        guard route.owner == worker.index else { return Loaded(route: route, runner: runner, loop: nil) }
        try self.start(runner, on: route, instances: route.isPerCore ? self.ioThreads : 1)
        return Loaded(route: route, runner: runner, loop: worker.index)
    }

    /// Loads a script and reads what its table says, which tells what its route is; nothing of it has begun then.
    ///
    /// - Throws: ``ServerStartError`` with everything that is wrong with it.
    private func stage(
        _ script: Script,
        index: Int,
        on worker: Worker
    ) throws(ServerStartError) -> (route: Route, runner: ScriptRunner) {
        let name = String(script.name.dropLast(".lua".count))
        // What its prints say until its path is known.
        let provisional = try self.pattern(script.route ?? "/", givenBy: nil, of: script)
        let known = self.configuration.configuration(ofRoute: name)
        let runner = self.makeRunner(
            for: Route(
                index: index,
                pattern: provisional,
                script: script.name,
                configuration: known,
                owner: worker.index
            ),
            on: worker
        )
        let (served, configuration) = try self.settings(try self.load(script, into: runner), of: script)
        let isPerCore = configuration.instances == .perCore
        let route = Route(
            index: index,
            pattern: served,
            script: script.name,
            configuration: configuration,
            owner: isPerCore ? index % self.ioThreads : worker.index
        )
        return (route, runner)
    }

    /// What the table of a loaded script and the configuration say of its route.
    func settings(
        _ own: [ScriptSetting],
        of script: Script
    ) throws(ServerStartError) -> (pattern: PathPattern, configuration: RouteConfiguration) {
        let name = String(script.name.dropLast(".lua".count))
        let settings = ScriptSettings(own, of: script.name)
        let problems =
            settings.problems.map {
                ServerStartError.Problem.script(Diagnosis(setting: $0, file: script.name, source: script.source))
            } + self.configuration.contradictions(ofRoute: name, own: settings.given, source: script.source)

        let configuration = self.configuration.configuration(ofRoute: name, own: settings.given)
        let given = (self.configuration.routes[name] ?? []).last { $0.key == "path" }
        let pattern: PathPattern
        do {
            pattern =
                configuration.path.isEmpty
                ? try self.pattern(ofFile: script) : try self.pattern(configuration.path, givenBy: given, of: script)
        } catch {
            throw ServerStartError(problems + error.problems)
        }
        guard problems.isEmpty else { throw ServerStartError(problems) }
        return (pattern, configuration)
    }

    /// The loops that may own the VM of a route.
    var owners: Range<Int> {
        self.workers.count > self.ioThreads ? self.ioThreads..<self.workers.count : 0..<self.ioThreads
    }

    /// Has VMs that were loaded elsewhere serve a new route, the first on its owner.
    func start(_ vms: [LuaVM], on route: Route, loops: [Worker]) async throws {
        for (worker, vm) in zip(loops, vms.map(OwnedVM.init)) {
            try await worker.eventLoop.submit {
                let runner = self.makeRunner(for: route, on: worker)
                runner.take(vm.vm)
                try self.start(runner, on: route, instances: loops.count)
            }.get()
        }
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
            throw ServerStartError(Diagnosis.all(of: error).map(ServerStartError.Problem.script))
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
            throw ServerStartError(Diagnosis.all(of: error).map(ServerStartError.Problem.script))
        }
    }

    /// The pattern of a script that neither sets `path` nor is given one.
    private func pattern(ofFile script: Script) throws(ServerStartError) -> PathPattern {
        guard let route = script.route else {
            let sentence = "its name makes no path (letters, digits and any of ._- do): rename it, or give it a `path`"
            throw ServerStartError([.script(Diagnosis(file: script.name, message: sentence))])
        }
        return try self.pattern(route, givenBy: nil, of: script)
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
            let complaint = "cannot be `\(ValueSyntax.shown(text))`: \(error.sentence)"
            let problem = ScriptSettings.Problem(key: "path", sentence: complaint)
            guard let setting else {
                throw ServerStartError([.script(Diagnosis(setting: problem, file: script.name, source: script.source))])
            }
            throw ServerStartError([.misconfigured(place: setting.place, problem.description)])
        }
    }
}
