//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import LuaRuntime
internal import NIOCore

/// When a script used more CPU time or memory than one event may, lately.
struct BreachCensus {
    static let time: TimeAmount = .seconds(60)

    private var breaches: [NIODeadline] = []

    /// - Returns: whether this was the last of as many as may be in ``time``.
    mutating func note(now: NIODeadline, limit: Int) -> Bool {
        self.breaches.removeAll { $0 + Self.time <= now }
        self.breaches.append(now)
        return self.breaches.count >= limit
    }
}

/// A script that takes the loop from everybody again and again serves nobody, until it is loaded again.
///
/// Each VM counts for itself; the first that has enough takes the whole route out of service.
extension ScriptRunner {
    /// Counts an event that was ended for its CPU time or the VM's memory.
    ///
    /// What ends for another reason, such as a handler that waited too long, has taken nothing from others.
    func noteBreach(_ error: ScriptError) {
        guard error.kind == .deadline || error.kind == .memory, error.version == self.vm?.script.version else { return }
        let limit = self.route.configuration.breaches
        guard limit > 0, self.breaches.note(now: self.worker.eventLoop.now, limit: limit),
            self.route.census.quarantine()
        else { return }
        self.worker.counters.add(.exceeded(.quarantine))
        // Told each time: it waits for somebody to mend it.
        self.logger.error(
            "quarantined: the script passed its limits \(limit) times in a minute; mend and save it, or run: nightjar reload \(self.route.name)",
            metadata: [
                "script": "\(self.route.script)", "version": "\(error.version)", "limit": "\(Limit.quarantine.label)",
            ]
        )
        self.beginQuarantine()
        self.quarantined?(self.route.index)
    }

    /// Runs nothing more but each connection's `close`.
    package func beginQuarantine() {
        self.isQuarantined = true
        for member in self.membersByID.values {
            member.takesMessages = false
        }
        self.queue.removeAll { event in
            switch event {
            case .timer, .spawned: true
            default: false
            }
        }
        self.spawnedCount = 0
        self.endSuspensions()
        self.drainQueue()
    }

    /// Another version begins, maybe before the connections were closed.
    func endQuarantine() {
        self.breaches = BreachCensus()
        self.route.census.endQuarantine()
        guard self.isQuarantined else { return }
        self.isQuarantined = false
        for member in self.membersByID.values where member.phase == .open {
            member.takesMessages = true
        }
    }
}
