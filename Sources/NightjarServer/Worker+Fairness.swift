//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import DequeModule
internal import NIOCore
internal import WebSocketCore

/// What waits until the loop has looked at its sockets, so that no VM, no compressed message, no request and no lack of memory
/// keeps it from them.
extension Worker {
    /// Bytes that messages may inflate to in one turn of the loop, of all its connections together: some milliseconds, and enough
    /// for one message as large as the default allows.
    package static let inflationLimit = 1088 * 1024

    /// Bytes of requests that are decoded in one turn of the loop, beside the heads: 5 ms of chunks that hold a byte each.
    package static let decodingLimit = 32 * 1024

    /// The same where clients have ended whose bodies cannot wait: a few of the largest that the default allows.
    private static let hurriedDecodingLimit = 4 * 1024 * 1024

    /// What stands for a look at the sockets on a loop that has none.
    private static let breather: TimeAmount = .microseconds(200)

    /// Has a VM that has used its slice go on once the loop has looked at its sockets.
    func rest(_ runner: ScriptRunner) {
        self.resting.append(runner)
        self.scheduleEndOfTick()
    }

    /// Has a connection go on inflating once the loop has looked at its sockets.
    ///
    /// - Parameter hasBegun: whether it stands within a message, which holds memory: then it comes before the others.
    func postpone(_ connection: Connection, hasBegun: Bool) {
        if hasBegun {
            self.inflating.prepend(connection)
        } else {
            self.inflating.append(connection)
        }
        self.scheduleEndOfTick()
    }

    var mayDecode: Bool { self.decodedBytes < Self.decodingLimit }
    var mayDecodeInHurry: Bool { self.decodedBytes < Self.hurriedDecodingLimit }

    /// Has a request go on once the loop has looked at its sockets.
    func postpone(_ gate: InputGate) {
        if self.decoding.isEmpty {
            // It was not all of one turn.
            self.decodedBytes = Self.decodingLimit
        }
        self.decoding.append(gate)
        self.scheduleEndOfTick()
    }

    /// Does something once the loop has looked at its sockets.
    func doLater(_ chore: @escaping () -> Void) {
        self.chores.append(chore)
        self.scheduleEndOfTick()
    }

    /// Asks, behind the turn's other work, for what has used its share of it.
    func askForNextTurn() {
        guard !self.isNextTurnAsked, self.waitsForNextTurn else { return }
        self.isNextTurnAsked = true
        if let pollSignal = self.pollSignal {
            pollSignal.ask()
        } else {
            self.eventLoop.assumeIsolated().scheduleTask(in: Self.breather) { self.nextTurn() }
        }
    }

    /// The loop has looked at its sockets: whoever waited for that goes on, in turn, until the share of this turn is used too.
    package func nextTurn() {
        self.isNextTurnAsked = false
        if let shedding = self.nextShedding {
            self.nextShedding = nil
            self.shed(shedding)
        }
        self.deflatePool.inflatedBytes = 0
        for _ in 0..<self.inflating.count {
            guard self.deflatePool.mayInflate else { break }
            self.inflating.popFirst()?.inflationMayGoOn()
        }
        self.decodedBytes = 0
        for _ in 0..<self.decoding.count {
            guard self.mayDecode else { break }
            self.decoding.popFirst()?.goOn()
        }
        let chores = self.chores
        self.chores = []
        for chore in chores {
            chore()
        }
        let resting = self.resting
        self.resting = []
        for (place, runner) in resting.enumerated() {
            runner.wake()
            if runner.isResting {
                self.resting.insert(contentsOf: resting[(place + 1)...], at: 0)
                break
            }
        }
        if self.waitsForNextTurn {
            self.scheduleEndOfTick()
        }
    }

    private var waitsForNextTurn: Bool {
        !self.resting.isEmpty || !self.inflating.isEmpty || !self.decoding.isEmpty || !self.chores.isEmpty
            || self.nextShedding != nil
    }
}
