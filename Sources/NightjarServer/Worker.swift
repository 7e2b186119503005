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
internal import NIOPosix
package import WebSocketCore

/// One event loop and all that lives on it: its connections, its VMs, its deadlines, and its mail to the other loops.
///
/// Everything here is touched on that loop only; other loops send it tasks.
package final class Worker {
    package let index: Int
    package let eventLoop: any EventLoop
    package let logger: Logger

    /// How many workers there are.
    package let peerCount: Int

    /// The CPU-time clock of this loop's thread, which ends handlers that run too long.
    package let clock: CPUClock

    /// What the scripts of all loops share.
    package let shared: SharedSpace

    /// Whether scripts are told of mistakes that would show only later.
    package let isDevelopment: Bool

    /// The time, as exact as the grain of the deadline wheel.
    package private(set) var now: MonotonicTime

    /// Counts the turns of the loop in which an end of tick was asked for.
    package private(set) var round: UInt64 = 0

    package private(set) var connections: ConnectionTable

    /// The VMs that live on this loop, by the index of their route.
    package internal(set) var runners: [Int: ScriptRunner] = [:]

    /// Where requests lead; exchanged as a whole.
    package var router = Router([])

    /// Frames of the connection that is being read, so that they leave in one write.
    package var output = ByteBuffer()

    /// The connection whose frames go to ``output``.
    package private(set) var corked: Connection?

    /// Where plain channels of this loop read into.
    let readBuffer = ReadBuffer(capacity: ReadBuffer.plainCapacity)

    /// The same for clients that compress.
    let compressedReadBuffer = ReadBuffer(capacity: ReadBuffer.compressedCapacity)

    /// The zlib states of this loop.
    package let deflatePool = DeflatePool()

    /// The connections of each route that broadcasts reach.
    var audiences: [[Connection]]

    /// The rooms of each route.
    package internal(set) var rooms: [RoomTable<Connection>]

    /// What this loop has counted.
    package let counters = Counters()
    var repeatLog = RepeatLog()
    /// Sockets that were refused for want of room and have a moment to read so.
    var lingeringRefusals = 0

    let ledger: BufferLedger
    /// True while loops end their largest connections for this one.
    var isShedding = false
    /// What of that waits for the next turn.
    var nextShedding: Shedding?
    private var wheel: DeadlineWheel<ConnectionID>
    private var memoryReturn = MemoryReturn()
    private(set) var handshakes: HandshakeQueue
    /// The HTTP requests of this loop's sockets that wait for a script's answer.
    var waiting: [RequestToken: HandshakeHandler] = [:]
    var lastRequest: UInt64 = 0
    /// What scripts of this loop have answered to its own sockets in this tick.
    var answers: [(RequestToken, ScriptAnswer)] = []
    private var dirty: [Connection] = []
    private var settling: [Connection] = []
    var outgoing: [Mailbox]
    private var isEndOfTickScheduled = false
    /// What has no hurry, and goes on once the loop has looked at its sockets.
    var chores: [() -> Void] = []
    /// Where VMs are closed, which may take long; nil for here.
    var closing: NIOThreadPool?
    /// VMs that have used their slice of this turn.
    var resting: [ScriptRunner] = []
    /// Connections that have more to inflate than this turn allows.
    var inflating: Deque<Connection> = []
    /// Requests that go on when the loop has looked at its sockets, and what was decoded of such ones in this turn.
    var decoding: Deque<InputGate> = []
    var decodedBytes = 0
    /// Tells when the sockets have been looked at; nil on a loop that has none.
    private(set) var pollSignal: PollSignal?
    var isNextTurnAsked = false
    private var endOfTickTask: () -> Void = {}
    private var ticker: RepeatedTask?
    package private(set) var peers: [Worker] = []
    private var drained: EventLoopPromise<Void>?

    /// True once the server shuts down: nobody new is let in.
    package private(set) var isDraining = false

    /// Must be made on the thread of its loop, whose CPU time ``clock`` measures.
    ///
    /// - Throws: ``CPUClock/Unavailable``.
    package init(
        index: Int,
        eventLoop: any EventLoop,
        peerCount: Int,
        routeCount: Int,
        ledger: BufferLedger,
        shared: SharedSpace,
        isDevelopment: Bool = false,
        logger: Logger
    ) throws {
        eventLoop.preconditionInEventLoop()
        self.index = index
        self.eventLoop = eventLoop
        self.peerCount = peerCount
        self.ledger = ledger
        self.shared = shared
        self.isDevelopment = isDevelopment
        self.logger = logger
        self.clock = try CPUClock()
        self.now = MonotonicTime(eventLoop.now)
        self.connections = ConnectionTable(worker: index)
        self.audiences = Array(repeating: [], count: routeCount)
        self.rooms = (0..<routeCount).map { _ in RoomTable(loop: index) }
        self.wheel = DeadlineWheel(now: MonotonicTime(eventLoop.now))
        self.handshakes = HandshakeQueue(now: MonotonicTime(eventLoop.now))
        self.outgoing = Array(repeating: Mailbox(), count: peerCount)
        self.deflatePool.inflationLimit = Self.inflationLimit
        self.endOfTickTask = { [unowned self] in self.endOfTick() }
    }

    /// Makes the other loops known and starts the deadlines' clock.
    ///
    /// - Parameter pollSignal: calls ``nextTurn()``; a loop without sockets needs none.
    package func start(peers: [Worker], pollSignal: PollSignal? = nil) {
        self.peers = peers
        self.pollSignal = pollSignal
        let interval = TimeAmount.nanoseconds(Int64(DeadlineWheel<ConnectionID>.interval / .nanoseconds(1)))
        self.ticker = self.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            self.turnWheel()
        }
    }

    /// Ends the VMs and forgets the other loops.
    package func stop() {
        self.ticker?.cancel()
        self.ticker = nil
        self.pollSignal?.stop()
        self.pollSignal = nil
        self.resetAll()
        self.tellRepeats(now: .never)
        for runner in self.runners.values {
            runner.unload()
        }
        self.runners = [:]
        self.peers = []
    }

    // MARK: - Connections

    /// A socket was accepted.
    ///
    /// - Returns: what ``endHandshake(_:)`` wants.
    func beginHandshake(_ handler: HandshakeHandler) -> UInt64 {
        self.counters.add(.accepted)
        self.counters.add(.handshakes)
        return self.handshakes.insert(handler)
    }

    func endHandshake(_ serial: UInt64) {
        self.handshakes.remove(serial)
        self.counters.add(.handshakes, -1)
        self.tellDrained()
    }

    /// Has a socket that speaks HTTP called at `deadline`, unless it will be called at the turn `expected` or before.
    ///
    /// - Returns: the turn at which it will be called.
    func scheduleHandshake(_ serial: UInt64, at deadline: MonotonicTime, unlessBefore expected: UInt64) -> UInt64 {
        self.handshakes.schedule(serial, at: deadline, unlessBefore: expected)
    }

    /// Makes a connection for a socket of this loop; nil when the table is full.
    ///
    /// - Parameter deflate: what its handshake agreed about permessage-deflate.
    package func makeConnection(route: Route, deflate: DeflateParameters? = nil) -> Connection? {
        // Its script may have been reloaded since the request came.
        let route = self.router.route(number: route.index) ?? route
        let connection = self.connections.insert { id in
            Connection(id: id, route: route, worker: self, deflate: deflate)
        }
        guard let connection else { return nil }
        self.counters.add(.upgraded)
        self.counters.add(.open)
        return connection
    }

    package func opened(_ connection: Connection, request: ClientRequest) {
        let route = connection.route
        if let runner = self.runners[route.index] {
            runner.opened(connection.id, request: request, connection: connection)
        } else {
            self.post(.opened(connection.id, route: route.index, request), to: route.owner)
        }
    }

    /// Takes a message to the route's script.
    ///
    /// - Returns: true when the script has dealt with it, false when it waits.
    package func message(_ payload: UnsafeRawBufferPointer, isText: Bool, from connection: Connection) -> Bool {
        // Not counted: the member is its runner's, which takes the end of a connection as an event of its own.
        if let member = connection.member.map(Unmanaged.passUnretained) {
            return member._withUnsafeGuaranteedRef { $0.runner.message(payload, isText: isText, from: $0) }
        }
        let envelope = Envelope.message(
            connection.id,
            route: connection.route.index,
            length: payload.count,
            isText: isText
        )
        self.post(envelope, payload: payload, to: connection.route.owner)
        return false
    }

    package func drained(_ connection: Connection) {
        if let member = connection.member {
            member.runner.drained(connection.id)
        } else {
            self.post(.drained(connection.id, route: connection.route.index), to: connection.route.owner)
        }
    }

    package func closed(_ connection: Connection, _ report: CloseReport) {
        self.counters.add(.closed(CloseClass(report.code)))
        self.log(.debug, "closed \(report.code.rawValue) \(report.reason)", connection)
        if let member = connection.member {
            member.runner.closed(connection.id, report)
        } else {
            self.post(.closed(connection.id, route: connection.route.index, report), to: connection.route.owner)
        }
    }

    /// The connection's transport is gone: its id will never be found again.
    package func forget(_ connection: Connection) {
        self.connections.remove(connection.id)
        self.counters.add(.open, -1)
        self.tellDrained()
    }

    private func tellDrained() {
        guard let drained = self.drained, self.connections.count == 0, self.handshakes.isEmpty else { return }
        self.drained = nil
        drained.succeed(())
    }

    package func log(_ level: Logger.Level, _ message: @autoclosure () -> String, _ connection: Connection) {
        guard self.logger.logLevel <= level else { return }
        self.logger.log(
            level: level,
            "\(message())",
            metadata: ["route": "\(connection.route.path)", "socket": "\(String(connection.id.rawValue, radix: 16))"]
        )
    }

    // MARK: - Output

    /// From here on the connection's frames gather in ``output``.
    package func cork(_ connection: Connection) {
        self.corked?.isCorked = false
        self.corked = connection
        connection.isCorked = true
    }

    package func uncork() {
        self.corked?.isCorked = false
        self.corked = nil
        // One large message must not hold its memory for ever.
        if self.output.capacity > 1024 * 1024 {
            self.output = ByteBuffer()
        } else {
            self.output.clear()
        }
    }

    /// Has the connection settled at the end of this tick.
    package func markDirty(_ connection: Connection) {
        guard !connection.isDirty else { return }
        connection.isDirty = true
        self.dirty.append(connection)
        self.scheduleEndOfTick()
    }

    package func scheduleEndOfTick() {
        guard !self.isEndOfTickScheduled else { return }
        self.isEndOfTickScheduled = true
        self.eventLoop.assumeIsolated().execute(self.endOfTickTask)
    }

    /// Settles the connections that handlers have written to, then sends the mail. Runs after the loop has served its sockets.
    private func endOfTick() {
        self.isEndOfTickScheduled = false
        self.round &+= 1
        swap(&self.dirty, &self.settling)
        for connection in self.settling {
            connection.isDirty = false
            connection.settle()
        }
        self.settling.removeAll(keepingCapacity: true)
        self.deliverAnswers()
        self.sendMail()
        self.askForNextTurn()
    }

    // MARK: - Time

    /// Has a connection called at `deadline`, unless it will be called at the turn `expected` or before.
    ///
    /// - Returns: the turn at which it will be called.
    package func schedule(_ id: ConnectionID, deadline: MonotonicTime, unlessBefore expected: UInt64) -> UInt64 {
        guard self.wheel.turnOf(deadline) < expected else { return expected }
        return self.wheel.insert(id, at: deadline)
    }

    private func turnWheel() {
        self.now = MonotonicTime(self.eventLoop.now)
        if self.index == 0 {
            let socketsGone = self.peers.reduce(0) { $0 + $1.counters.socketsGone }
            if self.memoryReturn.isDue(bytes: self.ledger.bytes, socketsGone: socketsGone, now: self.now) {
                MemoryReturn.perform()
            }
        }
        for runner in self.runners.values {
            runner.collectIfWorthwhile()
        }
        while let due = self.handshakes.next(now: self.now) {
            for (handshake, turn) in due {
                handshake.wheelTurned(turn)
            }
        }
        self.tellRepeats(now: self.now)
        while let due = self.wheel.next(now: self.now) {
            for entry in due {
                self.connections[entry.id]?.deadline(turn: entry.turn)
            }
        }
    }

    /// Whether no script has anything to do and no mail waits to be sent.
    package var isIdle: Bool {
        self.runners.values.allSatisfy(\.isIdle) && self.outgoing.allSatisfy(\.isEmpty)
    }

    // MARK: - The end

    /// Closes every connection with 1001, spread over `window`; HTTP requests that a script works on are still answered.
    ///
    /// - Returns: fulfilled when the last one is gone.
    package func drain(over window: TimeAmount) -> EventLoopFuture<Void> {
        self.isDraining = true
        for handshake in self.handshakes.all {
            handshake.drain()
        }
        let promise = self.eventLoop.makePromise(of: Void.self)
        let connections = self.connections.all
        self.drained = promise
        self.tellDrained()
        for (place, connection) in connections.enumerated() {
            let id = connection.id
            // Clients that come back all at once would be a second outage: each gets a moment of its own in the window.
            let share = window.nanoseconds / Int64(connections.count)
            let delay = Int64(place) * share + Int64.random(in: 0...max(share, 1))
            self.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(delay)) {
                self.connections[id]?.close(code: .goingAway, reason: "server is shutting down")
            }
        }
        return promise.futureResult
    }

    /// Ends whatever is left.
    package func resetAll() {
        for connection in self.connections.all {
            connection.abort(code: .goingAway, reason: "server is shutting down")
        }
        for handshake in self.handshakes.all {
            handshake.drop()
        }
    }
}

// Sendable because other loops and the server hold it only to send it tasks; all state is touched on its own loop.
extension Worker: @unchecked Sendable {}

extension MonotonicTime {
    package init(_ deadline: NIODeadline) {
        self.init(nanoseconds: deadline.uptimeNanoseconds)
    }
}
