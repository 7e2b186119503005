//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import Logging
internal import LuaRuntime
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A running Nightjar: event loops, routes and their VMs, and the listening socket.
package final class Server: Sendable {
    /// What a started server tells its operator.
    package struct Started: Sendable {
        /// A route and where it can be reached.
        package struct Route: Sendable {
            package let path: String
            package let script: String
            package let url: String
        }

        /// Every route, by path.
        package let routes: [Route]

        /// The address and port that were bound: `127.0.0.1:8080`.
        package let address: String
    }

    private struct Running {
        let groups: [MultiThreadedEventLoopGroup]
        let workers: [Worker]
        let listener: any Channel
    }

    /// How long a VM may still work on what waits for it once all connections are gone.
    private static let lastEventsLimit: Duration = .seconds(4)

    private let configuration: ServerConfiguration
    private let version: String
    private let logger: Logger
    private let running = Mutex<Running?>(nil)

    /// - Parameters:
    ///   - configuration: what the operator has set.
    ///   - version: the product's version, which scripts see as `ws.version`.
    ///   - logger: where everything is told.
    package init(configuration: ServerConfiguration, version: String, logger: Logger) {
        self.configuration = configuration
        self.version = version
        self.logger = logger
    }

    /// Loads the scripts, then listens.
    ///
    /// - Throws: ``ServerStartError`` with everything that is wrong. Nothing keeps running then.
    package func start() async throws -> Started {
        let ioThreads = self.configuration.ioThreads > 0 ? self.configuration.ioThreads : min(System.coreCount, 128)
        let ioGroup = MultiThreadedEventLoopGroup(numberOfThreads: ioThreads)
        var groups = [ioGroup]
        if self.configuration.scriptThreads > 0 {
            groups.append(MultiThreadedEventLoopGroup(numberOfThreads: self.configuration.scriptThreads))
        }
        do {
            let folder = ScriptFolder(path: self.configuration.scripts)
            let scripts = try self.scripts(in: folder)
            let loops = groups.flatMap { Array($0.makeIterator()) }
            let routes = self.routes(of: scripts, ioThreads: ioThreads, threads: loops.count)
            let workers = try await self.makeWorkers(on: loops, routeCount: routes.count)
            try await self.load(scripts, for: routes, on: workers, from: folder)
            let listener: any Channel
            do {
                listener = try await Listener.bind(
                    self.configuration,
                    group: ioGroup,
                    workers: Array(workers[..<ioThreads]),
                    router: Router(routes)
                )
            } catch {
                throw ServerStartError(binding: self.configuration.host, self.configuration.port, error)
            }
            self.running.withLock { $0 = Running(groups: groups, workers: workers, listener: listener) }
            return self.started(routes, on: listener)
        } catch {
            for group in groups {
                try? await group.shutdownGracefully()
            }
            throw error
        }
    }

    /// Stops accepting, closes every connection with 1001, lets the scripts see it, and ends the event loops.
    ///
    /// Takes at most the drain window, the close timeout and a few seconds; connections that are left then are reset.
    package func drain() async {
        guard let running = self.running.withLock({ $0.take() }) else { return }
        try? await running.listener.close()
        await self.closeConnections(of: running.workers)
        await self.finishEvents(of: running.workers)
        for worker in running.workers {
            try? await worker.eventLoop.submit { worker.stop() }.get()
        }
        for group in running.groups {
            try? await group.shutdownGracefully()
        }
    }

    // MARK: - Start

    /// The scripts of the folder; what is there but cannot be served is told in the log.
    private func scripts(in folder: ScriptFolder) throws -> [Script] {
        let listing: ScriptFolder.Listing
        do {
            listing = try folder.listing()
        } catch {
            throw ServerStartError([error.description])
        }
        for refusal in listing.refusals {
            self.logger.warning("not served", metadata: ["file": "\(refusal.file)", "reason": "\(refusal.reason)"])
        }
        var scripts: [Script] = []
        var problems: [ServerStartError.Problem] = []
        for route in listing.routes {
            do {
                let source = try folder.read(route.file)
                scripts.append(Script(name: route.file, source: source, route: route.path, version: 1))
            } catch {
                problems.append(.other(error.description))
            }
        }
        let names = listing.routes.map { String($0.file.dropLast(".lua".count)) }
        for name in self.configuration.routes.keys.sorted() where !names.contains(name) {
            problems.append(.unknownRoute(name, routes: names))
        }
        guard problems.isEmpty else { throw ServerStartError(problems) }
        return scripts
    }

    /// Deals the routes out over the loops that own VMs.
    private func routes(of scripts: [Script], ioThreads: Int, threads: Int) -> [Route] {
        let owners = threads > ioThreads ? Array(ioThreads..<threads) : Array(0..<threads)
        return scripts.enumerated().map { index, script in
            let name = String(script.name.dropLast(".lua".count))
            return Route(
                index: index,
                path: script.route,
                script: script.name,
                configuration: self.configuration.routes[name] ?? self.configuration.route,
                owner: owners[index % owners.count]
            )
        }
    }

    private func makeWorkers(on loops: [any EventLoop], routeCount: Int) async throws -> [Worker] {
        let limit = self.configuration.bufferedTotal
        let ledger = BufferLedger(limit: limit > 0 ? limit : MemoryLimit.bytes() / 4, workers: loops.count)
        var workers: [Worker] = []
        for (index, loop) in loops.enumerated() {
            let logger = self.logger
            let worker = try await loop.submit {
                try Worker(
                    index: index,
                    eventLoop: loop,
                    peerCount: loops.count,
                    routeCount: routeCount,
                    ledger: ledger,
                    logger: logger
                )
            }.get()
            workers.append(worker)
        }
        let peers = workers
        for worker in workers {
            try await worker.eventLoop.submit { worker.start(peers: peers) }.get()
        }
        return workers
    }

    /// Loads every script, on the loop that owns it, and reports all that fail together.
    private func load(
        _ scripts: [Script],
        for routes: [Route],
        on workers: [Worker],
        from folder: ScriptFolder
    ) async throws {
        var problems: [String] = []
        for (route, script) in zip(routes, scripts) {
            let worker = workers[route.owner]
            let (logger, version) = (self.logger, self.version)
            let problem = try await worker.eventLoop.submit { () -> String? in
                let runner = ScriptRunner(
                    route: route,
                    worker: worker,
                    logger: logger,
                    readModule: folder.module(named:)
                )
                do throws(ScriptError) {
                    try runner.load(script, productVersion: version)
                } catch {
                    return error.description
                }
                worker.add(runner)
                return nil
            }.get()
            if let problem {
                problems.append(problem)
            }
        }
        guard problems.isEmpty else { throw ServerStartError(problems) }
    }

    private func started(_ routes: [Route], on listener: any Channel) -> Started {
        let port = listener.localAddress?.port ?? self.configuration.port
        let host = self.configuration.host.contains(":") ? "[\(self.configuration.host)]" : self.configuration.host
        return Started(
            routes: routes.sorted { $0.path < $1.path }.map {
                Started.Route(path: $0.path, script: $0.script, url: "ws://\(host):\(port)\($0.path)")
            },
            address: "\(host):\(port)"
        )
    }

    // MARK: - Drain

    private func closeConnections(of workers: [Worker]) async {
        var count = 0
        for worker in workers {
            count += (try? await worker.eventLoop.submit { worker.connections.count }.get()) ?? 0
        }
        // A millisecond for each is enough for few; many take the whole window.
        let window = min(self.configuration.drainWindow, .milliseconds(count))
        let closeTimeout = self.configuration.routes.values.map(\.closeTimeout).max() ?? .zero
        let limit = window + max(closeTimeout, self.configuration.route.closeTimeout) + .seconds(1)
        let drains = workers.map { worker in
            worker.eventLoop.flatSubmit { worker.drain(over: TimeAmount(window)) }
        }
        let resets = workers.map { worker in
            worker.eventLoop.scheduleTask(in: TimeAmount(limit)) { worker.resetAll() }
        }
        for drain in drains {
            try? await drain.get()
        }
        for reset in resets {
            reset.cancel()
        }
    }

    /// Lets mail arrive and scripts finish what waits for them.
    private func finishEvents(of workers: [Worker]) async {
        for worker in workers {
            try? await worker.eventLoop.submit { worker.runners.values.forEach { $0.beginEnding() } }.get()
        }
        let end = ContinuousClock.now + Self.lastEventsLimit
        var quietRounds = 0
        // Mail that is under way arrives within two rounds over all loops, since each round ends behind it.
        while quietRounds < 2, ContinuousClock.now < end {
            var isIdle = true
            for worker in workers {
                isIdle = ((try? await worker.eventLoop.submit { worker.isIdle }.get()) ?? true) && isIdle
            }
            quietRounds = isIdle ? quietRounds + 1 : 0
        }
        if quietRounds < 2 {
            self.logger.warning("scripts were too slow to see the end of all their connections")
        }
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        self = .nanoseconds(
            Int64(
                clamping: duration.components.seconds * 1_000_000_000
                    + duration.components.attoseconds / 1_000_000_000
            )
        )
    }
}
