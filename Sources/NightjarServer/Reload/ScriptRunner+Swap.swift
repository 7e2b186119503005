//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
package import LuaRuntime
package import NIOCore

/// The exchange of the VM for one with the next version of its script, while everything that is the host's stays.
///
/// First ``beginSwap(_:on:instances:snapshot:)``: from there on events wait. Then either ``commitSwap()`` or ``abortSwap()``, so
/// that the VMs of several loops can all change or none.
extension ScriptRunner {
    /// A version that is about to begin.
    struct Swap {
        let vm: LuaVM
        let route: Route
        let generation: UInt64
        /// How many timers the version has that serves until now.
        let formerTimers: Int
        let began = NIODeadline.now()
    }

    /// The VM of a version that serves no more.
    final class RetiredVM {
        let vm: LuaVM
        /// How many handlers wait in it.
        var taskCount: Int

        init(_ vm: LuaVM, taskCount: Int) {
            self.vm = vm
            self.taskCount = taskCount
        }
    }

    /// How many older versions may have handlers that wait; those of older ones are ended.
    package static let mostRetired = 8

    /// Whether something runs of a version that serves no more.
    var isRetiredRunning: Bool { self.guest != nil && !self.isPaused }

    /// The route as the version will serve it that is about to begin.
    package var nextRoute: Route? { self.swap?.route }

    /// How many VMs of older versions are not closed.
    package var retiredCount: Int { self.retired.count }

    /// Has the route's events wait, runs `save` of the version that serves and `load` of the next.
    ///
    /// - Parameters:
    ///   - next: a VM that is loaded and has not started.
    ///   - route: what its script says of the route.
    ///   - snapshot: what takes the place of what is saved when `save` fails; nil to throw then.
    /// - Returns: what was saved.
    /// - Throws: ``ScriptError`` of either; then all is as it was, and `next` is closed.
    @discardableResult
    package func beginSwap(
        _ next: LuaVM,
        on route: Route,
        instances: Int = 1,
        snapshot: [UInt8]? = nil
    ) throws(ScriptError) -> [UInt8] {
        self.isPaused = true
        self.isRunning = true
        self.lastGeneration += 1
        let generation = self.lastGeneration
        self.swap = Swap(vm: next, route: route, generation: generation, formerTimers: self.timers.count)
        do throws(ScriptError) {
            let saved = try self.save(orElse: snapshot)
            next.move(to: self, clock: self.worker.clock)
            next.setMessageKey(route.configuration.messageKey)
            self.guest = next
            defer { self.guest = nil }
            try next.start(
                limits: self.limits(of: route),
                instances: instances,
                after: self.vm?.script.version ?? 0,
                saved: saved,
                generation: generation
            )
            self.isRunning = false
            return saved
        } catch {
            self.isRunning = false
            self.abortSwap()
            throw error
        }
    }

    private func save(orElse snapshot: [UInt8]?) throws(ScriptError) -> [UInt8] {
        do throws(ScriptError) {
            return try self.vm?.save() ?? []
        } catch {
            guard let snapshot else { throw error }
            self.logger.warning(
                "save failed: the last snapshot takes its place",
                metadata: ["version": "\(self.version)", "error": "\(error.message)"]
            )
            return snapshot
        }
    }

    /// The next version serves from here on; events go on.
    ///
    /// - Returns: how long they have waited.
    @discardableResult
    package func commitSwap() -> TimeAmount {
        guard let swap = self.swap else { return .zero }
        self.swap = nil
        let former = self.vm
        self.vm = swap.vm
        self.route = swap.route
        self.route.handlers = swap.vm.handlers
        self.endQuarantine()
        self.logger[metadataKey: "route"] = "\(swap.route.path)"
        self.seenBusyTicks = swap.vm.busyTicks
        self.keepNumbered { $0 == swap.generation }
        if let former {
            let tasks = self.suspensions.keys.count { $0.generation == former.generation }
            self.retired[former.generation] = RetiredVM(former, taskCount: tasks)
            self.release(tasksOf: former.generation)
        }
        if let oldest = self.retired.keys.min(), self.retired.count > Self.mostRetired {
            self.end(tasksOf: oldest)
        }
        self.isPaused = false
        let pause = NIODeadline.now() - swap.began
        self.moveStates()
        self.closeRetired()
        self.drainQueue()
        return pause
    }

    /// The version that serves stays; events go on.
    package func abortSwap() {
        guard let swap = self.swap else { return }
        self.swap = nil
        self.keepNumbered { $0 != swap.generation }
        self.worker.close(swap.vm)
        self.isPaused = false
        self.drainQueue()
    }

    /// Drops the timers and spawned bodies of other generations than those.
    private func keepNumbered(_ isKept: (UInt64) -> Bool) {
        self.timers = self.timers.filter { isKept($0.key.generation) }
        self.spawnedCount = 0
        self.queue.removeAll { event in
            switch event {
            case .timer(let timer): return !isKept(timer.generation)
            case .spawned(let body):
                guard isKept(body.generation) else { return true }
                self.spawnedCount += 1
                return false
            default: return false
            }
        }
    }

    /// `receive` waits no more, and what no client waits for ends; handlers of connections and requests go on.
    private func release(tasksOf generation: UInt64) {
        for (task, suspension) in self.suspensions where task.generation == generation {
            switch suspension.subject {
            case .timer, .background:
                self.queue.append(.resume(task, .ending))
            case .connection(let member, _):
                guard let held = member.held, held.receiver == task else { continue }
                held.receiver = nil
                self.queue.append(.resume(task, .reloaded))
            case .request:
                continue
            }
        }
    }

    private func end(tasksOf generation: UInt64) {
        var count = 0
        for task in self.suspensions.keys where task.generation == generation {
            self.queue.append(.resume(task, .ending))
            count += 1
        }
        guard count > 0 else { return }
        let version = self.retired[generation]?.vm.script.version ?? 0
        self.worker.exceeded(
            .versions,
            "handlers ended: they waited over \(Self.mostRetired) reloads",
            metadata: ["route": "\(self.route.path)", "version": "\(version)", "handlers": "\(count)"]
        )
    }

    /// Closes the VMs of older versions that nobody needs any more.
    func closeRetired() {
        for (generation, retired) in self.retired
        where retired.taskCount == 0 && self.homes[generation] == nil
            && !self.acceptedUpgrades.values.contains(generation)
        {
            self.retired[generation] = nil
            self.worker.close(retired.vm)
        }
    }
}
