//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// What goes from one VM of a script to the next.
struct ReloadTests {
    private func start(_ source: String, after former: LuaVM, version: Int = 4, host: FakeHost, clock: CPUClock) throws
        -> LuaVM
    {
        let saved = try former.save()
        let vm = try LuaVM(
            loading: Script(name: "test.lua", source: Array(source.utf8), route: "/test", version: version),
            limits: .test,
            productVersion: "1",
            clock: clock,
            shared: try SharedSpace(capacity: 1 << 20),
            host: host
        )
        host.vm = vm
        try vm.start(limits: .test, after: 3, saved: saved, generation: 5)
        return vm
    }

    @Test func whatSaveReturnsComesToLoad() throws {
        let old = try Fixture(
            """
            return { save = function()
              return { n = 1, list = { 1.5, 'x', { true } }, [7] = ws.json.null, room = ws.room('r') }
            end }
            """
        )
        let vm = try self.start(
            """
            return { load = function(s, info)
              print(s.n, s.list[1], s.list[2], s.list[3][1], s[7] == ws.json.null, s.room.name, info.from, info.to)
            end }
            """,
            after: old.vm,
            host: old.host,
            clock: old.clock
        )
        withExtendedLifetime(vm) {}
        #expect(old.host.log.last?.contains("1\t1.5\tx\ttrue\ttrue\tr\t3\t4") == true, "\(old.host.log)")
    }

    @Test(arguments: ["return {}", "return { save = function() end }"])
    func withoutAnythingSavedLoadGetsNil(source: String) throws {
        let old = try Fixture(source)
        _ = try self.start(
            "return { load = function(s) print(tostring(s)) end }",
            after: old.vm,
            host: old.host,
            clock: old.clock
        )
        #expect(old.host.log.last?.contains("nil") == true)
    }

    @Test func tasksAndTimersTellTheirVM() throws {
        let old = try Fixture("return {}")
        let vm = try self.start(
            "return { load = function() ws.after(1, print) end, message = function() ws.sleep(1) end }",
            after: old.vm,
            host: old.host,
            clock: old.clock
        )
        #expect(old.host.lastTimer?.generation == 5)
        _ = try [UInt8]("x".utf8).withUnsafeBytes { try vm.message(ConnectionID(rawValue: 1), $0, isText: true) }
        #expect(old.host.lastTask?.generation == 5)
    }

    @Test func aStateMovesOnceAndACopyIsNotKept() throws {
        let old = try Fixture(
            "return { message = function(conn, data) conn.state.list = { data } end }",
            connections: 1...2
        )
        func say(_ vm: LuaVM, _ text: String, _ number: UInt64) throws {
            _ = try Array(text.utf8).withUnsafeBytes {
                try vm.message(ConnectionID(rawValue: number), $0, isText: true)
            }
        }
        try say(old.vm, "one", 1)
        try say(old.vm, "two", 2)
        let vm = try self.start(
            """
            return { message = function(conn, data)
              print(conn.state.list and conn.state.list[1])
              conn.state.list = { data }
            end }
            """,
            after: old.vm,
            host: old.host,
            clock: old.clock
        )
        old.host.older = old.vm
        old.host.isOlderInUse = true
        try say(vm, "lost", 1)
        try say(vm, "lost", 1)
        old.host.isOlderInUse = false
        try vm.takeState(of: ConnectionID(rawValue: 2))
        old.host.older = nil
        try say(vm, "x", 2)
        try say(vm, "y", 2)
        old.host.older = old.vm
        try say(vm, "z", 1)
        old.host.older = nil
        try say(vm, "z", 1)
        let words = ["one", "two", "x", "z", "lost", "nil"]
        let printed = old.host.log.compactMap { line in words.first(where: line.contains) }
        #expect(printed == ["one", "one", "two", "x", "one", "z"], "\(old.host.log)")
    }

    @Test func aStateThatCannotBeKeptIsNamed() throws {
        let old = try Fixture("return { message = function(conn) conn.state.a = { { b = print } } end }")
        _ = try [UInt8]().withUnsafeBytes { try old.vm.message(ConnectionID(rawValue: 1), $0, isText: true) }
        let error = #expect(throws: ScriptError.self) { try old.vm.checkState(of: ConnectionID(rawValue: 1)) }
        #expect(error?.kind == .contract)
        #expect(
            error?.message.contains("conn.state.a[1].b: a function cannot be kept") == true,
            "\(error?.message ?? "")"
        )
        old.vm.endCheck()
    }

    @Test func receiveTellsOfTheReload() throws {
        let fixture = try Fixture("return { message = function(conn) print(conn:receive()) end }")
        _ = try [UInt8]().withUnsafeBytes { try fixture.vm.message(ConnectionID(rawValue: 1), $0, isText: true) }
        let task = try #require(fixture.host.lastTask)
        #expect(try fixture.vm.resume(task, with: .reloaded, in: "message") == .finished)
        #expect(fixture.host.log.last?.contains("nil\treloaded") == true)
    }
}
