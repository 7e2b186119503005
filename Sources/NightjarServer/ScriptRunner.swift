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
    /// Ticks of the CPU clock, 10 ms each, that end a VM's share of a turn of the loop: with one, that is 10 ms at most, and
    /// what is left of the event that runs then.
    package static let sliceTicks: UInt32 = 1

    package private(set) var route: Route
    package unowned let worker: Worker
    package private(set) var logger: Logger
    package let readModule: (String) -> ModuleSource
    package let environment: ScriptEnvironment
    private let sliceTicks: UInt32

    package private(set) var vm: LuaVM?
    package private(set) var version = 0
    package private(set) var membersByID: [ConnectionID: Member] = [:]
    package private(set) var names: [PublicID: ConnectionID] = [:]

    /// Members between the start of `connect` and their end.
    package private(set) var openCount = 0

    /// Who is in which room, as the script sees it.
    package private(set) var rooms: RoomTable<Member>

    /// How many members have their socket on each event loop.
    package private(set) var membersOnWorker: [Int]

    /// Which frames broadcasts need.
    package private(set) var demand = BroadcastFrames.Demand()

    /// The member whose event runs, found without a search.
    package internal(set) var current: Member?

    /// Members that passed the hard limit of buffered bytes in this event, and with how many; closed when its effects are
    /// applied.
    private var overflowed: [(member: Member, byteCount: Int)] = []

    /// The HTTP requests that wait for the script's answer.
    package internal(set) var requests: [RequestToken: ClientRequest] = [:]
    /// Upgrades whose state nobody will take.
    var abandonedUpgrades: [RequestToken] = []

    var queue: Deque<Event> = []
    private var queuedBytes = 0
    /// True while more waits for this VM than it may hold.
    private(set) var isCongested = false
    /// True while the server shuts down: connections are gone or going, and only their ends are still told.
    private(set) var isEnding = false
    private(set) var isRunning = false
    /// True while it waits for the loop to look at its sockets.
    private(set) var isResting = false

    /// Handlers that wait, bodies that were spawned and have not begun, and timers.
    var suspensions: [TaskID: Suspension] = [:]
    var spawnedCount = 0
    var timers: [TimerID: ScriptTimer] = [:]
    var alarms = AlarmQueue()
    var alarmTask: (due: NIODeadline, task: Scheduled<Void>)?
    /// The tasks that wait for a name, in the order in which they began to.
    var waiters: [[UInt8]: [TaskID]] = [:]
    /// What was suspended before it ran on, while it does.
    var resumed: Suspension?
    /// Which handler of ``current`` runs, and which one without a connection.
    private var step = Step.message
    var backgroundSubject = Subject.background

    private var seenBusyTicks: UInt32 = 0
    /// The turn of the loop in which a tick last landed in a handler, and how many did.
    private var busyRound: UInt64?
    private var ticksInRound: UInt32 = 0

    /// - Parameters:
    ///   - route: what the script serves.
    ///   - worker: the event loop that owns the VM.
    ///   - logger: where the script's lines and errors go.
    ///   - sliceTicks: 10 ms ticks of CPU time that the VM may use in one turn of the loop.
    ///   - environment: what the script may see of the process's environment.
    ///   - readModule: finds what the script requires.
    package init(
        route: Route,
        worker: Worker,
        logger: Logger,
        sliceTicks: UInt32 = ScriptRunner.sliceTicks,
        environment: ScriptEnvironment = ScriptEnvironment([]),
        readModule: @escaping (String) -> ModuleSource
    ) {
        self.route = route
        self.worker = worker
        self.sliceTicks = sliceTicks
        self.environment = environment
        self.readModule = readModule
        self.membersOnWorker = Array(repeating: 0, count: worker.peerCount)
        self.rooms = RoomTable(loop: worker.index)
        var logger = logger
        logger[metadataKey: "route"] = "\(route.path)"
        self.logger = logger
    }

    /// Creates the VM and loads the script, which then tells its settings.
    package func load(_ script: Script, productVersion: String) throws(ScriptError) {
        self.version = script.version
        self.vm = try LuaVM(
            loading: script,
            limits: self.limits(of: self.route),
            productVersion: productVersion,
            clock: self.worker.clock,
            shared: self.worker.shared,
            host: self
        )
    }

    /// Takes over the VM that another runner has loaded, maybe on another loop, and not started.
    package func take(vmOf other: ScriptRunner) {
        self.version = other.version
        self.vm = other.vm
        other.vm = nil
        self.vm?.move(to: self, clock: self.worker.clock)
    }

    /// The settings in the script's table are known: says what it serves, and of how many VMs it is one. Then runs `load`.
    package func start(on route: Route, instances: Int = 1) throws(ScriptError) {
        self.route = route
        self.rooms = RoomTable(loop: self.worker.index, census: route.census)
        self.logger[metadataKey: "route"] = "\(route.path)"
        self.vm?.setMessageKey(route.configuration.messageKey)
        route.handlers = self.vm?.handlers ?? []
        try self.vm?.start(limits: self.limits(of: route), instances: instances)
        guard !self.queue.isEmpty else { return }
        // What `load` has spawned starts when the loop is free.
        self.worker.eventLoop.assumeIsolated().execute { [weak self] in
            guard let self else { return }
            self.drainQueue()
        }
    }

    private func limits(of route: Route) -> ScriptLimits {
        var limits = ScriptLimits(route.configuration)
        limits.checksStates = self.worker.isDevelopment
        return limits
    }

    /// Closes the VM. Nothing runs after it.
    package func unload() {
        self.alarmTask?.task.cancel()
        self.alarmTask = nil
        // Members and their rooms hold each other.
        self.membersByID.values.forEach(self.leaveRooms)
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
        if let deflate = request.deflate, deflate.serverNoContextTakeover {
            self.route.census.note(windowBits: deflate.serverMaxWindowBits)
        }
        // Before `connect` runs, which may be now: what it sends is this loop's own.
        connection?.member = member
        self.enqueue(.connect(member))
    }

    /// A message has come. Its bytes are copied only if it has to wait.
    ///
    /// - Returns: true when it has been dealt with; false when it waits, and ``Connection/inputTaken(messages:byteCount:)`` will
    ///   follow.
    package func message(_ payload: UnsafeRawBufferPointer, isText: Bool, from member: Member) -> Bool {
        guard !self.isRunning, !self.isResting, self.queue.isEmpty, member.held == nil else {
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
        self.endSuspensions()
        self.drainQueue()
    }

    /// Whether everything is done.
    package var isIdle: Bool { self.queue.isEmpty && !self.isRunning && self.suspensions.isEmpty }

    // MARK: - The queue

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
                self.route.isCongested.store(!self.route.isPerCore, ordering: .relaxed)
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
            self.route.isCongested.store(false, ordering: .relaxed)
            self.worker.congestionOver(of: self.route)
        }
    }

    /// Runs what waits, until the VM has used its slice.
    func drainQueue() {
        guard !self.isRunning, !self.isResting, !self.queue.isEmpty else { return }
        self.isRunning = true
        while !self.isResting, let event = self.queue.popFirst() {
            self.run(event)
            self.noteTime()
        }
        self.isRunning = false
    }

    private func run(_ event: Event) {
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
                payload.withUnsafeReadableBytes { self.run(member, $0, isText: isText) }
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
    private func run(_ member: Member, _ payload: UnsafeRawBufferPointer, isText: Bool) {
        guard member.takesMessages, let vm = self.vm else { return }
        self.current = member
        do {
            switch try vm.message(member.id, payload, isText: isText) {
            case .finished: break
            case .unhandled: self.worker.counters.add(.messagesUnhandled)
            case .suspended: self.hold(behind: member)
            }
        } catch {
            self.report(error, from: member)
        }
        self.finishEvent()
    }

    private func admit(_ member: Member) {
        member.phase = .open
        member.takesMessages = true
        self.openCount += 1
        self.route.census.countOpen(by: 1)
        self.worker.admit(member)
        let upgrade = member.request.upgrade
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
    func perform(_ subject: Subject, _ body: (LuaVM) throws(ScriptError) -> Outcome) {
        guard let vm = self.vm else {
            self.complete(subject, succeeded: true)
            return
        }
        switch subject {
        case .connection(let member, let step):
            self.current = member
            self.step = step
        case .request, .timer, .background:
            self.backgroundSubject = subject
        }
        var outcome: Outcome?
        do {
            outcome = try body(vm)
        } catch {
            self.report(error, from: subject.member)
        }
        self.step = .message
        self.backgroundSubject = .background
        if outcome == .suspended, let member = subject.member {
            self.hold(behind: member)
        }
        self.finishEvent()
        if outcome != .suspended {
            self.complete(subject, succeeded: outcome != nil)
        }
    }

    /// What runs now.
    var subject: Subject {
        self.current.map { .connection($0, self.step) } ?? self.backgroundSubject
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
        member.connection?.member = nil
        member.connection = nil
        self.membersByID[member.id] = nil
        self.names[member.request.publicID] = nil
        self.membersOnWorker[member.id.worker] -= 1
        self.demand.change(by: -1, for: member.request.deflate)
    }

    private func finishEvent() {
        self.applyEffects()
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

    // MARK: - Fairness

    /// Sends the VM to rest when it has used its share of a turn of the loop.
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

extension ScriptLimits {
    fileprivate init(_ configuration: RouteConfiguration) {
        self.init(
            memory: configuration.memory,
            eventCPU: configuration.eventCPU,
            loadCPU: configuration.loadCPU
        )
        self.wall = configuration.wall
        self.response = configuration.buffered
    }
}

@available(*, unavailable)
extension ScriptRunner: Sendable {}
