//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import Synchronization

/// What every event loop may know of a route: who is there, by numbers only.
///
/// The loops of its VMs and sockets write, all read; so scripts of other routes, and the VMs of other loops, need not be asked.
/// Counts are atomic. A lock is taken when a room begins or ends and when one is looked for by its name from elsewhere, with
/// a VM on each loop when a handler waits for a name, and never for a message within a route that has one VM.
package final class RouteCensus: Sendable {
    private let rooms = Mutex<[RoomKey: RoomRecord]>([:])
    /// How many handlers wait for which name on which loop; only of a route with a VM on each.
    private let waits = Mutex<[[UInt8]: [Int: Int]]>([:])
    private let open = Atomic<Int>(0)
    /// A bit for each loop that broadcasts reach.
    private let audiences = Atomic<UInt64>(0)
    /// A bit for each window that a connection has ever agreed to have its messages compressed with.
    private let windows = Atomic<UInt32>(0)

    /// True while more waits for the route's one VM than it may hold: connections on every loop stop reading.
    /// ``Worker/isCongested(_:)`` knows of those that each have a VM on their own loop.
    package let isCongested = Atomic<Bool>(false)

    /// Whether the route takes anybody.
    private enum Standing: UInt8, AtomicRepresentable {
        case serving
        /// Until another version of its script serves.
        case quarantined
        case removed
    }

    private let standing = Atomic<Standing>(.serving)

    package init() {}

    // MARK: - Standing

    /// What a client is told for whom there is no service, and which limit that is; nil while there is.
    package var refusal: (sentence: String, limit: Limit?)? {
        switch self.standing.load(ordering: .relaxed) {
        case .serving: nil
        case .quarantined:
            ("the script of this route used too much CPU time or memory; it is out of service", .quarantineRefused)
        case .removed: ("the script of this route was removed", nil)
        }
    }

    /// - Returns: false when it was out of service already.
    func quarantine() -> Bool {
        self.standing.compareExchange(expected: .serving, desired: .quarantined, ordering: .relaxed).exchanged
    }

    func endQuarantine() {
        _ = self.standing.compareExchange(expected: .quarantined, desired: .serving, ordering: .relaxed)
    }

    func remove() {
        self.standing.store(.removed, ordering: .relaxed)
    }

    package var isQuarantined: Bool { self.standing.load(ordering: .relaxed) == .quarantined }

    // MARK: - Connections

    /// How many connections are open.
    package var openCount: Int { self.open.load(ordering: .relaxed) }

    func countOpen(by change: Int) {
        self.open.wrappingAdd(change, ordering: .relaxed)
    }

    /// Which frames connections of the route may need, the plain one among them.
    package var demand: BroadcastFrames.Demand {
        BroadcastFrames.Demand(windows: self.windows.load(ordering: .relaxed))
    }

    /// A connection may need the frames of this window.
    func note(windowBits: UInt8) {
        let bit = UInt32(1) << UInt32(windowBits)
        guard self.windows.load(ordering: .relaxed) & bit == 0 else { return }
        self.windows.bitwiseOr(bit, ordering: .relaxed)
    }

    /// Whether a loop may have connections that broadcasts reach.
    package func hasAudience(on loop: Int) -> Bool {
        self.audiences.load(ordering: .relaxed) & Self.bit(of: loop) != 0
    }

    /// From now on broadcasts reach connections of a loop, or none any more; for that loop to say.
    func setAudience(_ isThere: Bool, on loop: Int) {
        if isThere {
            self.audiences.bitwiseOr(Self.bit(of: loop), ordering: .relaxed)
        } else if loop < UInt64.bitWidth {
            // Others share the bit of a loop beyond.
            self.audiences.bitwiseAnd(~Self.bit(of: loop), ordering: .relaxed)
        }
    }

    /// The bit of a loop in a set of loops; from 64 loops on, two share one.
    package static func bit(of loop: Int) -> UInt64 { 1 << UInt64(loop & 63) }

    // MARK: - Waits

    /// The loops on which handlers wait for a name, and how many; all but one loop, in order.
    package func waiting(for name: [UInt8], besides loop: Int) -> [(loop: Int, count: Int)] {
        let waits = self.waits.withLock { $0[name] } ?? [:]
        return waits.filter { $0.key != loop }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// So many handlers more (or less) wait for a name on a loop; for that loop to say.
    func countWaiting(for name: [UInt8], on loop: Int, by change: Int) {
        self.waits.withLock { waits in
            let count = (waits[name]?[loop] ?? 0) + change
            waits[name, default: [:]][loop] = count == 0 ? nil : count
            if waits[name]?.isEmpty == true {
                waits[name] = nil
            }
        }
    }

    // MARK: - Rooms

    /// How many open connections are in a room.
    package func count(_ name: UnsafeRawBufferPointer) -> Int {
        let key = RoomKey(name)
        return self.rooms.withLock { $0[key]?.count } ?? 0
    }

    /// Names the rooms that somebody is in. The lock is held meanwhile.
    package func forEachRoom(_ body: (UnsafeRawBufferPointer) -> Void) {
        self.rooms.withLock { rooms in
            for record in rooms.values where record.count > 0 {
                body(record.name.bytes)
            }
        }
    }

    /// A room begins for a VM.
    func begin(_ name: UnsafeRawBufferPointer) -> RoomRecord {
        let key = RoomKey(name)
        return self.rooms.withLock { rooms in
            if let record = rooms[key] {
                record.holders += 1
                return record
            }
            let record = RoomRecord(RoomName(name))
            rooms[RoomKey(record.name.bytes)] = record
            return record
        }
    }

    /// It ends for that VM.
    func end(_ record: RoomRecord) {
        self.rooms.withLock { rooms in
            record.holders -= 1
            if record.holders == 0 {
                rooms[RoomKey(record.name.bytes)] = nil
            }
        }
    }
}

/// A room of a route, whichever VMs know members of it.
final class RoomRecord: @unchecked Sendable {
    // Unchecked: `holders` is only touched under the census's lock.

    let name: RoomName
    private let occupants = Atomic<Int>(0)
    /// How many VMs know members of the room.
    fileprivate var holders = 1

    fileprivate init(_ name: RoomName) {
        self.name = name
    }

    /// How many open connections are in the room.
    var count: Int { self.occupants.load(ordering: .relaxed) }

    func count(by change: Int) {
        self.occupants.wrappingAdd(change, ordering: .relaxed)
    }
}
