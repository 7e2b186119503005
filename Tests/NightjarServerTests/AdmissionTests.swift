//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import LuaRuntime
import NIOCore
import NIOEmbedded
import NightjarServer
import Testing
import WebSocketCore

/// The answer to the handshake goes out when the script's `connect` begins: who has it misses nothing that it causes.
struct AdmissionTests {
    private static let script = """
        return {
          connect = function(conn) conn:join("all") end,
          message = function(conn, data) ws.broadcast("route " .. data) ws.room("all"):broadcast("room " .. data) end,
        }
        """

    /// Whatever part of the way the loops have gone when the client has its answer and others hear of it.
    @Test(arguments: 0..<8, [1, 2])
    func whoHasTheAnswerIsInEveryBroadcast(steps: Int, loops: Int) throws {
        let house = try TestHouse(Self.script, loops: loops)
        // On the loop of the script, which hears it at once.
        let speaker = try house.connect(on: loops - 1)
        house.run()
        let client = try house.connect()
        for step in 0..<steps { house.loops[step % loops].run() }
        client.take()
        let isTold = !client.answer.isEmpty
        speaker.send("hello")
        house.run()
        client.take()
        #expect(client.answer == "101\n")
        #expect(isTold || steps < 4)
        #expect(client.texts == (isTold ? ["route hello", "room hello"] : []) || !isTold)
    }

    /// The script of another route, on a third loop, reaches the room without asking its script.
    @Test(arguments: 0..<12, [Instances.one, .perCore])
    func otherVMsReachItToo(steps: Int, instances: Instances) throws {
        let news = "return { message = function() ws.room('all', 'chat'):broadcast('news') end }"
        let town = try TestTown(loops: 3, [("news", news, .one), ("chat", Self.script, instances)])
        let editor = try town.connect(to: "news")
        let route = try #require(town.routes["chat"])
        let connection = try #require(town.workers[2].makeConnection(route: route))
        let client = try TestClient(connection, target: "/chat")
        for step in 0..<steps { town.loops[step % 3].run() }
        client.take()
        let isTold = !client.answer.isEmpty
        editor.send("go")
        town.run()
        #expect(isTold || steps < 6)
        #expect(client.texts == ["news"] || !isTold)
    }

    /// The answer is not the script's output.
    @Test(arguments: [1, 2], [true, false])
    func nothingIsBufferedWhenConnectBegins(loops: Int, writesDirectly: Bool) throws {
        let house = try TestHouse(
            "return { connect = function(conn) conn:send(conn.buffered .. '') end }",
            loops: loops
        )
        let client = try house.connect()
        client.transport.writesDirectly = writesDirectly
        house.run()
        #expect(client.texts == ["0"])
    }

    /// What the client sends before it has its answer waits for `connect`.
    @Test(arguments: [1, 2])
    func connectComesBeforeEarlyMessages(loops: Int) throws {
        let script = """
            return { connect = function(conn) conn:send("connect") end, message = function(conn, data) conn:send(data) end }
            """
        let house = try TestHouse(script, loops: loops)
        let client = try house.connect()
        client.send("early")
        client.ping()
        house.run()
        client.take()
        #expect(client.answer == "101\n")
        #expect(client.texts == ["connect", "early"])
        #expect(client.received.contains(.pong))
    }

    @Test func theEndOfTheServerIsToldBehindTheAnswer() throws {
        let house = try TestHouse(Self.script, loops: 2)
        let client = try house.connect()
        _ = house.workers[0].drain(over: .zero)
        house.loops[0].run()
        house.loops[0].advanceTime(by: .milliseconds(1))
        #expect(client.close == .close(1001, "server is shutting down"))
        #expect(client.answer == "101\n")
        house.run()
        client.acknowledgeClose()
        house.run()
        #expect(house.runner.membersByID.isEmpty)
    }

    /// A transport that fails with the answer: `connect` is followed by `close` all the same.
    @Test(arguments: [1, 2])
    func aBrokenTransportHasItsClose(loops: Int) throws {
        let script =
            "return { connect = function() print('connect') end, close = function(conn, code) print(code) end }"
        let house = try TestHouse(script, loops: loops)
        let connection = try #require(house.workers[0].makeConnection(route: house.route))
        let client = try TestClient(connection, isBroken: true)
        house.run()
        #expect(house.log.texts(.info) == ["connect", "1006"])
        #expect(client.transport.isClosed && house.runner.membersByID.isEmpty)
    }
}
