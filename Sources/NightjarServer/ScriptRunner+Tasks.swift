//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import DequeModule
internal import Logging
package import LuaRuntime
internal import NIOCore

/// Handlers that wait, timers, and bodies that were spawned: what makes a script go on without an event from outside.
///
/// While a handler of a connection waits, the connection's next events wait too. A resumption is an event like any other, so
/// it runs when nothing else does.
extension ScriptRunner {
    /// Whose handler runs or waits.
    enum Subject {
        case connection(Member, Step)
        /// A client waits for the answer.
        case request(RequestToken, Question)
        case timer(TimerID)
        /// A spawned body, or the script's `error` handler.
        case background

        var member: Member? {
            if case .connection(let member, _) = self { member } else { nil }
        }

        /// The handler's name in errors.
        var handler: String {
            switch self {
            case .connection(_, let step): step.rawValue
            case .request(_, let question): question.rawValue
            case .timer: "timer"
            case .background: "spawn"
            }
        }
    }

    enum Step: String {
        case connect, message, drain, close
    }

    enum Question: String {
        case upgrade, request
    }

    /// A handler that waits.
    struct Suspension {
        let subject: Subject
        let began: NIODeadline
        /// What `ws.wait` waits for.
        var name: [UInt8] = []
    }

    /// Handlers that wait, timers that are set, and alarms that are kept for them.
    package var pending: (handlers: Int, timers: Int, alarms: Int) {
        (self.suspensions.count, self.timers.count, self.alarms.count)
    }

    // MARK: - What scripts ask

    package func suspend(_ task: TaskID, for wait: Wait) -> Bool {
        guard self.suspensions.count + self.spawnedCount < self.route.configuration.handlers else {
            self.exceeded(.handlers, "a handler may not wait: \(self.waitingText)")
            return false
        }
        let now = self.worker.eventLoop.now
        var suspension = self.resumed ?? Suspension(subject: self.subject, began: now)
        suspension.name = []
        // A spawned body is no answer to anybody, and may go on for ever.
        let expiry: NIODeadline =
            if case .background = suspension.subject {
                .distantFuture
            } else {
                suspension.began + TimeAmount(self.route.configuration.wall)
            }
        switch wait {
        case .sleep(let nanoseconds):
            let due = now.later(nanoseconds)
            self.alarms.insert(due < expiry ? .timeout(task) : .expiry(task), due: min(due, expiry))
        case .message(let timeout):
            self.setPatience(of: task, timeout, now: now, expiry: expiry)
            self.awaitMessage(task, for: suspension.subject)
        case .name(let name, let timeout):
            suspension.name = Array(name)
            self.beginWaiting(task, for: suspension.name)
            self.setPatience(of: task, timeout, now: now, expiry: expiry)
        }
        self.suspensions[task] = suspension
        if self.isRetiredRunning {
            self.retired[task.generation]?.taskCount += 1
        }
        if self.isEnding {
            self.queue.append(.resume(task, .ending))
        }
        self.scheduleAlarms()
        return true
    }

    package func setTimer(_ timer: TimerID, after delay: Int64, every interval: Int64) -> Bool {
        // Those of its version have ended.
        if self.isRetiredRunning { return true }
        guard self.timers.count - (self.swap?.formerTimers ?? 0) < self.route.configuration.timers else {
            self.exceeded(.timers, "a timer was refused: this script has \(self.timers.count)")
            return false
        }
        let set = ScriptTimer(delay: delay, interval: interval, now: self.worker.eventLoop.now)
        self.timers[timer] = set
        self.alarms.insert(.timer(timer), due: set.due)
        self.scheduleAlarms()
        return true
    }

    package func cancelTimer(_ timer: TimerID) {
        self.timers[timer] = nil
    }

    package func spawn(_ body: TaskID) -> Bool {
        if self.isRetiredRunning { return true }
        guard self.suspensions.count + self.spawnedCount < self.route.configuration.handlers else {
            self.exceeded(.handlers, "a body was not spawned: \(self.waitingText)")
            return false
        }
        self.spawnedCount += 1
        self.queue.append(.spawned(body))
        return true
    }

    private var waitingText: String {
        "\(self.suspensions.count) handlers of this script wait, and \(self.spawnedCount) spawned bodies have not begun"
    }

    private func exceeded(_ limit: Limit, _ sentence: @autoclosure () -> String) {
        self.worker.exceeded(limit, sentence(), metadata: ["route": "\(self.route.path)"])
    }

    /// Ends the wait, but not the handler, when it has been long enough.
    private func setPatience(of task: TaskID, _ timeout: Int64?, now: NIODeadline, expiry: NIODeadline) {
        let due = min(timeout.map(now.later) ?? .distantFuture, expiry)
        if due < .distantFuture {
            self.alarms.insert(.timeout(task), due: due)
        }
    }

    // MARK: - Messages for `receive`

    private func awaitMessage(_ task: TaskID, for subject: Subject) {
        guard let member = subject.member else { return }
        let held = member.held ?? Member.Held()
        member.held = held
        if self.isRetiredRunning {
            self.queue.append(.resume(task, .reloaded))
        } else if held.hasMessage {
            self.queue.append(.resume(task, .message))
        } else if member.phase != .open || held.hasClose {
            self.queue.append(.resume(task, .closed))
        } else {
            held.receiver = task
        }
    }

    /// Keeps an event of a connection whose handler waits, or hands it to that.
    func hold(_ event: Event, for held: Member.Held) {
        held.events.append(event)
        guard let task = held.receiver else { return }
        switch event {
        case .message: self.queue.append(.resume(task, .message))
        case .close: self.queue.append(.resume(task, .closed))
        default: return
        }
        held.receiver = nil
    }

