//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// Fails the allocations of a VM's whole life in turn. `Tests/CLuaRuntimeTests/oom.c` does the same without Swift.
struct OutOfMemoryTests {
    static let source = """
        local util = require "util"
        local seen = {}
        return {
            upgrade = function(req) return { n = req.query.name }, { headers = { a = { "b", "c" } } } end,
            request = function(req) return 200, { body = req.body }, { a = "b" } end,
            connect = function(conn, req) conn.state.name = req.query.name .. conn.id .. tostring(conn.protocol) end,
            message = function(conn, data, kind)
                pcall(error, { data })
                local co = coroutine.wrap(function(a) coroutine.yield(a .. "b") error(a) end)
                co("a") pcall(co)
                print(data, conn)
                for other in ws.conns() do other:send(util.twice(data), { kind = kind }) end
                ws.broadcast(data, { except = { conn } })
                conn:send(ws.json.decode(ws.json.encode({ data, { "a\\n", 1.5 } })))
                if data == "fail" then
                    error(setmetatable({}, { __tostring = function() return "text" .. data end }))
                end
            end,
            error = function(conn, err) seen[#seen + 1] = err.message .. err.traceback end,
            close = function(conn, code, reason) seen.last = reason .. code end,
        }
        """

    /// One at a time, a stretch, and all from one on.
    @Test(arguments: [UInt64(1), 12, 1 << 40])
    func survivesEveryFailure(stretch: UInt64) throws {
        var first: UInt64 = 1
        var failures = 0
        while true {
            let (allocations, failed) = try live(failing: first..<first + stretch)
            failures += failed
            if allocations < first { break }
            first += 1
        }
        #expect(first > 300)
        #expect(failures > 300)
    }

    /// Answers how many allocations there were, and how many events failed.
    private func live(failing: Range<UInt64>) throws -> (UInt64, Int) {
        var limits = ScriptLimits.test
        limits.failingAllocations = failing
        let fixture: Fixture
        do {
            fixture = try Fixture(
                Self.source,
                modules: ["util": "return { twice = function(s) return s .. s end }"],
                limits: limits
            )
        } catch let error as ScriptError {
            #expect(error.kind == .memory)
            return (.max, 1)
        }
        var failures = 0
        func attempt(_ event: () throws -> Void) {
            do {
                try event()
            } catch let error as ScriptError {
                failures += 1
                _ = try? fixture.vm.error(ConnectionID(rawValue: 1), error)
            } catch {
                Issue.record(error)
            }
        }
        attempt { try fixture.upgrade(1) }
        attempt { try fixture.request(2, body: "body") }
        attempt { _ = try fixture.vm.connect(fixture.host.connect(1), after: RequestToken(rawValue: 1)) }
        attempt { try fixture.message("hello") }
        attempt { try fixture.message("fail") }
        attempt { try fixture.close(reason: "bye") }
        let allocations = fixture.vm.allocations
        fixture.vm.destroy()
        #expect(fixture.vm.memoryUsed == 0)
        return (allocations, failures)
    }
}
