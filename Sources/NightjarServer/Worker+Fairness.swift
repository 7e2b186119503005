//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NIOCore

/// What waits until the loop has looked at its sockets, so that no VM and no compressed message keeps it from them.
extension Worker {
    /// Bytes that messages may inflate to in one turn of the loop, of all its connections together: some milliseconds.
    package static let inflationLimit = 1024 * 1024

    /// What stands for a look at the sockets on a loop that has none.
    private static let breather: TimeAmount = .microseconds(200)

    /// Has a VM that has used its slice go on once the loop has looked at its sockets.
    func rest(_ runner: ScriptRunner) {
        self.resting.append(runner)
        self.scheduleEndOfTick()
    }

    /// Whether messages may be inflated in this turn.
    var mayInflate: Bool { self.deflatePool.mayInflate }

    /// Has a connection go on inflating once the loop has looked at its sockets.
    func postpone(_ connection: Connection) {
        self.inflating.append(connection)
        self.scheduleEndOfTick()
    }

    /// Asks, behind the turn's other work, for what has used its share of it.
    func askForNextTurn() {
        guard !self.isNextTurnAsked, !self.resting.isEmpty || !self.inflating.isEmpty else { return }
        self.isNextTurnAsked = true
        if let pollSignal = self.pollSignal {
            pollSignal.ask()
        } else {
            self.eventLoop.assumeIsolated().scheduleTask(in: Self.breather) { self.nextTurn() }
        }
    }

    /// The loop has looked at its sockets: whoever waited for that goes on, in the order in which they came to wait, until the share
    /// of this turn is used too.
    package func nextTurn() {
        self.isNextTurnAsked = false
        self.deflatePool.inflatedBytes = 0
        let inflating = self.inflating
        self.inflating = []
        for (place, connection) in inflating.enumerated() {
            guard self.mayInflate else {
                self.inflating.insert(contentsOf: inflating[place...], at: 0)
                break
            }
            connection.inflationMayGoOn()
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
        if !self.resting.isEmpty || !self.inflating.isEmpty {
            self.scheduleEndOfTick()
        }
    }
}