    /// The script has closed the connection: nothing more will be received.
    func stopReceiving(_ member: Member) {
        guard let held = member.held, let task = held.receiver else { return }
        held.receiver = nil
        self.queue.append(.resume(task, .closed))
    }

    /// The handler of a connection is over: what came meanwhile is next.
    func release(_ member: Member) {
        guard let held = member.held else { return }
        member.held = nil
        self.moveState(of: member)
        self.queue.prepend(contentsOf: held.events)
    }

    // MARK: - Alarms

    private func scheduleAlarms() {
        self.alarms.prune(wanted: self.suspensions.count + self.timers.count) { purpose in
            switch purpose {
            case .timer(let timer): self.timers[timer] != nil
            case .timeout(let task), .expiry(let task): self.suspensions[task] != nil
            }
        }
        guard let first = self.alarms.first else { return }
        if let scheduled = self.alarmTask {
            guard first < scheduled.due else { return }
            scheduled.task.cancel()
        }
        let task = self.worker.eventLoop.assumeIsolated().scheduleTask(deadline: first) { [weak self] in
            guard let self else { return }
            self.ringAlarms()
        }
        self.alarmTask = (first, task)
    }

    private func ringAlarms() {
        self.alarmTask = nil
        let now = self.worker.eventLoop.now
        while let purpose = self.alarms.next(now: now) {
            switch purpose {
            case .timeout(let task):
                if self.suspensions[task] != nil { self.append(.resume(task, .timedOut)) }
            case .expiry(let task):
                if self.suspensions[task] != nil { self.append(.resume(task, .expired)) }
            case .timer(let timer):
                self.ring(timer, now: now)
            }
        }
        self.scheduleAlarms()
        self.drainQueue()
    }

    /// Ticks that come while the last one is not done are skipped.
    private func ring(_ id: TimerID, now: NIODeadline) {
        guard var timer = self.timers[id] else { return }
        if timer.repeats {
            timer.advance(now: now)
            self.alarms.insert(.timer(id), due: timer.due)
        }
        if !timer.isBusy {
            timer.isBusy = true
            self.queue.append(.timer(id))
        }
        self.timers[id] = timer
    }

    // MARK: - Running

    func run(timer id: TimerID) {
        guard !self.isEnding, var timer = self.timers[id] else { return }
        let elapsed = timer.run(now: self.worker.eventLoop.now)
        let repeats = timer.repeats
        // One that runs once is over, and can be counted no more, before its function may set another.
        self.timers[id] = repeats ? timer : nil
        self.perform(.timer(id)) { (vm) throws(ScriptError) in
            try vm.timer(id, elapsed: elapsed, repeats: repeats)
        }
    }

    func run(spawned body: TaskID) {
        guard body.generation == self.vm?.generation else { return }
        self.spawnedCount -= 1
        guard !self.isEnding else { return }
        self.perform(.background) { (vm) throws(ScriptError) in try vm.spawned(body) }
    }

    /// Goes on with a handler that waits; nothing when something else was quicker.
    func run(task: TaskID, _ cause: Event.Cause) {
        guard let suspension = self.suspensions.removeValue(forKey: task) else { return }
        self.retired[task.generation]?.taskCount -= 1
        if !suspension.name.isEmpty {
            self.endWaiting(task, for: suspension.name)
        }
        let held = suspension.subject.member?.held
        if held?.receiver == task { held?.receiver = nil }
        self.resumed = suspension
        defer { self.resumed = nil }
        let handler = suspension.subject.handler
        switch cause {
        case .timedOut: self.resume(task, with: .timedOut, suspension)
        case .reloaded: self.resume(task, with: .reloaded, suspension)
        case .closed: self.resume(task, with: .closed, suspension)
        case .ending:
            self.endsQuietly = true
            self.resume(task, with: .ending, suspension)
            self.endsQuietly = false
        case .expired:
            self.exceeded(.wall, "a handler (\(handler)) waited longer than \(self.route.configuration.wall)")
            self.resume(task, with: .expired, suspension)
        case .value(let value):
            value.withUnsafeReadableBytes { self.resume(task, with: .value($0), suspension) }
        case .message:
            guard let member = suspension.subject.member, member.takesMessages, let event = held?.takeMessage(),
                case .message(_, let payload, let isText) = event
            else {
                // The script has closed the connection meanwhile.
                self.resume(task, with: .closed, suspension)
                return
            }
            self.uncount(event)
            payload.withUnsafeReadableBytes { self.resume(task, with: .message($0, isText: isText), suspension) }
            self.worker.inputTaken(member, byteCount: payload.readableBytes)
        }
    }

    private func resume(_ task: TaskID, with resumption: Resumption, _ suspension: Suspension) {
        let handler = suspension.subject.handler
        let retired = self.retired[task.generation]
        self.perform(suspension.subject, in: retired?.vm) { (vm) throws(ScriptError) in
            try vm.resume(task, with: resumption, in: handler)
        }
    }

    /// Ends every handler that waits.
    func endSuspensions() {
        self.timers = [:]
        for task in self.suspensions.keys {
            self.queue.append(.resume(task, .ending))
        }
    }
}

extension Member {
    /// What waits behind a handler of the connection that waits.
    final class Held {
        var events: Deque<ScriptRunner.Event> = []
        /// The task in which `receive` waits for the next message.
        var receiver: TaskID?

        var hasMessage: Bool {
            self.events.contains { if case .message = $0 { true } else { false } }
        }

        var hasClose: Bool {
            self.events.contains { if case .close = $0 { true } else { false } }
        }

        /// Takes out the oldest message.
        func takeMessage() -> ScriptRunner.Event? {
            let place = self.events.firstIndex { if case .message = $0 { true } else { false } }
            return place.map { self.events.remove(at: $0) }
        }
    }
}
