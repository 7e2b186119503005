//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import NightjarServer
import Testing

struct ConnectionCensusTests {
    private static func client(_ ip: String) throws -> ConnectionCensus.Client {
        ConnectionCensus.Client(try #require(IPAddress(SocketAddress(ipAddress: ip, port: 1))))
    }

    @Test func capsAll() throws {
        let census = ConnectionCensus(limit: 2, limitPerClient: 0)
        let client = try Self.client("127.0.0.1")
        #expect(census.enter(client) == nil)
        #expect(census.enter(nil) == nil)
        #expect(census.enter(client) == .connections)
        census.leave(client)
        #expect(census.count == 1)
        #expect(census.enter(client) == nil)
    }

    @Test func capsEachClient() throws {
        let census = ConnectionCensus(limit: 100, limitPerClient: 1)
        let (first, second) = (try Self.client("127.0.0.2"), try Self.client("127.0.0.3"))
        #expect(census.enter(first) == nil)
        #expect(census.enter(first) == .connectionsPerIP)
        #expect(census.enter(second) == nil)
        census.leave(first)
        #expect(census.enter(first) == nil)
        // Without an address there is no client to count.
        #expect(census.enter(nil) == nil && census.enter(nil) == nil)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", true), ("2001:db8::1", "2001:db8:0:1::1", false),
        ("::ffff:192.0.2.1", "192.0.2.1", true), ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
    ])
    func countsIPv6ByItsNet(one: String, other: String, isSame: Bool) throws {
        #expect((try Self.client(one) == Self.client(other)) == isSame)
    }

    @Test func countsForwardedClientsWithDirectOnes() throws {
        let census = ConnectionCensus(limit: 100, limitPerClient: 1)
        for ip in ["192.0.2.1", "2001:db8::1"] {
            let forwarded = ConnectionCensus.Client(try #require(IPAddress(ip)))
            #expect(try forwarded == Self.client(ip))
            #expect(census.enter(forwarded: forwarded) == nil)
            #expect(try census.enter(Self.client(ip)) == .connectionsPerIP)
            #expect(census.enter(forwarded: forwarded) == .connectionsPerIP)
            census.leave(forwarded: forwarded)
            #expect(census.enter(forwarded: forwarded) == nil)
        }
        // Their sockets were counted when they were accepted.
        #expect(census.count == 0)
    }

    @Test func leavesATenthOfTheFiles() {
        #expect(ConnectionCensus.defaultLimit() > 0)
    }
}
