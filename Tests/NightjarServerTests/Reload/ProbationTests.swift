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

struct ProbationTests {
    private static func id(_ number: Int) -> ConnectionID { ConnectionID(rawValue: UInt64(number)) }

    @Test func oneConnectionTakesNothingBack() {
        var probation = Probation(now: .uptimeNanoseconds(0))
        let answers = (0..<1000).map { _ in probation.note(Self.id(1), open: 1, former: 0) }
        #expect(!answers.contains(true))
    }

    /// The answers of a new probation in which each connection fails once.
    private static func answers(_ count: Int, open: Int, former: Int) -> [Bool] {
        var probation = Probation(now: .uptimeNanoseconds(0))
        return (1...count).map { probation.note(Self.id($0), open: open, former: former) }
    }

    @Test func threeConnectionsDoWhenTheyAreATenth() {
        #expect(Self.answers(3, open: 30, former: 0) == [false, false, true])
        #expect(Self.answers(4, open: 31, former: 0) == [false, false, false, true])
    }

    @Test func asManyAsBeforeDoNot() {
        #expect(Self.answers(5, open: 5, former: 2) == [false, false, false, false, true])
    }

    @Test func itEnds() {
        let probation = Probation(now: .uptimeNanoseconds(5))
        #expect(!probation.isOver(now: .uptimeNanoseconds(5) + Probation.time - .nanoseconds(1)))
        #expect(probation.isOver(now: .uptimeNanoseconds(5) + Probation.time))
    }

    @Test func aRunnerAsksToBeTakenBackOnce() throws {
        let house = try TestHouse("return { message = function() error('old') end }")
        let clients = try (0..<8).map { _ in try house.connect() }
        var asked: [Int] = []
        house.runner.takeBack = { asked.append($1) }
        clients[0].send("x")
        try house.reload("return { message = function() error('new') end }")
        house.runner.beginProbation()
        clients[0].send("x")
        clients[1].send("x")
        #expect(asked == [])
        clients[2...].forEach { $0.send("x") }
        #expect(asked == [2])
    }

    @Test func aVersionIsNotBlamedForTheOneBefore() throws {
        let house = try TestHouse("return { message = function() ws.sleep(0.01) error('old') end }")
        let clients = try (0..<8).map { _ in try house.connect() }
        var asked: [Int] = []
        house.runner.takeBack = { asked.append($1) }
        clients.forEach { $0.send("x") }
        try house.reload("return {}")
        house.runner.beginProbation()
        house.loops[0].advanceTime(by: .milliseconds(20))
        #expect(house.log.texts(.error).count == 8)
        #expect(asked == [])
    }
}
