//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import DequeModule
package import Logging
package import LuaRuntime
package import NIOCore
internal import Synchronization
internal import WebSocketCore

/// Runs one VM: its events one at a time and in order, their effects after each, on the event loop that owns the VM.
///
/// An event that comes while a handler runs, or after the VM has used its slice of the tick, waits in the queue. The host
/// half, which answers what scripts ask, is `ScriptRunner+ScriptHost.swift`.
package final class ScriptRunner {
    enum Event {
        case connect(Member)
        case message(Member, ByteBuffer, isText: Bool)
        case drain(Member)
        case close(Member, CloseReport)
    }

    /// Ticks of the CPU clock, 10 ms each, that a VM may use in one turn of the loop: with two, it used 10 ms or more.
    package static let sliceTicks: UInt32 = 2

    package let route: Route
    package unowned let worker: Worker
    package let logger: Logger
    package let readModule: (String) -> ModuleSource
    private let sliceTicks: UInt32

    package private(set) var vm: LuaVM?
    package private(set) var version = 0
    package private(set) var membersByID: [ConnectionID: Member] = [:]
    package private(set) var names: [PublicID: ConnectionID] = [:]

    /// Members between the start of `connect` and their end.
    package private(set) var openCount = 0

    /// How many members have their socket on each event loop.
    package private(set) var membersOnWorker: [Int]

    /// Which frames broadcasts need.
    package private(set) var demand = BroadcastFrames.Demand()

    /// The member whose event runs, found without a search.
    package private(set) var current: Member?

    /// Members that passed the hard limit of buffered bytes in this event, and with how many; closed when its effects are
    /// applied.
    private var overflowed: [(member: Member, byteCount: Int)] = []

    private var queue: Deque<Event> = []
    private var queuedBytes = 0
    /// True while the server shuts down: connections are gone or going, and only their ends are still told.
    private var isEnding = false
    private var isRunning = false
    private var isResting = false

    private var seenBusyTicks: UInt32 = 0
    /// The turn of the loop in which a tick last landed in a handler, and how many did.
    private var busyRound: UInt64?
    private var ticksInRound: UInt32 = 0

    /// - Parameters:
    ///   - route: what the script serves.
    ///   - worker: the event loop that owns the VM.
    ///   - logger: where the script's lines and errors go.
    ///   - sliceTicks: 10 ms ticks of CPU time that the VM may use in one turn of the loop.
    ///   - readModule: finds what the script requires.
    package init(
        route: Route,
        worker: Worker,
        logger: Logger,
        sliceTicks: UInt32 = ScriptRunner.sliceTicks,
        readModule: @escaping (String) -> ModuleSource
    ) {
        self.route = route
        self.worker = worker
        self.sliceTicks = sliceTicks
        self.readModule = readModule
        self.membersOnWorker = Array(repeating: 0, count: worker.peerCount)
        var logger = logger
        logger[metadataKey: "route"] = "\(route.path)"
        self.logger = logger
    }

    /// Creates the VM and loads the script.
    package func load(_ script: Script, productVersion: String) throws(ScriptError) {
        let configuration = self.route.configuration
        self.version = script.version
        self.vm = try LuaVM(
            loading: script,
            limits: ScriptLimits(
                memory: configuration.memory,
                eventCPU: configuration.eventCPU,
                loadCPU: configuration.loadCPU
            ),
            productVersion: productVersion,
            clock: self.worker.clock,
            host: self
        )
    }

    /// Closes the VM. Nothing runs after it.
    package func unload() {
        self.vm?.destroy()
        self.vm = nil
    }

    // MARK: - Events

    /// A connection of the route is there; `connection` is it, if its socket lives on this loop.
    package func opened(_ id: ConnectionID, request: ClientRequest, connection: Connection?) {
        let member = Member(id: id, request: request, connection: connection, runner: self)
        self.membersByID[id] = member
        self.names[request.publicID] = id
        self.membersOnWorker[id.worker] += 1
        self.demand.change(by: 1, for: request.deflate)
        // Before `connect` runs, which may be now: what it sends is this loop's own.
        connection?.member = member
        self.enqueue(.connect(member))
    }

    /// A message has come. Its bytes are copied only if it has to wait.
    ///
    /// - Returns: true when it has been dealt with; false when it waits, and ``Connection/inputTaken(messages:byteCount:)`` will
    ///   follow.
    package func message(_ payload: UnsafeRawBufferPointer, isText: Bool, from member: Member) -> Bool {
        guard !self.isRunning, !self.isResting, self.queue.isEmpty else {
            self.enqueue(.message(member, ByteBuffer(bytes: payload), isText: isText))
            return false
        }
        self.isRunning = true
        self.run(member, payload, isText: isText)
        self.isRunning = false
        self.noteTime()
        self.drainQueue()
        return true
    }

    /// A message has come from another loop.
    package func message(_ payload: ByteBuffer, isText: Bool, from id: ConnectionID) {
        guard let member = self.membersByID[id] else { return }
        self.enqueue(.message(member, payload, isText: isText))
    }

    /// The send buffer of a connection has room again.
    package func drained(_ id: ConnectionID) {
        guard let member = self.membersByID[id] else { return }
        self.enqueue(.drain(member))
    }

    /// A connection has ended.
    package func closed(_ id: ConnectionID, _ report: CloseReport) {
        guard let member = self.membersByID[id] else { return }
        self.enqueue(.close(member, report))
    }

    /// Another loop has sent bytes that were posted to it.
    package func outputSent(_ id: ConnectionID, byteCount: Int) {
        self.membersByID[id]?.postedOutput -= byteCount
    }

    /// From here on messages that wait are passed over, so that every connection's `close` is told in time.
    package func beginEnding() {
        self.isEnding = true
    }

    /// Whether everything is done.
    package var isIdle: Bool { self.queue.isEmpty && !self.isRunning }

    // MARK: - The queue

    private func enqueue(_ event: Event) {
        self.queuedBytes += event.cost
        self.worker.account(event.cost)
        if self.queuedBytes > self.route.configuration.scriptQueueBytes {
            if !self.route.isCongested.exchange(true, ordering: .relaxed) {
                self.worker.exceeded(
                    .scriptQueue,
                    "reading pauses for all clients of the route: \(self.queuedBytes) bytes wait for the script",
                    metadata: ["route": "\(self.route.path)"]
                )
            }
        }
        self.queue.append(event)
        self.drainQueue()
    }

    /// Runs what waits, until the VM has used its slice.
    private func drainQueue() {
        guard !self.isRunning, !self.isResting, !self.queue.isEmpty else { return }
        self.isRunning = true
        while !self.isResting, let event = self.queue.popFirst() {
            self.run(event)
            self.noteTime()
        }
        self.isRunning = false
    }

    private func run(_ event: Event) {
        self.queuedBytes -= event.cost
        self.worker.account(-event.cost)
        if self.route.isCongested.load(ordering: .relaxed),
            self.queuedBytes <= self.route.configuration.scriptQueueBytes / 2
        {
            self.route.isCongested.store(false, ordering: .relaxed)
            self.worker.congestionOver(of: self.route)
        }
        switch event {
        case .connect(let member):
            self.admit(member)
        case .message(let member, let payload, let isText):
            if !self.isEnding {
                payload.withUnsafeReadableBytes { self.run(member, $0, isText: isText) }
            }
            self.worker.inputTaken(member, byteCount: payload.readableBytes)
        case .drain(let member):
            guard member.phase == .open else { return }
            self.perform(for: member) { (vm) throws(ScriptError) in try vm.drain(member.id) }
        case .close(let member, let report):
            self.dismiss(member, report)
        }
    }

    /// The hot path: nothing here allocates.
    private func run(_ member: Member, _ payload: UnsafeRawBufferPointer, isText: Bool) {
        guard member.takesMessages, let vm = self.vm else { return }
        self.current = member
        do {
            try vm.message(member.id, payload, isText: isText)
        } catch {
            self.report(error, from: member)
        }
        self.finishEvent()
    }

    private func admit(_ member: Member) {
        member.phase = .open
        member.takesMessages = true
        self.openCount += 1
        self.worker.admit(member, to: self.route)
        let succeeded = self.perform(for: member) { (vm) throws(ScriptError) in try vm.connect(member.id) }
        // Only `req` shows them, and that is over.
        member.request.headers = []
        if !succeeded, member.phase == .open {
            self.leaveOpen(member)
            member.takesMessages = false
            self.worker.close(member, code: .internalError, reason: "the connect handler failed")
        }
    }

    private func dismiss(_ member: Member, _ report: CloseReport) {
        self.leaveOpen(member)
        if let connection = member.connection {
            self.worker.leaveAudience(connection)
        }
        self.perform(for: member) { (vm) throws(ScriptError) in
            var reason = report.reason
            let result = reason.withUTF8 { utf8 -> Result<Void, ScriptError> in
                do throws(ScriptError) {
                    let bytes = UnsafeRawBufferPointer(utf8)
                    try vm.close(member.id, code: report.code.rawValue, reason: bytes, wasClean: report.wasClean)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            try result.get()
        }
        self.vm?.forget(member.id)
        member.connection?.member = nil
        member.connection = nil
        self.membersByID[member.id] = nil
        self.names[member.request.publicID] = nil
        self.membersOnWorker[member.id.worker] -= 1
        self.demand.change(by: -1, for: member.request.deflate)
    }

    /// Runs a handler and applies its effects.
    ///
    /// - Returns: false when it failed; that has been reported.
    @discardableResult
    private func perform(for member: Member, _ body: (LuaVM) throws(ScriptError) -> Void) -> Bool {
        guard let vm = self.vm else { return true }
        self.current = member
        defer { self.finishEvent() }
        do {
            try body(vm)
            return true
        } catch {
            self.report(error, from: member)
            return false
        }
    }

    private func finishEvent() {
        self.applyEffects()
        self.current = nil
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

    /// Logs a handler's error, then hands it to the script's own `error` handler.
    private func report(_ error: ScriptError, from member: Member) {
        self.log(error, member)
        guard let vm = self.vm, vm.handlers.contains(.error) else { return }
        do {
            try vm.error(member.id, error)
        } catch {
            self.log(error, member)
        }
    }

    private func log(_ error: ScriptError, _ member: Member) {
        self.worker.counters.add(.scriptError(error.kind))
        // Told below each time, with the traceback that shows where.
        switch error.kind {
        case .deadline: self.worker.counters.add(.exceeded(.scriptCPU))
        case .memory: self.worker.counters.add(.exceeded(.scriptMemory))
        case .syntax, .runtime, .contract: break
        }
        var metadata: Logger.Metadata = [
            "script": "\(self.route.script)", "version": "\(error.version)", "handler": "\(error.handler)",
            "error": "\(error.message)", "connection": "\(member.request.publicID)",
        ]
        if let source = error.sourceLine {
            metadata["source"] = "\(source)"
        }
        if !error.traceback.isEmpty {
            metadata["traceback"] = "\(error.traceback)"
        }
        self.logger.error("script error", metadata: metadata)
    }

    // MARK: - Fairness

    /// Sends the VM to rest when it has used 10 ms in one turn of the loop.
    ///
    /// Costs two loads in the steady state: only when a tick of the CPU clock has landed in a handler is it asked in which
    /// turn of the loop that was.
    private func noteTime() {
        guard let ticks = self.vm?.busyTicks, ticks != self.seenBusyTicks else { return }
        if self.busyRound != self.worker.round {
            self.busyRound = self.worker.round
            self.ticksInRound = 0
            // What counts the turns of the loop.
            self.worker.scheduleEndOfTick()
        }
        self.ticksInRound &+= ticks &- self.seenBusyTicks
        self.seenBusyTicks = ticks
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
        self.drainQueue()
    }
}

extension ScriptRunner {
    /// Takes a member out of those that broadcasts reach and `ws.conns()` lists.
    package func leaveOpen(_ member: Member) {
        guard member.phase == .open else { return }
        member.phase = .closed
        self.openCount -= 1
    }

    /// Remembers a member whose buffer a frame would have taken past the hard limit, to be closed behind what it was sent.
    package func overflow(_ member: Member, byteCount: Int) {
        self.leaveOpen(member)
        member.takesMessages = false
        self.overflowed.append((member, byteCount))
    }
}

extension ScriptRunner.Event {
    /// The bytes that the event holds while it waits; those of a request's head are taken as one kilobyte.
    var cost: Int {
        switch self {
        case .message(_, let payload, _): payload.readableBytes
        case .connect: 1024
        case .drain, .close: 0
        }
    }
}

@available(*, unavailable)
extension ScriptRunner: Sendable {}
