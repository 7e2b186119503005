//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
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

        /// The addresses that were bound: `127.0.0.1:8080`, or as in ``ServerConfiguration/listen`` when that is given.
        package let address: String

        /// The URL of the console; nil when there is none, or no way to it for a browser.
        package let console: String?

        /// Where the admin listener is, such as `unix:/run/user/1000/nightjar/admin-8080.sock`; nil when there is none.
        package let admin: String?
    }

    private struct Running {
        let groups: [MultiThreadedEventLoopGroup]
        let workers: [Worker]
        let listeners: [Listener.Bound]
        let certificates: CertificateReloader?
        let admin: AdminListener?
        let scripts: Reloader
    }

    /// How long a VM may still work on what waits for it once all connections are gone.
    private static let lastEventsLimit: Duration = .seconds(4)

    private let configuration: ServerConfiguration
    private let version: String
    private let logger: Logger
    private let droppedLogLines: @Sendable () -> Int
    private let running = Mutex<Running?>(nil)
    private let readiness = Atomic<UInt8>(AdminPages.Readiness.starting.rawValue)

    /// - Parameters:
    ///   - configuration: what the operator has set.
    ///   - version: the product's version, which scripts see as `ws.version`.
    ///   - logger: where everything is told.
    ///   - droppedLogLines: tells how many lines of the log were lost, for the metrics.
    package init(
        configuration: ServerConfiguration,
        version: String,
        logger: Logger,
        droppedLogLines: @escaping @Sendable () -> Int = { 0 }
    ) {
        self.droppedLogLines = droppedLogLines
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
            let identity = try self.identity()
            let folder = ScriptFolder(path: self.configuration.scripts)
            let scripts = try self.scripts(in: folder)
            let loops = groups.flatMap { Array($0.makeIterator()) }
            let limit = self.configuration.bufferedTotal
            let ledger = BufferLedger(limit: limit > 0 ? limit : MemoryLimit.bytes() / 4, workers: loops.count)
            let shared = try SharedSpace(capacity: self.configuration.sharedBytes)
            let workers = try await self.makeWorkers(
                on: loops,
                routeCount: scripts.count,
                ledger: ledger,
                shared: shared
            )
            let census = ConnectionCensus(
                limit: self.configuration.connections > 0
                    ? self.configuration.connections : ConnectionCensus.defaultLimit(),
                limitPerClient: self.configuration.connectionsPerIP
            )
            let loader = RouteLoader(
                configuration: self.configuration,
                folder: folder,
                workers: workers,
                ioThreads: ioThreads,
                version: self.version,
                logger: self.logger
            )
            let routes = try await loader.load(scripts)
            let router = Router(routes)
            for worker in workers {
                try await worker.eventLoop.submit { worker.router = router }.get()
            }
            let listeners = try await Listener.bind(
                self.configuration,
                identity: identity,
                group: ioGroup,
                workers: Array(workers[..<ioThreads]),
                census: census
            )
            let reloader = Reloader(loader, routes: routes, shared: shared, logger: self.logger)
            let admin: AdminListener?
            do {
                admin = try await self.bindAdmin(
                    listeners,
                    workers: workers,
                    ledger: ledger,
                    census: census,
                    scripts: reloader
                )
            } catch {
                await reloader.stop()
                for listener in listeners {
                    await listener.close()
                }
                throw error
            }
            let certificates = identity.map { CertificateReloader($0, logger: self.logger) }
            certificates?.start()
            self.running.withLock {
                $0 = Running(
                    groups: groups,
                    workers: workers,
                    listeners: listeners,
                    certificates: certificates,
                    admin: admin,
                    scripts: reloader
                )
            }
            await reloader.start(routes)
            // Everything that can fail is done.
            for listener in listeners {
                try? await listener.accept()
            }
            await reloader.watch()
            self.readiness.store(AdminPages.Readiness.serving.rawValue, ordering: .relaxed)
            return self.started(routes, on: listeners.map(\.address), admin: admin)
        } catch {
            for group in groups {
                try? await group.shutdownGracefully()
            }
            throw error
        }
    }

    /// From here on `/readyz` says that no clients are taken; ``drain()`` follows.
    package func beginDraining() {
        self.readiness.store(AdminPages.Readiness.draining.rawValue, ordering: .relaxed)
    }

    /// Stops accepting, closes every connection with 1001, lets the scripts see it, and ends the event loops.
    ///
    /// Takes at most the drain window, the close timeout and a few seconds; connections that are left then are reset.
    package func drain() async {
        guard let running = self.running.withLock({ $0.take() }) else { return }
        self.beginDraining()
        await running.scripts.stop()
        if self.configuration.drainDelay > .zero {
            // Load balancers look at /readyz now and then, and send clients here until they have.
            try? await Task.sleep(for: self.configuration.drainDelay)
        }
        for listener in running.listeners {
            await listener.close()
        }
        await running.certificates?.stop()
        let routes = await running.scripts.serving.values.map(\.route)
        await self.closeConnections(of: running.workers, routes: routes)
        await self.finishEvents(of: running.workers)
        // It asks the loops whether they answer, so it ends before them.
        await running.admin?.close()
        for worker in running.workers {
            try? await worker.eventLoop.submit { worker.stop() }.get()
        }
        for group in running.groups {
            try? await group.shutdownGracefully()
        }
    }

    /// Loads the certificate and its key again, for connections that come from now on; returns at once.
    ///
    /// The old ones stay in use when the new ones cannot be; the log says so.
    package func reloadCertificate() {
        self.running.withLock { running in
            guard let running else { return }
            guard let certificates = running.certificates else {
                self.logger.notice("nothing to load again: no wss:// address is served, so no certificate is in use")
                return
            }
            certificates.reload()
        }
    }

    /// Loads every script again that has changed, new and removed ones included; returns at once. What cannot be loaded
    /// changes nothing, and the log says why.
    package func reloadScripts() {
        guard let scripts = self.running.withLock({ $0?.scripts }) else { return }
        let logger = self.logger
        Task {
            let answer = await scripts.reload(route: nil)
            logger.info("scripts looked at", metadata: ["result": "\(answer.text)"])
        }
    }

    // MARK: - Start

    /// The certificate and key, if an address wants them.
    private func identity() throws -> TLSIdentity? {
        guard self.configuration.listen.contains(where: \.isSecure) else { return nil }
        guard !self.configuration.tlsCertificate.isEmpty, !self.configuration.tlsKey.isEmpty else {
            throw ServerStartError([
                "`listen` has a wss:// address: set `tls.certificate` and `tls.key` to PEM files, or listen on ws://"
            ])
        }
        do throws(TLSIdentity.Problem) {
            let identity = try TLSIdentity(
                certificate: self.configuration.tlsCertificate,
                key: self.configuration.tlsKey
            )
            identity.summary.tell(self.logger)
            return identity
        } catch {
            throw ServerStartError([error.description])
        }
    }

    /// The scripts of the folder; what is there but cannot be served is told in the log.
    private func scripts(in folder: ScriptFolder) throws -> [Script] {
        let found = try ScriptSet(folder, settings: self.configuration.routes)
        for refusal in found.refusals {
            self.logger.warning("not served", metadata: ["file": "\(refusal.file)", "reason": "\(refusal.reason)"])
        }
        guard found.problems.isEmpty else { throw ServerStartError(found.problems) }
        return found.scripts
    }

    private func makeWorkers(
        on loops: [any EventLoop],
        routeCount: Int,
        ledger: BufferLedger,
        shared: SharedSpace
    ) async throws -> [Worker] {
        var workers: [Worker] = []
        for (index, loop) in loops.enumerated() {
            let (logger, isDevelopment) = (self.logger, self.configuration.isDevelopment)
            let worker = try await loop.submit {
                try Worker(
                    index: index,
                    eventLoop: loop,
                    peerCount: loops.count,
                    routeCount: routeCount,
                    ledger: ledger,
                    shared: shared,
                    isDevelopment: isDevelopment,
                    logger: logger
                )
            }.get()
            workers.append(worker)
        }
        let peers = workers
        for worker in workers {
            let pollSignal: PollSignal
            do {
                pollSignal = try await PollSignal.make(on: worker.eventLoop) { worker.nextTurn() }
            } catch {
                throw ServerStartError(["the event loops cannot be started: \(error): raise the limit of open files"])
            }
            try await worker.eventLoop.submit { worker.start(peers: peers, pollSignal: pollSignal) }.get()
        }
        return workers
    }

    /// Binds the admin listener. One that was chosen by `auto` is a convenience: without it the server serves.
    private func bindAdmin(
        _ listeners: [Listener.Bound],
        workers: [Worker],
        ledger: BufferLedger,
        census: ConnectionCensus,
        scripts: Reloader
    ) async throws -> AdminListener? {
        let counters = workers.map(\.counters)
        let (version, droppedLogLines) = (self.version, self.droppedLogLines)
        let pages = AdminPages.all(
            loops: workers.map { ("event loop \($0.index)", $0.eventLoop) },
            readiness: { AdminPages.Readiness(rawValue: self.readiness.load(ordering: .relaxed)) ?? .starting },
            metrics: {
                var text = MetricsText()
                text.append(counters)
                text.append(gauge: "nightjar_sockets", "Sockets of clients that are open.", census.count)
                text.append(gauge: "nightjar_sockets_limit", "Sockets of clients that may be open.", census.limit)
                text.append(gauge: "nightjar_buffered_bytes", "Bytes buffered for all connections.", ledger.bytes)
                text.append(gauge: "nightjar_buffered_limit_bytes", "Bytes that may be buffered.", ledger.limit)
                text.append(
                    counter: "nightjar_log_lines_dropped_total",
                    "Log lines lost because the log's reader was too slow.",
                    droppedLogLines()
                )
                text.append(
                    gauges: "nightjar_script_version",
                    "The version of its script that serves a route.",
                    by: "route",
                    scripts.versions
                )
                text.append(gauge: "nightjar_build_info", "The version that runs.", label: ("version", version), 1)
                AdminPages.appendProcess(to: &text)
                return text.text
            },
            reload: { await scripts.reload(route: $0) },
            rollBack: { await scripts.rollBack(route: $0) }
        )
        let name = listeners.lazy.compactMap(\.address.port).first.map(String.init) ?? "pid-\(getpid())"
        do {
            let admin = try await AdminListener.bind(self.configuration.admin, name: name, pages: pages)
            if let admin {
                self.logger.info("admin listener", metadata: ["address": "\(admin.address)"])
            }
            return admin
        } catch {
            guard self.configuration.admin == .auto else { throw error }
            self.logger.warning("serving without metrics and health: \(error)")
            return nil
        }
    }

    private func started(_ routes: [Route], on addresses: [ListenAddress], admin: AdminListener?) -> Started {
        let best = addresses.first(where: \.isSecure) ?? addresses.first { if case .tcp = $0 { true } else { false } }
        let base = (best ?? addresses.first).map(\.description) ?? ""
        let texts = addresses.map(\.description)
        return Started(
            routes: routes.sorted { $0.path < $1.path }.map {
                Started.Route(path: $0.path, script: $0.script, url: best == nil ? base : base + $0.path)
            },
            address: self.configuration.listen.isEmpty
                ? String(base.dropFirst("ws://".count)) : texts.joined(separator: ", "),
            console: self.configuration.isDevelopment ? best?.webURL.map { $0 + DevelopmentPage.console.path } : nil,
            admin: admin?.address
        )
    }

    // MARK: - Drain

    private func closeConnections(of workers: [Worker], routes: [Route]) async {
        var count = 0
        for worker in workers {
            count += (try? await worker.eventLoop.submit { worker.connections.count }.get()) ?? 0
        }
        // A millisecond for each is enough for few; many take the whole window.
        let window = min(self.configuration.drainWindow, .milliseconds(count))
        let closeTimeout = routes.map(\.configuration.closeTimeout).max() ?? .zero
        let limit = window + closeTimeout + .seconds(1)
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
