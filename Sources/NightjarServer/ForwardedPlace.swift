//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NIOCore

/// Where the client that a trusted proxy names is counted in. A proxy sends the requests of several clients over one socket,
/// so the place is given to another with each of them.
final class ForwardedPlace {
    private let census: ConnectionCensus
    private var client: ConnectionCensus.Client?

    /// - Parameter closed: the end of the proxy's socket, and of the place.
    init(in census: ConnectionCensus, until closed: EventLoopFuture<Void>) {
        self.census = census
        closed.assumeIsolated().whenComplete { _ in self.leave() }
    }

    /// Counts a client in.
    ///
    /// - Returns: nil, or the limit that it would pass; it is not counted then.
    func enter(_ client: ConnectionCensus.Client) -> Limit? {
        self.leave()
        if let limit = self.census.enter(forwarded: client) { return limit }
        self.client = client
        return nil
    }

    /// Counts out who is counted in.
    func leave() {
        guard let client = self.client else { return }
        self.client = nil
        self.census.leave(forwarded: client)
    }
}

@available(*, unavailable)
extension ForwardedPlace: Sendable {}
