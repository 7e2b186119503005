//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import DequeModule
internal import Logging
internal import LuaRuntime
internal import Synchronization

/// The events that wait for the VM, and its share of a turn of the loop.
extension ScriptRunner {
    func enqueue(_ event: Event) {
        self.append(event)
        self.drainQueue()
    }

    /// Puts an event behind the others, and on the account.
    func append(_ event: Event) {
        self.queuedBytes += event.cost
        self.worker.account(event.cost)
        if self.queuedBytes > self.route.configuration.scriptQueueBytes {
            if !self.isCongested {
                self.isCongested = true
                self.route.census.isCongested.store(!self.route.isPerCore, ordering: .relaxed)
                self.worker.exceeded(
                    .scriptQueue,
                    "reading pauses for all clients of the route: \(self.queuedBytes) bytes wait for the script",
                    metadata: ["route": "\(self.route.path)"]
                )
            }
        }
        self.queue.append(event)
    }

    /// Takes an event that is about to run off the account.
    func uncount(_ event: Event) {
        self.queuedBytes -= event.cost
        self.worker.account(-event.cost)
        if self.isCongested, self.queuedBytes <= self.route.configuration.scriptQueueBytes / 2 {
            self.isCongested = false
            self.route.census.isCongested.store(false, ordering: .relaxed)
            self.worker.congestionOver(of: self.route)
        }
    }

    /// Runs what waits, until the VM has used its slice.
    func drainQueue() {
        guard !self.isRunning, !self.isResting, !self.isPaused, !self.queue.isEmpty else { return }
        self.isRunning = true
        while !self.isResting, let event = self.queue.popFirst() {
            self.run(event)
            if let vm = self.vm {
                self.noteTime(of: vm)
            }
        }
        self.isRunning = false
        if !self.retired.isEmpty {
            self.closeRetired()
        }
    }

    // MARK: - Fairness

    /// Sends the VM to rest when it has used its share of a turn of the loop.
    ///
    /// Costs two loads in the steady state: only when a tick of the CPU clock has landed in a handler is it asked in which
    /// turn of the loop that was.
    func noteTime(of vm: LuaVM) {
        let ticks = vm.busyTicks
        guard ticks != self.seenBusyTicks else { return }
        defer { self.seenBusyTicks = ticks }
        self.note(ticks: ticks &- self.seenBusyTicks)
    }

    /// So many ticks have landed in handlers, in whichever version of the script.
    func note(ticks: UInt32) {
        guard ticks > 0 else { return }
        if self.busyRound != self.worker.round {
            self.busyRound = self.worker.round
            self.ticksInRound = 0
            // What counts the turns of the loop.
            self.worker.scheduleEndOfTick()
        }
        self.ticksInRound &+= ticks
        if self.ticksInRound >= self.sliceTicks {
            self.rest()
        }
    }

    private func rest() {
        self.isResting = true
        self.worker.rest(self)
    }

    /// The loop has looked at its sockets: goes on with what waits.
    func wake() {
        self.isResting = false
        if self.collectsFirst() {
            self.rest()
        } else {
            self.drainQueue()
        }
    }
}
