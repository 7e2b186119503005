//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime
package import NIOCore

/// The first time of a version: when more connections than before have errors in it, it is taken back.
///
/// Connections are counted, not errors: one hostile client must not take back a good version.
package struct Probation {
    /// How long it lasts.
    package static let time: TimeAmount = .seconds(30)
    /// With fewer connections in trouble nothing is taken back.
    package static let least = 3

    private let end: NIODeadline
    private var failing: Set<ConnectionID> = []

    package init(now: NIODeadline) {
        self.end = now + Self.time
    }

    package func isOver(now: NIODeadline) -> Bool { now >= self.end }

    /// A handler of a connection has ended with an error.
    ///
    /// - Parameters:
    ///   - open: how many connections there are.
    ///   - former: of how many the version before had errors, in as long a time.
    /// - Returns: whether that is too much: a tenth of all, three at least, and more than twice as many as before.
    package mutating func note(_ id: ConnectionID, open: Int, former: Int) -> Bool {
        self.failing.insert(id)
        let count = self.failing.count
        return count >= Self.least && count * 10 >= open && count > 2 * former
    }
}

/// How many connections had errors lately: between one and two ``Probation/time``s.
struct ErrorCensus {
    private static let most = 1000

    private var began: NIODeadline?
    private var failing: Set<ConnectionID> = []
    private var before = 0

    mutating func note(_ id: ConnectionID, now: NIODeadline) {
        self.turn(now: now)
        guard self.failing.count < Self.most else { return }
        self.failing.insert(id)
    }

    /// The count, for a version that begins.
    mutating func take(now: NIODeadline) -> Int {
        self.turn(now: now)
        defer { self = ErrorCensus() }
        return max(self.before, self.failing.count)
    }

    private mutating func turn(now: NIODeadline) {
        guard let began = self.began, now < began + Probation.time else {
            self.before = self.began.map { now < $0 + Probation.time + Probation.time } == true ? self.failing.count : 0
            self.failing = []
            self.began = now
            return
        }
    }
}
