//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import CAllocationCounter
import NIOCore
import LuaRuntime
import NightjarServer
import Testing

struct AllocationTests {
    /// The claim of the message path: parse, dispatch, handler, send and write of a 64-byte echo take nothing from the heap.
    /// What Lua's own allocator takes (the string of each message) is counted by it and subtracted.
    @Test func steadyEchoTakesNothingFromTheHeap() throws {
        guard nj_allocations_are_counted() else { return }
        let house = try TestHouse("return { message = function(conn, data, kind) conn:send(data, kind) end }")
        let client = try house.connect()
        house.run()
        let vm = try #require(house.runner.vm)
        // Unmasking happens in place, so each round needs its own copy of the frame, as a socket would bring one.
        let rounds = 2000
        let frame = client.frame(String(repeating: "x", count: 64))
        var bursts = (0..<rounds).map { _ in
            var burst = ByteBuffer()
            for _ in 0..<4 { burst.writeImmutableBuffer(frame) }
            return burst
        }
        func echo(_ rounds: Range<Int>) {
            for round in rounds {
                client.connection.receive(bursts[round])
                client.transport.forgetSent()
            }
        }
        echo(0..<rounds / 2)
        let (swiftBefore, luaBefore) = (nj_allocations(), vm.allocations)
        echo(rounds / 2..<rounds)
        let (swift, lua) = (nj_allocations() - swiftBefore, vm.allocations - luaBefore)
        #expect(lua > 0)
        #expect(swift == lua, "\(swift - lua) allocations besides Lua's in \(rounds / 2 * 4) echoes")
        #expect(client.transport.writes >= rounds)
        bursts = []
    }

    @Test func theCounterCounts() {
        guard nj_allocations_are_counted() else { return }
        let before = nj_allocations()
        let pointer = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 8)
        pointer.deallocate()
        #expect(nj_allocations() == before + 1)
    }
}
