//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime
internal import NIOCore
internal import WebSocketCore

/// What this loop enters in the one account of buffers, and what it ends when that is full.
extension Worker {
    /// Connections that may be ended in one turn of the loop: some milliseconds.
    package static let shedLimit = 64

    /// Who is to end connections next: a loop, and those that have nothing to end, as what they hold waits for a script or is
    /// under way.
    struct Shedding {
        let worker: Int
        var idle: Set<Int> = []
    }

    /// Enters in the one account what connections of this loop hold more (or less) than before.
    package func account(_ change: Int) {
        self.account(change, worker: self.index)
    }

    /// Enters in the account of a loop, this or another, what it holds more (or less) than before.
    func account(_ change: Int, worker: Int) {
        guard change != 0, let largest = self.ledger.add(change, worker: worker), !self.isShedding else { return }
        self.isShedding = true
        self.shed(Shedding(worker: largest))
    }

    /// Has the loop that holds the most end its largest connections, and then that which holds the most then, a turn of this loop
    /// for each, until the limit holds: many may have grown in one turn, and none of them need grow again.
    func shed(_ shedding: Shedding) {
        guard shedding.worker < self.peers.count else {
            self.isShedding = false
            return
        }
        let peer = self.peers[shedding.worker]
        peer.eventLoop.execute {
            let hasEndedSome = peer.shedLargest(sparing: shedding.idle)
            self.eventLoop.execute {
                let idle = hasEndedSome ? shedding.idle : shedding.idle.union([shedding.worker])
                guard self.ledger.isExceeded, let next = self.ledger.largestWorker(except: idle) else {
                    self.isShedding = false
                    return
                }
                self.nextShedding = Shedding(worker: next, idle: idle)
                self.scheduleEndOfTick()
            }
        }
    }

    /// A socket that holds bytes.
    private enum Holder {
        case connection(Connection)
        case handshake(HandshakeHandler)

        var byteCount: Int {
            switch self {
            case .connection(let connection): connection.accountedBytes
            case .handshake(let handshake): handshake.accountedBytes
            }
        }
    }

    /// Ends the sockets of this loop that hold the most, WebSockets or not, while the limit is passed and no other loop holds more.
    ///
    /// - Returns: whether there were any.
    private func shedLargest(sparing idle: Set<Int>) -> Bool {
        guard self.ledger.isExceeded else { return false }
        let sockets = self.connections.all.map(Holder.connection) + self.handshakes.all.map(Holder.handshake)
        let holders = sockets.filter { $0.byteCount > 0 }.sorted { $0.byteCount > $1.byteCount }
        for (place, largest) in holders.enumerated() {
            guard place < Self.shedLimit, self.ledger.isExceeded,
                place == 0 || self.ledger.largestWorker(except: idle) == self.index
            else { break }
            self.end(largest)
        }
        return !holders.isEmpty
    }

    private func end(_ largest: Holder) {
        let sentence = "closed: all buffers together pass \(self.ledger.limit) bytes and its is the largest"
        switch largest {
        case .connection(let connection):
            self.exceeded(.total, sentence, connection)
            connection.abort(code: .tryAgainLater, reason: "server out of buffer memory")
            // What it holds goes with the transport, in a later task at the latest.
            connection.account(for: 0)
        case .handshake(let handshake):
            self.exceeded(.total, sentence, ip: handshake.ip)
            handshake.drop()
        }
    }
}
