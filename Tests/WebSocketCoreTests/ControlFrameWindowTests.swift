//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct ControlFrameWindowTests {
    private let limits = WebSocketConnection.Limits(maxControlFrames: 3)

    @Test(arguments: [UInt8(9), 10])
    func refusesAFlood(opcode: UInt8) {
        let endpoint = Endpoint(limits: limits)
        let frame = RawFrame(opcode: opcode).bytes
        #expect(endpoint.receive(frame + frame + frame).count == 3)
        endpoint.now = endpoint.now + .milliseconds(9_999)
        #expect(endpoint.receive(frame) == [.violation(.tooManyControlFrames(limit: 3))])
    }

    @Test func beginsANewWindowAfterTenSeconds() {
        let endpoint = Endpoint(limits: limits)
        for _ in 0..<5 {
            #expect(endpoint.receive(RawFrame(opcode: 9), RawFrame(opcode: 10), RawFrame(opcode: 9)).count == 3)
            endpoint.now = endpoint.now + .seconds(10)
        }
    }

    @Test func countsNoDataFrames() {
        let endpoint = Endpoint(limits: limits)
        for _ in 0..<100 { #expect(endpoint.receive(.text("a")) == [.text("a")]) }
    }

    @Test func zeroIsNoLimit() {
        let endpoint = Endpoint(limits: .init(maxControlFrames: 0))
        for _ in 0..<1000 { #expect(endpoint.receive(RawFrame(opcode: 9)) == [.ping]) }
    }

    @Test func theDefaultIs200() {
        let endpoint = Endpoint()
        let pings = Array(repeating: RawFrame(opcode: 9), count: 200).bytes
        #expect(endpoint.receive(pings).count == 200)
        #expect(endpoint.receive(RawFrame(opcode: 9)) == [.violation(.tooManyControlFrames(limit: 200))])
    }
}
