//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import LuaRuntime
internal import NIOCore
internal import WebSocketCore

/// What runs in the VM for an event, and what its end means.
extension ScriptRunner {
    func run(_ event: Event) {
        if let held = event.member?.held {
            self.hold(event, for: held)
            return
        }
        self.uncount(event)
        switch event {
        case .connect(let member):
            self.admit(member)
        case .message(let member, let payload, let isText):
            if !self.isEnding {
                payload.withUnsafeReadableBytes { bytes in
                    if let vm = self.vm { self.run(member, bytes, isText: isText, in: vm) }
                }
            }
            self.worker.inputTaken(member, byteCount: payload.readableBytes)
        case .drain(let member):
            guard member.phase == .open else { return }
            self.perform(.connection(member, .drain)) { (vm) throws(ScriptError) in try vm.drain(member.id) }
        case .close(let member, let report):
            self.dismiss(member, report)
        case .timer(let timer):
            self.run(timer: timer)
        case .spawned(let body):
            self.run(spawned: body)
        case .resume(let task, let cause):
            self.run(task: task, cause)
        case .upgrade(let token):
            self.ask(token, .upgrade) { (vm) throws(ScriptError) in try vm.upgrade(token) }
        case .request(let token, let body):
            self.ask(token, .request) { (vm) throws(ScriptError) in
                let result = body.withUnsafeReadableBytes { bytes -> Result<Outcome, ScriptError> in
                    do throws(ScriptError) {
                        return .success(try vm.request(token, body: bytes))
                    } catch {
                        return .failure(error)
                    }
                }
                return try result.get()
            }
        }
    }

    /// The hot path: nothing here allocates.
    func run(_ member: Member, _ payload: UnsafeRawBufferPointer, isText: Bool, in vm: LuaVM) {
        guard member.takesMessages else { return }
        self.current = .passUnretained(member)
        do {
            switch try vm.message(member.id, payload, isText: isText) {
            case .finished: break
            case .unhandled: self.worker.counters.add(.messagesUnhandled)
            case .suspended: self.hold(behind: member)
            }
        } catch {
            self.report(error, from: member)
        }
        self.finishEvent(in: vm)
    }

    private func admit(_ member: Member) {
        member.phase = .open
        member.takesMessages = true
        self.openCount += 1
        self.route.census.countOpen(by: 1)
        self.worker.admit(member)
        let upgrade = member.request.upgrade
        self.settle(member, in: upgrade.flatMap { self.acceptedUpgrades.removeValue(forKey: $0) })
        self.perform(.connection(member, .connect)) { (vm) throws(ScriptError) in
            try vm.connect(member.id, after: upgrade)
        }
    }

    private func dismiss(_ member: Member, _ report: CloseReport) {
        self.leaveOpen(member)
        member.phase = .ended
        if let connection = member.connection {
            self.worker.leaveAudience(connection)
        }
        self.perform(.connection(member, .close)) { (vm) throws(ScriptError) in
            var reason = report.reason
            let result = reason.withUTF8 { utf8 -> Result<Outcome, ScriptError> in
                do throws(ScriptError) {
                    let bytes = UnsafeRawBufferPointer(utf8)
                    let code = report.code.rawValue
                    return .success(try vm.close(member.id, code: code, reason: bytes, wasClean: report.wasClean))
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }
    }

    /// Runs a handler, applies its effects, and does what its end means, unless it waits.
    ///
    /// - Parameter older: the VM in which it waited; nil for the one that serves.
    func perform(_ subject: Subject, in older: LuaVM? = nil, _ body: (LuaVM) throws(ScriptError) -> Outcome) {
        guard let vm = older ?? self.vm else {
            self.complete(subject, succeeded: true)
            return
        }
        switch subject {
        case .connection(let member, let step):
            self.current = .passUnretained(member)
            self.step = step
        case .request, .timer, .background:
            self.backgroundSubject = subject
        }
        self.guest = older
        let formerTicks = vm.busyTicks
        var outcome: Outcome?
        do {
            outcome = try body(vm)
        } catch {
            self.report(error, from: subject.member)
        }
        if older != nil {
            // Those of the version that serves are looked at behind each event.
            self.note(ticks: vm.busyTicks &- formerTicks)
        }
        self.step = .message
        self.backgroundSubject = .background
        if outcome == .suspended, let member = subject.member {
            self.hold(behind: member)
        }
        self.finishEvent(in: vm)
        self.guest = nil
        if outcome != .suspended {
            self.complete(subject, succeeded: outcome != nil)
        }
    }

    /// What runs now.
    var subject: Subject {
        self.current.map { .connection($0.takeUnretainedValue(), self.step) } ?? self.backgroundSubject
    }

    /// Events of the connection wait from now on.
    private func hold(behind member: Member) {
        if member.held == nil {
            member.held = Member.Held()
        }
    }

    /// A handler is over.
    private func complete(_ subject: Subject, succeeded: Bool) {
        switch subject {
        case .background:
            break
        case .timer(let timer):
            self.timers[timer]?.isBusy = false
        case .request(let token, _):
            self.answer(token, succeeded ? .unhandled : .failed)
        case .connection(let member, let step):
            switch step {
            case .connect: self.connected(member, succeeded: succeeded)
            case .close: self.forget(member)
            case .message, .drain: break
            }
            self.release(member)
        }
    }

    private func connected(_ member: Member, succeeded: Bool) {
        // Only `req` shows them, and that is over.
        member.request.headers = []
        if !succeeded, member.phase == .open {
            self.leaveOpen(member)
            member.takesMessages = false
            self.worker.close(member, code: .internalError, reason: "the connect handler failed")
        }
    }

    private func forget(_ member: Member) {
        self.vm?.forget(member.id)
        for retired in self.retired.values {
            retired.vm.forget(member.id)
        }
        self.leaveHome(member)
        member.connection?.member = nil
        member.connection = nil
        self.membersByID[member.id] = nil
        self.names[member.request.publicID] = nil
        self.membersOnWorker[member.id.worker] -= 1
        self.demand.change(by: -1, for: member.request.deflate)
        self.forgottenMembers += 1
    }

    private func finishEvent(in vm: LuaVM) {
        self.applyEffects(of: vm)
        self.current = nil
        if !self.abandonedUpgrades.isEmpty {
            self.dropAbandoned()
        }
        while let (member, byteCount) = self.overflowed.popLast() {
            let limit = self.route.configuration.buffered
            let reason = "too slow: more than \(limit) bytes wait to be sent"
            self.worker.counters.add(.messagesDropped)
            self.worker.exceeded(
                .buffered,
                "closed: \(byteCount) bytes wait for a peer that reads too slowly",
                metadata: [
                    "route": "\(self.route.path)", "ip": "\(member.request.ip)",
                    "socket": "\(String(member.id.rawValue, radix: 16))",
                ]
            )
            self.worker.close(member, code: .tryAgainLater, reason: reason)
        }
    }

    /// Takes a member out of those that broadcasts reach and `ws.conns()` lists.
    package func leaveOpen(_ member: Member) {
        guard member.phase == .open else { return }
        member.phase = .closed
        self.openCount -= 1
        self.route.census.countOpen(by: -1)
        self.stopReceiving(member)
        self.leaveRooms(member)
    }

    /// Remembers a member whose buffer a frame would have taken past the hard limit, to be closed behind what it was sent.
    package func overflow(_ member: Member, byteCount: Int) {
        self.leaveOpen(member)
        member.takesMessages = false
        self.overflowed.append((member, byteCount))
    }
}
