//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import LuaRuntime
import NIOCore
import NIOEmbedded
import NightjarServer
import WebSocketCore

/// Event loops in memory with several routes, whose VMs are dealt out over them; sockets live on every loop.
final class TestTown {
    let loops: [EmbeddedEventLoop]
    let workers: [Worker]
    let routes: [String: Route]
    let log = TestLog()

    /// - Parameter scripts: what each route is called, its script, and whether each loop has a VM of it.
    init(loops count: Int, _ scripts: [(name: String, script: String, instances: Instances)]) throws {
        let loops = (0..<count).map { _ in EmbeddedEventLoop() }
        let ledger = BufferLedger(limit: 1 << 30, workers: count)
        let logger = self.log.logger
        let shared = try SharedSpace(capacity: 1 << 20)
        let workers = try loops.enumerated().map { index, loop in
            try Worker(
                index: index,
                eventLoop: loop,
                peerCount: count,
                routeCount: scripts.count,
                ledger: ledger,
                shared: shared,
                logger: logger
            )
        }
        var routes: [String: Route] = [:]
        for (index, entry) in scripts.enumerated() {
            var configuration = RouteConfiguration()
            configuration.instances = entry.instances
            let route = Route(
                index: index,
                pattern: try PathPattern("/\(entry.name)"),
                script: "\(entry.name).lua",
                configuration: configuration,
                owner: index % count
            )
            routes[entry.name] = route
            var source = Script(name: route.script, source: Array(entry.script.utf8), route: route.path, version: 1)
            for worker in workers where route.isPerCore || worker.index == route.owner {
                let runner = ScriptRunner(route: route, worker: worker, logger: logger, sliceTicks: .max) { name in
                    .missing("no module \(name)")
                }
                source.instance = route.isPerCore ? worker.index + 1 : 1
                try runner.load(source, productVersion: "0")
                try runner.start(on: route, instances: route.isPerCore ? count : 1)
                worker.add(runner)
            }
        }
        let router = Router(Array(routes.values))
        for worker in workers {
            worker.start(peers: workers)
            worker.router = router
        }
        (self.loops, self.workers, self.routes) = (loops, workers, routes)
    }

    deinit {
        for worker in self.workers {
            worker.stop()
        }
    }

    /// A connection to a route on a loop, whose `connect` has run.
    func connect(to name: String, on loop: Int = 0, deflate: DeflateParameters? = nil) throws -> TestClient {
        guard let route = self.routes[name],
            let connection = self.workers[loop].makeConnection(route: route, deflate: deflate)
        else {
            throw ChannelError.inappropriateOperationForState
        }
        let client = try TestClient(connection, target: "/\(name)", deflate: deflate)
        self.run()
        return client
    }

    /// Lets all loops run until none has anything to do.
    func run() {
        for _ in 0..<4 {
            for loop in self.loops {
                loop.run()
            }
        }
    }
}
