//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import CAllocationCounter
import LuaRuntime
import NIOCore
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
        let frame = client.frame(String(repeating: "x", count: 64))
        var (echoes, fromSwift, fromLua) = (0, UInt64(0), UInt64(0))
        for window in 0..<80 {
            // Unmasking happens in place, so each burst is a copy of its own, as a socket would bring one.
            let bursts = (0..<25).map { _ in
                var burst = ByteBuffer()
                for _ in 0..<4 { burst.writeImmutableBuffer(frame) }
                return burst
            }
            let ticksBefore = vm.busyTicks
            let (swiftBefore, luaBefore, writesBefore) = (nj_allocations(), vm.allocations, client.transport.writes)
            // By index: an iterator takes memory of its own in a debug build.
            for index in 0..<bursts.count {
                client.connection.receive(bursts[index])
                client.transport.forgetSent()
            }
            let (swift, lua) = (nj_allocations() - swiftBefore, vm.allocations - luaBefore)
            #expect(client.transport.writes == writesBefore + bursts.count)
            // The first windows fill the pools. A tick of the CPU clock that lands in the handler, one every 4 ms or so, asks for the
            // end of the loop's turn; the steady state is what lies between.
            if window >= 10, vm.busyTicks == ticksBefore {
                echoes += bursts.count * 4
                fromSwift += swift - lua
                fromLua += lua
            }
            house.run()
        }
        #expect(echoes >= 1000 && fromLua > 0)
        #expect(fromSwift == 0, "\(fromSwift) allocations besides Lua's in \(echoes) echoes")
    }

    @Test func theCounterCounts() {
        guard nj_allocations_are_counted() else { return }
        let before = nj_allocations()
        let pointer = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 8)
        pointer.deallocate()
        #expect(nj_allocations() == before + 1)
    }
}
