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

/// Event loops in memory with one route, whose VM lives on the last of them; sockets live on the first unless a test says so.
///
/// The VM has no slice of the loop's time unless a test gives it one, because that is measured in real CPU time.
/// The first loop may be one that is there already, such as an embedded channel's.
final class TestHouse {
    let loops: [EmbeddedEventLoop]
    let workers: [Worker]
    let route: Route
    let runner: ScriptRunner
    let log = TestLog()
    let ledger: BufferLedger

    init(
        _ script: String,
        name: String = "test.lua",
        loops count: Int = 1,
        on loop: EmbeddedEventLoop? = nil,
        configuration: RouteConfiguration = RouteConfiguration(),
        bufferedTotal: Int = 1 << 30,
        sharedBytes: Int = 1 << 20,
        isDevelopment: Bool = false,
        sliceTicks: UInt32 = .max
    ) throws {
        let loops = (0..<count).map { index in index == 0 ? loop ?? EmbeddedEventLoop() : EmbeddedEventLoop() }
        let ledger = BufferLedger(limit: bufferedTotal, workers: count)
        let shared = try SharedSpace(capacity: sharedBytes)
        let log = self.log
        let logger = log.logger
        self.loops = loops
        self.ledger = ledger
        self.workers = try loops.enumerated().map { index, loop in
            try Worker(
                index: index,
                eventLoop: loop,
                peerCount: count,
                routeCount: 1,
                ledger: ledger,
                shared: shared,
                isDevelopment: isDevelopment,
                logger: logger
            )
        }
        self.route = Route(
            index: 0,
            pattern: try PathPattern("/test"),
            script: name,
            configuration: configuration,
            owner: count - 1
        )
        self.runner = ScriptRunner(
            route: self.route,
            worker: self.workers[count - 1],
            logger: logger,
            sliceTicks: sliceTicks
        ) { name in
            .missing("no module \(name)")
        }
        let source = Script(name: name, source: Array(script.utf8), route: "/test", version: 1)
        try self.runner.load(source, productVersion: "0")
        try self.runner.start(on: self.route)
        self.workers[count - 1].add(self.runner)
        for worker in self.workers {
            worker.start(peers: self.workers)
            worker.router = Router([self.route])
        }
    }

    deinit {
        for worker in self.workers {
            worker.stop()
        }
    }

    /// A connection to the route, on the first loop or another.
    func connect(
        on loop: Int = 0,
        target: String = "/test",
        headers: [(name: String, value: String)] = [],
        deflate: DeflateParameters? = nil
    ) throws -> TestClient {
        guard let connection = self.workers[loop].makeConnection(route: self.route, deflate: deflate) else {
            throw ChannelError.inappropriateOperationForState
        }
        return try TestClient(connection, target: target, headers: headers, deflate: deflate)
    }

    /// Lets both loops run until neither has anything to do.
    func run() {
        for _ in 0..<4 {
            for loop in self.loops {
                loop.run()
            }
        }
    }

    /// Lets time pass on all loops, a grain of the deadline wheel at a time.
    func advance(by duration: Duration) {
        let grain = DeadlineWheel<ConnectionID>.interval
        for _ in 0..<Int(duration / grain) + 1 {
            for loop in self.loops {
                loop.advanceTime(by: TimeAmount(grain))
            }
        }
        self.run()
    }
}

/// What has been logged.
final class TestLog: @unchecked Sendable {
    // Sendable because a test and its embedded loops are one thread.
    var lines: [(level: Logger.Level, text: String, metadata: Logger.Metadata)] = []

    /// A logger that writes here.
    var logger: Logger {
        var logger = Logger(label: "test") { _ in TestLogHandler(log: self) }
        logger.logLevel = .debug
        return logger
    }

    func texts(_ level: Logger.Level) -> [String] {
        self.lines.filter { $0.level == level }.map(\.text)
    }
}

private struct TestLogHandler: LogHandler {
    let log: TestLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    init(log: TestLog) {
        self.log = log
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = self.metadata.merging(event.metadata ?? [:]) { $1 }
        self.log.lines.append((event.level, "\(event.message)", metadata))
    }
}
