//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import LuaRuntime
internal import NIOCore
internal import Synchronization
internal import WebSocketCore

/// Has new versions of scripts serve, one after the other: the order of a signal, of the admin listener, of a look at the folder,
/// and of a version's probation all come here.
actor Reloader {
    /// A route and the versions of its script.
    struct Serving {
        var route: Route
        var source: ScriptSource
        /// The one before, to go back to.
        var previous: ScriptSource?
        /// What `save` answered at the last swap, by loop.
        var snapshots: [Int: [UInt8]] = [:]
        /// The greatest version that there was.
        var latest: Int
        /// What was last tried, which may be broken; only a change of it is tried again.
        var attempted: ScriptSource
        /// When its script was first missing.
        var missingSince: ContinuousClock.Instant?
    }

    let loader: RouteLoader
    let stage: ScriptStage
    let logger: Logger
    var serving: [Int: Serving] = [:] {
        didSet {
            let versions = self.serving.values.map { ($0.route.name, $0.source.script.version) }
            self.servingVersions.withLock { $0 = Dictionary(versions) { $1 } }
        }
    }
    private let servingVersions = Mutex<[String: Int]>([:])
    /// New scripts that could not be loaded, by file.
    var unserved: [String: ScriptSource] = [:]
    /// Routes whose scripts are gone and whose last connections have not ended.
    var leaving: [Int] = []
    var nextIndex: Int
    /// The order that comes after all others.
    private var tail: Task<Void, Never>?
    var looking: Task<Void, Never>?
    private var isStopped = false

    init(_ loader: RouteLoader, routes: [Route], shared: SharedSpace, logger: Logger) {
        self.loader = loader
        self.stage = ScriptStage(loader, shared: shared)
        self.logger = logger
        self.nextIndex = routes.count
    }

    /// Learns what serves, and listens to the versions' probation.
    func start(_ routes: [Route]) async {
        for route in routes {
            let worker = self.loader.workers[route.owner]
            let source = try? await worker.eventLoop.submit { () -> ScriptSource? in
                worker.runners[route.index]?.vm.map { vm in
                    let modules = vm.sources.filter { $0.key != vm.script.name }
                    return ScriptSource(vm.script, modules: modules.mapValues { .some($0) })
                }
            }.get()
            guard let source else { continue }
            self.serving[route.index] = Serving(route: route, source: source, latest: 1, attempted: source)
            await self.listen(to: route)
        }
        for worker in self.loader.workers {
            let thread = self.stage.thread
            try? await worker.eventLoop.submit { worker.closing = thread }.get()
        }
    }

    func stop() async {
        self.isStopped = true
        self.looking?.cancel()
        await self.tail?.value
        for worker in self.loader.workers {
            try? await worker.eventLoop.submit { worker.closing = nil }.get()
        }
        await self.stage.stop()
    }

    /// The version that serves each route, by ``Route/name``.
    nonisolated var versions: [String: Int] { self.servingVersions.withLock { $0 } }

    /// The loops that own VMs of the route, in the order of their instances.
    private func owners(of route: Route) -> [Worker] {
        guard route.isPerCore else { return [self.loader.workers[route.owner]] }
        return (0..<self.loader.ioThreads).map { self.loader.workers[(route.owner + $0) % self.loader.ioThreads] }
    }

    private func listen(to route: Route) async {
        for worker in self.owners(of: route) {
            try? await worker.eventLoop.submit {
                worker.runners[route.index]?.takeBack = { [weak self] index, version in
                    Task { await self?.takeBack(index, version: version) }
                }
                worker.runners[route.index]?.quarantined = { [weak self] index in
                    Task { await self?.quarantine(index) }
                }
            }.get()
        }
    }

    // MARK: - Orders

    /// Loads the script of a route again, changed or not; without a name every script that has changed.
    func reload(route name: String?) async -> ReloadAnswer {
        await self.inTurn { reloader in
            guard let name else { return ReloadAnswer(await reloader.reloadChanged()) }
            guard let index = reloader.index(of: name) else { return reloader.unknown(name) }
            return ReloadAnswer([await reloader.reload(index)])
        }
    }

    /// Has the version before serve again.
    func rollBack(route name: String) async -> ReloadAnswer {
        await self.inTurn { reloader in
            guard let index = reloader.index(of: name) else { return reloader.unknown(name) }
            return ReloadAnswer([await reloader.rollBack(index)])
        }
    }

    /// A version has more errors in its probation than the one before.
    private func takeBack(_ index: Int, version: Int) async {
        _ = await self.inTurn { reloader in
            guard let serving = reloader.serving[index], serving.source.script.version == version,
                serving.previous != nil
            else {
                return ReloadAnswer([])
            }
            reloader.logger.error(
                "more connections have errors than in the version before, which serves again",
                metadata: [
                    "route": "\(serving.route.path)", "script": "\(serving.route.script)", "version": "\(version)",
                ]
            )
            return ReloadAnswer([await reloader.rollBack(index)])
        }
    }

    /// A script has passed its limits too often: all its VMs rest, and its connections are closed.
    private func quarantine(_ index: Int) async {
        _ = await self.inTurn { reloader in
            guard reloader.serving[index]?.route.census.isQuarantined == true else { return ReloadAnswer([]) }
            for worker in reloader.loader.workers {
                try? await worker.eventLoop.submit {
                    worker.runners[index]?.beginQuarantine()
                    worker.closeConnections(
                        ofRoute: index,
                        code: .tryAgainLater,
                        reason: "the script used too much CPU time or memory"
                    )
                }.get()
            }
            return ReloadAnswer([])
        }
    }

    /// Runs one order behind the others.
    func inTurn(_ order: @escaping @Sendable (isolated Reloader) async -> ReloadAnswer) async -> ReloadAnswer {
        guard !self.isStopped else { return ReloadAnswer(status: 503, text: "the server shuts down") }
        let before = self.tail
        let task = Task {
            await before?.value
            return await order(self)
        }
        self.tail = Task { _ = await task.value }
        return await task.value
    }

    private func index(of name: String) -> Int? {
        self.serving.first { $0.value.route.name == name || $0.value.route.path == name }?.key
    }

    private func unknown(_ name: String) -> ReloadAnswer {
        let names = self.serving.values.map(\.route.name).sorted().joined(separator: ", ")
        return ReloadAnswer(status: 404, text: "there is no such route; there are: \(names.isEmpty ? "none" : names)")
    }

    // MARK: - One route

    private func reload(_ index: Int) async -> ReloadOutcome {
        guard let serving = self.serving[index] else { return ReloadOutcome("?", .removed) }
        do {
            let route = serving.source.script.route
            let source = try await self.stage.read(serving.route.script, route: route, known: serving.attempted)
            return await self.replace(index, with: source)
        } catch {
            return await self.refuse(index, ScriptStage.text(of: error))
        }
    }

    private func rollBack(_ index: Int) async -> ReloadOutcome {
        guard let serving = self.serving[index] else { return ReloadOutcome("?", .removed) }
        guard let previous = serving.previous else {
            let reason = "there is no version before: the server keeps one, and forgets it when it goes back"
            return await self.refuse(index, reason)
        }
        return await self.replace(index, with: previous, isRollback: true)
    }

    /// Stages a version, has it take over, and tells how that went.
    func replace(_ index: Int, with candidate: ScriptSource, isRollback: Bool = false) async -> ReloadOutcome {
        guard let serving = self.serving[index] else { return ReloadOutcome("?", .removed) }
        var candidate = candidate
        candidate.script.version = isRollback ? candidate.script.version : serving.latest + 1
        if !isRollback { self.serving[index]?.attempted = candidate }
        do {
            let loaded = try await self.stage.load(candidate, isKept: isRollback, instances: self.loader.ioThreads)
            if !isRollback { self.serving[index]?.attempted = loaded.source }
            let route = try self.route(of: loaded, replacing: serving.route)
            let snapshots = try await self.swap(to: loaded, on: route, former: serving, isRollback: isRollback)
            self.serving[index]?.route = route
            self.serving[index]?.previous = isRollback ? nil : serving.source
            self.serving[index]?.source = loaded.source
            self.serving[index]?.snapshots = snapshots
            self.serving[index]?.latest = max(serving.latest, loaded.source.script.version)
            await self.exchange(route)
            return ReloadOutcome(route.name, .committed(version: loaded.source.script.version))
        } catch {
            if let failure = error as? StagingFailure, !isRollback {
                self.serving[index]?.attempted = failure.source
            }
            return await self.refuse(index, ScriptStage.text(of: error))
        }
    }

    private func refuse(_ index: Int, _ reason: String) async -> ReloadOutcome {
        guard let serving = self.serving[index] else { return ReloadOutcome("?", .removed) }
        let version = serving.source.script.version
        self.logger.error(
            "reload refused: the old version serves on",
            metadata: [
                "route": "\(serving.route.path)", "script": "\(serving.route.script)", "version": "\(version)",
                "reason": "\(reason)",
            ]
        )
        let worker = self.loader.workers[serving.route.owner]
        try? await worker.eventLoop.submit { worker.counters.add(.reload(.refused)) }.get()
        return ReloadOutcome(serving.route.name, .refused(version: version, reason: reason))
    }

    /// What the next version says of its route.
    private func route(of loaded: ScriptStage.Loaded, replacing former: Route) throws -> Route {
        let route = Route(replacing: former, pattern: loaded.pattern, configuration: loaded.configuration)
        guard route.isPerCore == former.isPerCore else {
            throw ServerStartError(["\(former.script): instances: cannot change while the server runs: restart it"])
        }
        try self.checkConflicts(of: route, loaded.source.script)
        return route
    }

    /// Throws when another route has the same paths.
    private func checkConflicts(of route: Route, _ script: Script) throws {
        let others = self.serving.values.filter { $0.route.index != route.index }
        let conflicts = self.loader.conflicts(
            among: others.map(\.route) + [route],
            of: others.map(\.source.script) + [script]
        )
        guard conflicts.isEmpty else { throw ServerStartError(conflicts) }
    }

    /// All VMs of the route change, or none.
    ///
    /// - Returns: what was saved, by loop.
    private func swap(
        to loaded: ScriptStage.Loaded,
        on route: Route,
        former: Serving,
        isRollback: Bool
    ) async throws -> [Int: [UInt8]] {
        let owners = self.owners(of: route)
        if !isRollback {
            for worker in owners {
                try await worker.eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
                    worker.runners[route.index]?.checkStates() ?? worker.eventLoop.makeSucceededVoidFuture()
                }.get()
            }
        }
        let began = zip(owners, loaded.vms.map(OwnedVM.init)).map { worker, vm in
            let snapshot = isRollback ? former.snapshots[worker.index] ?? [] : nil
            return worker.eventLoop.submit { () throws -> [UInt8] in
                guard let runner = worker.runners[route.index] else { return [] }
                return try runner.beginSwap(vm.vm, on: route, instances: owners.count, snapshot: snapshot)
            }
        }
        var snapshots: [Int: [UInt8]] = [:]
        var failure: (any Error)?
        for (worker, future) in zip(owners, began) {
            do {
                snapshots[worker.index] = try await future.get()
            } catch {
                failure = failure ?? error
            }
        }
        if let failure {
            for worker in owners {
                try? await worker.eventLoop.submit { worker.runners[route.index]?.abortSwap() }.get()
            }
            throw failure
        }
        let commits = owners.map { worker in
            worker.eventLoop.submit { () -> TimeAmount in
                let runner = worker.runners[route.index]
                let pause = runner?.commitSwap() ?? .zero
                if !isRollback { runner?.beginProbation() }
                return pause
            }
        }
        var pause = TimeAmount.zero
        for commit in commits {
            pause = max(pause, (try? await commit.get()) ?? .zero)
        }
        self.logger.notice(
            isRollback ? "rolled back" : "reloaded",
            metadata: [
                "route": "\(route.path)", "script": "\(route.script)", "version": "\(loaded.source.script.version)",
                "pause": "\(pause.nanoseconds / 1000) µs",
            ]
        )
        let worker = self.loader.workers[route.owner]
        try? await worker.eventLoop.submit { worker.counters.add(.reload(isRollback ? .rolledBack : .committed)) }.get()
        return snapshots
    }

    /// Every loop learns of the route as it is now.
    private func exchange(_ route: Route) async {
        let router = Router(self.serving.values.map(\.route))
        for worker in self.loader.workers {
            try? await worker.eventLoop.submit { worker.exchange(route, router: router) }.get()
        }
    }

    // MARK: - Routes that come and go

    /// Serves a script that was not there.
    func add(_ source: ScriptSource) async -> ReloadOutcome {
        let name = String(source.script.name.dropLast(".lua".count))
        do {
            let loaded = try await self.stage.load(source, isKept: false, instances: self.loader.ioThreads)
            self.unserved[source.script.name] = loaded.source
            let index = self.nextIndex
            let isPerCore = loaded.configuration.instances == .perCore
            let owners = self.loader.owners
            let route = Route(
                index: index,
                pattern: loaded.pattern,
                script: source.script.name,
                configuration: loaded.configuration,
                owner: isPerCore ? index % self.loader.ioThreads : owners.lowerBound + index % owners.count
            )
            try self.checkConflicts(of: route, loaded.source.script)
            self.nextIndex += 1
            for worker in self.loader.workers {
                try await worker.eventLoop.submit { worker.makeRoom(forRoute: index) }.get()
            }
            do {
                try await self.loader.start(loaded.vms, on: route, loops: self.owners(of: route))
            } catch {
                self.leaving.append(index)
                throw error
            }
            self.unserved[source.script.name] = nil
            self.serving[index] = Serving(route: route, source: loaded.source, latest: 1, attempted: loaded.source)
            await self.listen(to: route)
            await self.exchange(route)
            self.logger.notice("served", metadata: ["route": "\(route.path)", "script": "\(route.script)"])
            return ReloadOutcome(name, .added)
        } catch {
            let failed = (error as? StagingFailure)?.source
            self.unserved[source.script.name] = failed ?? self.unserved[source.script.name] ?? source
            self.logger.error("not served", metadata: ["file": "\(source.script.name)", "reason": "\(error)"])
            return ReloadOutcome(name, .notServed(reason: "\(error)"))
        }
    }

    /// The script of a route is gone.
    func remove(_ index: Int) async -> ReloadOutcome {
        guard let serving = self.serving.removeValue(forKey: index) else { return ReloadOutcome("?", .removed) }
        // Who is being let in just now is refused.
        serving.route.census.remove()
        await self.exchange(serving.route)
        for worker in self.loader.workers {
            try? await worker.eventLoop.submit {
                worker.closeConnections(ofRoute: index, code: .goingAway, reason: "the script was removed")
            }.get()
        }
        self.leaving.append(index)
        self.logger.notice(
            "removed: its connections are closed",
            metadata: ["route": "\(serving.route.path)", "script": "\(serving.route.script)"]
        )
        return ReloadOutcome(serving.route.name, .removed)
    }

    /// Ends the VMs of routes that are gone and that nobody is connected to any more.
    func endLeft() async {
        for index in self.leaving {
            var isOver = true
            for worker in self.loader.workers {
                isOver = ((try? await worker.eventLoop.submit { worker.remove(route: index) }.get()) ?? true) && isOver
            }
            if isOver { self.leaving.removeAll { $0 == index } }
        }
    }
}
