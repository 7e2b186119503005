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
internal import WebSocketCore

/// Runs one VM: its events one at a time and in order, their effects after each, on the event loop that owns the VM.
///
/// An event that comes while a handler runs, or after the VM has used its slice of the tick, waits in the queue
/// (`ScriptRunner+Queue.swift`); what runs for it is in `ScriptRunner+Handlers.swift`. The host half, which answers what
/// scripts ask, is `ScriptRunner+ScriptHost.swift`.
package final class ScriptRunner {
    /// Ticks of the CPU clock, 2 ms each, that end a VM's share of a turn of the loop: with one, that is 4 ms at most where the
    /// kernel looks at its timers 250 times a second, and what is left of the event that runs then.
    package static let sliceTicks: UInt32 = 1

    package internal(set) var route: Route
    /// Held, and not weakly: that would count for every use of it. The worker lets go of its runners when it stops.
    package let worker: Worker
    package internal(set) var logger: Logger
    package let readModule: (String) -> ModuleSource
    package let environment: ScriptEnvironment
    let sliceTicks: UInt32

    package internal(set) var vm: LuaVM?
    /// The VM of another version, while something of its script runs.
    var guest: LuaVM?
    /// VMs of older versions, in which handlers wait or states are left, by their generation.
    var retired: [UInt64: RetiredVM] = [:]
    /// The version that is about to begin.
    var swap: Swap?
    var lastGeneration: UInt64 = 0
    /// How many members have their state in the VM of which generation.
    var homes: [UInt64: Int] = [:]
    /// The VMs of upgrades that let somebody in whose connection is still to come.
    var acceptedUpgrades: [RequestToken: UInt64] = [:]
    /// Who may have a state in the VM of an older version.
    var moving: [ConnectionID] = []
    var isMoving = false
    /// Who errs, for as long as the version is on probation.
    var probation: Probation?
    var formerFailures = 0
    var errorCensus = ErrorCensus()
    var breaches = BreachCensus()
    var isQuarantined = false
    /// Has all connections of the route closed, now that it is in quarantine.
    package var quarantined: ((_ route: Int) -> Void)?
    /// Takes the version back that is on probation.
    package var takeBack: ((_ route: Int, _ version: Int) -> Void)?
    package internal(set) var membersByID: [ConnectionID: Member] = [:]
    package internal(set) var names: [PublicID: ConnectionID] = [:]

    /// Members between the start of `connect` and their end.
    package internal(set) var openCount = 0

    /// Who is in which room, as the script sees it.
    package private(set) var rooms: RoomTable<Member>

    /// How many members have their socket on each event loop.
    package internal(set) var membersOnWorker: [Int]

    /// Which frames broadcasts need.
    package internal(set) var demand = BroadcastFrames.Demand()

    /// The member whose event runs, found without a search, and not counted: ``membersByID`` has it until its last event is over.
    var current: Unmanaged<Member>?

    /// Members that passed the hard limit of buffered bytes in this event, and with how many; closed when its effects are
    /// applied.
    var overflowed: [(member: Member, byteCount: Int)] = []

    /// The HTTP requests that wait for the script's answer.
    package internal(set) var requests: [RequestToken: ClientRequest] = [:]
    /// Upgrades whose state nobody will take.
    var abandonedUpgrades: [RequestToken] = []

    var queue: Deque<Event> = []
    var queuedBytes = 0
    /// True while more waits for this VM than it may hold.
    var isCongested = false
    /// True while the server shuts down: connections are gone or going, and only their ends are still told.
    private(set) var isEnding = false
    var isRunning = false
    /// True while the route's events wait for a new version of the script.
    var isPaused = false
    /// True while a handler is ended whose error is nobody's mistake.
    var endsQuietly = false
    /// True while it waits for the loop to look at its sockets.
    var isResting = false

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
    var step = Step.message
    var backgroundSubject = Subject.background

    /// Members that are gone, and whose garbage the VM still holds.
    var forgottenMembers = 0
    /// Cycles that the collection which goes on has left.
    var collectionCycles = 0
    /// Those that have to end before the VM takes another event.
    var urgentCycles = 0

    var seenBusyTicks: UInt32 = 0
    /// The turn of the loop in which a tick last landed in a handler, and how many did.
    var busyRound: UInt64?
    var ticksInRound: UInt32 = 0

    /// - Parameters:
    ///   - route: what the script serves.
    ///   - worker: the event loop that owns the VM.
    ///   - logger: where the script's lines and errors go.
    ///   - sliceTicks: 2 ms ticks of CPU time that the VM may use in one turn of the loop.
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

    /// The version of the script that runs, or that ran last.
    package var version: Int { (self.guest ?? self.vm)?.script.version ?? 0 }

    /// Creates the VM and loads the script, which then tells its settings.
    package func load(_ script: Script, productVersion: String) throws(ScriptError) {
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
        self.vm = other.vm
        other.vm = nil
        self.vm?.move(to: self, clock: self.worker.clock)
    }

    /// Takes over a VM that was loaded elsewhere and has not started.
    package func take(_ vm: LuaVM) {
        self.vm = vm
        vm.move(to: self, clock: self.worker.clock)
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

    func limits(of route: Route) -> ScriptLimits {
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
        for retired in self.retired.values {
            retired.vm.destroy()
        }
        self.retired = [:]
        self.swap?.vm.destroy()
        self.swap = nil
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
        guard !self.isRunning, !self.isResting, !self.isPaused, self.queue.isEmpty, member.held == nil else {
            self.enqueue(.message(member, ByteBuffer(bytes: payload), isText: isText))
            return false
        }
        // Not counted: it is exchanged between events only.
        guard let vm = self.vm.map(Unmanaged.passUnretained) else { return true }
        vm._withUnsafeGuaranteedRef { vm in
            self.isRunning = true
            self.run(member, payload, isText: isText, in: vm)
            self.isRunning = false
            self.noteTime(of: vm)
        }
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

    /// On another loop so many bytes more (or less) wait to be sent than are counted here.
    package func outputChanged(_ id: ConnectionID, by change: Int) {
        self.membersByID[id]?.postedOutput += change
    }

    /// From here on messages that wait are passed over, so that every connection's `close` is told in time.
    package func beginEnding() {
        self.isEnding = true
        self.endSuspensions()
        self.drainQueue()
    }

    /// Whether everything is done.
    package var isIdle: Bool { self.queue.isEmpty && !self.isRunning && self.suspensions.isEmpty }
}

extension ScriptLimits {
    init(_ configuration: RouteConfiguration) {
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
