//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

/// A client and a server that talk to each other in memory.
struct ConversationTests {
    private let server = Endpoint()
    private let client = Endpoint(.client(seed: 7))

    /// Carries what the client wrote to the server.
    private func toServer() -> [Observed] { server.receive(client.takeOutput()) }

    private func toClient() -> [Observed] { client.receive(server.takeOutput()) }

    @Test(arguments: [0, 1, 125, 126, 65_535, 65_536, 1 << 20])
    func messagesGoBothWays(length: Int) {
        let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 % 128) }
        for kind in [MessageKind.text, .binary] {
            client.send(payload, as: kind)
            #expect(toServer() == [.message(kind, payload)])
            server.send(payload, as: kind)
            #expect(toClient() == [.message(kind, payload)])
        }
    }

    @Test func pingsAreAnswered() {
        client.ping([1, 2])
        #expect(toServer() == [.ping])
        #expect(toClient() == [.pong])
        server.ping()
        #expect(toClient() == [.ping])
        #expect(toServer() == [.pong])
    }

    @Test func theServerCloses() {
        server.close(.goingAway, "restart")
        #expect(toClient() == [.close(1001, "restart")])
        #expect(toServer() == [.close(1001, "")])
        #expect(server.connection.state == .closed)
        #expect(client.connection.state == .closed)
        #expect(server.takeOutput() == [] && client.takeOutput() == [])
    }

    @Test func theClientCloses() {
        client.close()
        #expect(toServer() == [.close(nil, "")])
        #expect(toClient() == [.close(nil, "")])
        #expect(server.connection.state == .closed)
        #expect(client.connection.state == .closed)
    }

    @Test func bothCloseAtOnce() {
        client.send([0x61])
        client.close(.normal, "client")
        server.close(.normal, "server")
        #expect(toServer() == [.close(1000, "client")])
        #expect(toClient() == [.close(1000, "server")])
        #expect(server.takeOutput() == [] && client.takeOutput() == [])
        #expect(server.connection.state == .closed)
        #expect(client.connection.state == .closed)
    }

    @Test func aViolationReachesThePeerAsAClose() {
        client.send([0xFF], as: .text)
        #expect(toServer() == [.violation(.textNotUTF8)])
        #expect(toClient() == [.close(1007, "a text message must be UTF-8")])
        #expect(toServer() == [], "the answer to a failure is ignored")
        #expect(server.connection.state == .failed)
    }
}
