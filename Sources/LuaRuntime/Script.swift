//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// One version of a script, ready to be loaded.
package struct Script: Sendable {
    /// The path of the file below the scripts folder, such as `games/tic.lua`; what errors and log lines call it.
    package var name: String

    /// Lua text.
    package var source: [UInt8]

    /// The path of its file, such as `/games/tic`, which it serves unless it says otherwise; nil when the file's name makes none.
    package var route: String?

    /// Counts the loads of the route, from 1.
    package var version: Int

    /// Which of the script's VMs this one is for, from 1.
    package var instance = 1

    package init(name: String, source: [UInt8], route: String?, version: Int) {
        self.name = name
        self.source = source
        self.route = route
        self.version = version
    }
}

/// What a VM may use.
package struct ScriptLimits: Sendable {
    /// Bytes; beyond it the script gets an error, and memory is refused at twice as much.
    package var memory: Int

    /// CPU time of one event, in steps of 2 ms; the event is ended at most 10 ms and one C function later.
    package var eventCPU: Duration

    /// CPU time of compiling and of the top level, in steps of 2 ms.
    package var loadCPU: Duration

    /// The time that a handler which waits may take from its start to its end.
    package var wall: Duration = .seconds(30)

    /// Whether a connection's state that a reload would refuse is told of after the handler that made it so.
    package var checksStates = false

    /// Bytes of the body of an HTTP answer.
    package var response = 1024 * 1024

    /// CPU time after which an event that cannot be ended, because a C function does not return, aborts the process.
    package var stuckCPU: Duration = .seconds(30)

    /// For tests: which allocations of the VM fail, counted from 1.
    package var failingAllocations: Range<UInt64> = 0..<0

    package init(memory: Int, eventCPU: Duration, loadCPU: Duration) {
        self.memory = memory
        self.eventCPU = eventCPU
        self.loadCPU = loadCPU
    }
}
