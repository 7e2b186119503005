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

/// What must hold of a reload in memory.
extension TestHouse {
    /// Loads another version of the script and begins its swap.
    func beginSwap(
        to script: String,
        version: Int? = nil,
        route: Route? = nil,
        snapshot: [UInt8]? = nil
    ) throws {
        let worker = self.runner.worker
        let name = self.route.script
        let version = version ?? self.runner.version + 1
        let source = Script(name: name, source: Array(script.utf8), route: "/test", version: version)
        let host = StagingHost(source, environment: ScriptEnvironment([]), logger: self.log.logger) { name in
            .missing("no module \(name)")
        }
        let vm = try LuaVM(
            loading: source,
            limits: ScriptLimits(memory: 1 << 26, eventCPU: .milliseconds(100), loadCPU: .seconds(1)),
            productVersion: "0",
            clock: worker.clock,
            shared: worker.shared,
            host: host
        )
        self.run()
        // What the script may ask is there until it has moved.
        try withExtendedLifetime(host) {
            _ = try self.runner.beginSwap(vm, on: route ?? self.route, snapshot: snapshot)
        }
        self.run()
    }

    /// Has another version of the script serve, and everything about it done.
    func reload(_ script: String, version: Int? = nil, route: Route? = nil) throws {
        try self.beginSwap(to: script, version: version, route: route)
        self.runner.commitSwap()
        self.run()
    }

    /// Lets the loops do what has no hurry: the loops in memory look at no sockets, so a moment stands for that.
    func settle() {
        for _ in 0..<4 {
            self.loops.forEach { $0.advanceTime(by: .milliseconds(1)) }
            self.run()
        }
    }
}
