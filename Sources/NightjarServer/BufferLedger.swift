//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Synchronization

/// The one account of all bytes that connections hold, in and out: read but not parsed, unfinished messages, messages
/// that wait for a script, frames that wait for the kernel.
///
/// Each event loop has a column of its own, so that whoever passes the limit can see which loop holds the most.
package final class BufferLedger: Sendable {
    private final class Column: Sendable {
        let bytes = Atomic<Int>(0)
    }

    /// Bytes allowed in all.
    package let limit: Int

    private let total = Atomic<Int>(0)
    private let columns: [Column]

    /// - Parameters:
    ///   - limit: bytes allowed in all.
    ///   - workers: the number of event loops.
    package init(limit: Int, workers: Int) {
        self.limit = limit
        self.columns = (0..<workers).map { _ in Column() }
    }

    /// Bytes held in all.
    package var bytes: Int { self.total.load(ordering: .relaxed) }

    /// Whether more is held than is allowed.
    package var isExceeded: Bool { self.bytes > self.limit }

    /// Adds to (or takes from) what the connections of one loop hold.
    ///
    /// - Returns: the index of the loop that holds the most when the limit is passed by this change, else nil.
    package func add(_ count: Int, worker: Int) -> Int? {
        self.columns[worker].bytes.wrappingAdd(count, ordering: .relaxed)
        let total = self.total.wrappingAdd(count, ordering: .relaxed).newValue
        guard count > 0, total > self.limit else { return nil }
        return self.largestWorker()
    }

    /// The index of the loop that holds the most, of those that are not excluded; nil when all are.
    package func largestWorker(except excluded: Set<Int> = []) -> Int? {
        self.columns.indices.filter { !excluded.contains($0) }.max {
            self.columns[$0].bytes.load(ordering: .relaxed) < self.columns[$1].bytes.load(ordering: .relaxed)
        }
    }
}
