//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#else
internal import Musl
#endif

/// How many sockets are open, in all and for each client address: one account for all event loops, whose lock is taken when a
/// socket is accepted and when it ends.
package final class ConnectionCensus: Sendable {
    /// What counts as one client: an IPv4 address, or the /64 of an IPv6 address, as every host of that net can have 2^64 of them.
    package struct Client: Hashable, Sendable {
        private let network: UInt64
        private let isIPv4: Bool

        package init(_ address: IPAddress) {
            switch address {
            case .v4(let number):
                self.network = UInt64(number)
                self.isIPv4 = true
            case .v6(let number):
                self.network = UInt64(truncatingIfNeeded: number >> 64)
                self.isIPv4 = false
            }
        }
    }

    private struct Counts {
        var all = 0
        var byClient: [Client: Int] = [:]
    }

    /// Sockets allowed in all.
    package let limit: Int

    /// Sockets allowed for each client, 0 for any number.
    package let limitPerClient: Int

    private let counts = Mutex(Counts())

    package init(limit: Int, limitPerClient: Int) {
        self.limit = limit
        self.limitPerClient = limitPerClient
    }

    /// Nine tenths of the files that this process may have open, or 32 less: the rest is for scripts, logs and refusals.
    package static func defaultLimit() -> Int {
        var files = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 else { return 900 }
        let count = Int(clamping: files.rlim_cur)
        return max(1, min(count / 10 * 9, count - 32))
    }

    /// Counts a socket in.
    ///
    /// - Returns: nil, or the limit that it would pass; it is not counted then.
    package func enter(_ client: Client?) -> Limit? {
        self.counts.withLock { counts in
            guard counts.all < self.limit else { return .connections }
            if let client, !self.enter(client, in: &counts) { return .connectionsPerIP }
            counts.all += 1
            return nil
        }
    }

    /// Counts a socket out that was counted in.
    package func leave(_ client: Client?) {
        self.counts.withLock { counts in
            counts.all -= 1
            if let client { self.leave(client, in: &counts) }
        }
    }

    /// Counts in a client behind a trusted proxy, whose socket is counted among all already, and for nobody.
    ///
    /// - Returns: nil, or the limit that the client would pass; it is not counted then.
    package func enter(forwarded client: Client) -> Limit? {
        self.counts.withLock { self.enter(client, in: &$0) ? nil : .connectionsPerIP }
    }

    /// Counts a client out that was counted in behind its proxy.
    package func leave(forwarded client: Client) {
        self.counts.withLock { self.leave(client, in: &$0) }
    }

    private func enter(_ client: Client, in counts: inout Counts) -> Bool {
        guard self.limitPerClient > 0 else { return true }
        guard counts.byClient[client, default: 0] < self.limitPerClient else { return false }
        counts.byClient[client, default: 0] += 1
        return true
    }

    private func leave(_ client: Client, in counts: inout Counts) {
        guard self.limitPerClient > 0, let count = counts.byClient[client] else { return }
        counts.byClient[client] = count > 1 ? count - 1 : nil
    }

    /// What a refused client is told.
    static func sentence(for limit: Limit) -> String {
        limit == .connections
            ? "the server has all the connections that it may have"
            : "this address has all the connections that it may have"
    }

    /// When a refused client may come again, in seconds.
    static let retryHeaders = [("Retry-After", "5")]

    /// Sockets that are counted in.
    package var count: Int { self.counts.withLock { $0.all } }
}
