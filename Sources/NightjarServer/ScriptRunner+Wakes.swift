//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime
package import NIOCore

/// Handlers that wait for a name, and what wakes them.
///
/// A name is the route's: where that has a VM on each loop, the others are told by an envelope, and the census knows which of
/// them have somebody to wake.
extension ScriptRunner {
    package func wake(_ name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Int {
        let name = Array(name)
        let value = ByteBuffer(bytes: value)
        var count = self.resume(everybodyAt: name, with: value)
        guard self.route.isPerCore else { return count }
        let others = self.route.census.waiting(for: name, besides: self.worker.index)
        guard !others.isEmpty else { return count }
        // What the script has sent before goes before.
        self.applyEffects()
        for (loop, waiting) in others {
            count += waiting
            self.worker.post(.woken(route: self.route.index, name: name, value: value), to: loop)
        }
        return count
    }

    /// Another VM of the route wakes all that wait for the name here.
    package func woken(_ name: [UInt8], value: ByteBuffer) {
        self.resume(everybodyAt: name, with: value)
        self.drainQueue()
    }

    /// Has all that wait for the name go on, in the order in which they began to wait.
    ///
    /// - Returns: how many they are.
    @discardableResult
    private func resume(everybodyAt name: [UInt8], with value: ByteBuffer) -> Int {
        guard let tasks = self.waiters.removeValue(forKey: name) else { return 0 }
        self.tellCensus(of: -tasks.count, at: name)
        for task in tasks {
            self.append(.resume(task, .value(value)))
        }
        return tasks.count
    }

    func beginWaiting(_ task: TaskID, for name: [UInt8]) {
        self.waiters[name, default: []].append(task)
        self.tellCensus(of: 1, at: name)
    }

    /// The task waits no more; nothing when it has been woken.
    func endWaiting(_ task: TaskID, for name: [UInt8]) {
        guard let place = self.waiters[name]?.firstIndex(of: task) else { return }
        self.waiters[name]?.remove(at: place)
        if self.waiters[name]?.isEmpty == true {
            self.waiters[name] = nil
        }
        self.tellCensus(of: -1, at: name)
    }

    /// Of a route with one VM nobody else asks.
    private func tellCensus(of change: Int, at name: [UInt8]) {
        guard self.route.isPerCore else { return }
        self.route.census.countWaiting(for: name, on: self.worker.index, by: change)
    }
}
