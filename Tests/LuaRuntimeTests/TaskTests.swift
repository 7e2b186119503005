//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

@Suite struct TaskTests {
    private static let naps = """
        return { message = function(conn, data)
            local before = data
            ws.sleep(0.05)
            print(before, conn:send("late"))
        end }
        """

    @Test func goesOnAfterASleepWithItsLocals() throws {
        let fixture = try Fixture(Self.naps)
        #expect(try fixture.message("first") == .suspended)
        #expect(fixture.host.waits.values.map { $0 } == ["sleep 50 ms"])
        #expect(fixture.host.log == [])
        #expect(try fixture.resume(with: .timedOut) == .finished)
        #expect(fixture.host.log == ["info test.lua:4 #1 first\ttrue"])
        #expect(fixture.host.effects == ["send #1 text late"])
    }

    @Test func keepsHandlersApartThatWait() throws {
        let fixture = try Fixture(Self.naps, connections: 1...2)
        #expect(try fixture.message("one", from: 1) == .suspended)
        let first = try #require(fixture.host.lastTask)
        #expect(try fixture.message("two", from: 2) == .suspended)
        #expect(try fixture.resume(with: .timedOut) == .finished)
        #expect(try fixture.vm.resume(first, with: .timedOut, in: "message") == .finished)
        #expect(fixture.host.log == ["info test.lua:4 #2 two\ttrue", "info test.lua:4 #1 one\ttrue"])
    }

    @Test func resumesATaskOnce() throws {
        let fixture = try Fixture(Self.naps)
        try fixture.message()
        #expect(try fixture.resume(with: .timedOut) == .finished)
        #expect(try fixture.resume(with: .timedOut) == .unhandled)
        #expect(fixture.host.log.count == 1)
    }

    @Test func waitsThroughPcall() throws {
        let fixture = try Fixture(
            handler: """
                local ok, why = pcall(function() ws.sleep(1) error("after the sleep", 0) end)
                print(ok, why)
                """
        )
        #expect(try fixture.message() == .suspended)
        #expect(try fixture.resume(with: .timedOut) == .finished)
        #expect(fixture.host.log == ["info test.lua:2 #1 false\tafter the sleep"])
    }

    @Test func givesMemoryBackAfterManyWaits() throws {
        let fixture = try Fixture(handler: "ws.sleep(0)")
        func run(_ count: Int) throws {
            for _ in 0..<count {
                try fixture.message()
                try fixture.resume(with: .timedOut)
            }
        }
        try run(2000)
        let before = fixture.vm.memoryUsed
        try run(20_000)
        #expect(fixture.vm.memoryUsed < before + 512 * 1024)
    }

    @Test func namesTheLineOfAnErrorBehindASleep() throws {
        let fixture = try Fixture("return { message = function() ws.sleep(1)\n error('broken') end }")
        try fixture.message()
        let error = #expect(throws: ScriptError.self) { try fixture.resume(with: .timedOut) }
        #expect(error?.message == "test.lua:2: broken")
        #expect(error?.handler == "message")
        // The next event is not harmed.
        #expect(try fixture.message() == .suspended)
    }

    @Test func endsAHandlerThatIsTooOldWhateverItCatches() throws {
        let fixture = try Fixture(
            handler: "while true do local ok, why = pcall(ws.sleep, 1) print(ok, why) end"
        )
        try fixture.message()
        let error = #expect(throws: ScriptError.self) { try fixture.resume(with: .expired) }
        #expect(error?.kind == .wall)
        #expect(error?.message == "test.lua:1: handler waited until it was 30 s old, and may get no older")
        #expect(fixture.host.log == [])
    }

    @Test func closesWhatIsToBeClosedAtTheEnd() throws {
        let fixture = try Fixture(
            handler: """
                local closing <close> = setmetatable({}, { __close = function() print("closed") end })
                ws.sleep(1)
                """
        )
        try fixture.message()
        #expect(throws: ScriptError.self) { try fixture.resume(with: .ending) }
        #expect(fixture.host.log == ["info test.lua:1 #1 closed"])
    }

    @Test func countsEachPartOfAHandlerAsAnEventOfItsOwn() throws {
        var limits = ScriptLimits.test
        limits.eventCPU = .milliseconds(100)
        let work = "local t = os.clock() while os.clock() - t < 0.06 do end"
        let fixture = try Fixture(handler: "\(work) ws.sleep(0) \(work) ws.sleep(0) \(work)", limits: limits)
        #expect(try fixture.message() == .suspended)
        #expect(try fixture.resume(with: .timedOut) == .suspended)
        #expect(try fixture.resume(with: .timedOut) == .finished)
    }

    @Test(arguments: [
        ("table.sort({ 2, 1 }, function() ws.sleep(0) end)", "a function that Lua calls from C"),
        ("('a'):gsub('a', function() ws.sleep(0) end)", "a function that Lua calls from C"),
        ("coroutine.wrap(function() ws.sleep(0) end)()", "a coroutine of the script's own"),
    ])
    func refusesToWaitWhereLuaCannot(_ body: String, _ place: String) throws {
        let error = try failure(of: body)
        #expect(error.message.contains("ws.sleep cannot wait in \(place)"))
    }

    @Test func refusesToWaitWhileLoading() throws {
        let top = try loadFailure(of: "ws.sleep(1) return {}")
        #expect(top.message == "test.lua:1: ws.sleep cannot wait in the top level")
        let load = try loadFailure(of: "return { load = function() ws.sleep(1) end }")
        #expect(load.message == "test.lua:1: ws.sleep cannot wait in load")
    }

    @Test(arguments: [
        ("ws.sleep()", "ws.sleep: time must be seconds or a text such as \"50ms\", not missing"),
        ("ws.sleep({})", "ws.sleep: time must be seconds or a text such as \"50ms\", not table"),
        ("ws.sleep(-1)", "ws.sleep: time must be 0 to 9000000000 seconds, not -1"),
        ("ws.sleep(0/0)", "ws.sleep: time must be 0 to 9000000000 seconds, not -nan"),
        (
            "ws.sleep('5 s')",
            "ws.sleep: time must be such as \"50ms\", \"5s\", \"2m\" or \"1h\", not \"5 s\""
        ),
        ("ws.sleep('.5s')", "ws.sleep: time must be such as \"50ms\", \"5s\", \"2m\" or \"1h\", not \".5s\""),
        ("conn:receive('soon')", "conn:receive: timeout must be such as"),
        ("conn.receive()", "conn.receive was called without a conn: write conn:receive(...)"),
        ("ws.spawn()", "ws.spawn: the body must be a function, not missing"),
        ("ws.spawn('f')", "ws.spawn: the body must be a function, not string"),
    ])
    func refusesMisuse(_ body: String, _ message: String) throws {
        #expect(try failure(of: body).message.contains(message))
    }

    @Test(arguments: [
        ("'50ms'", 50), ("'1.5s'", 1500), ("'2m'", 120_000), ("'1h'", 3_600_000), ("0.25", 250), ("3", 3000),
    ])
    func readsTimes(_ time: String, _ milliseconds: Int) throws {
        let fixture = try Fixture(handler: "ws.sleep(\(time))")
        try fixture.message()
        #expect(fixture.host.waits.values.first == "sleep \(milliseconds) ms")
    }

    @Test func saysThatTooManyWait() throws {
        let fixture = try Fixture(handler: "if data == 'spawn' then ws.spawn(print) end ws.sleep(1)")
        fixture.host.mayWait = false
        let sleep = #expect(throws: ScriptError.self) { try fixture.message() }
        let sentence = "too many handlers or spawned bodies of this script wait already (limits.handlers)"
        #expect(sleep?.message == "test.lua:1: ws.sleep: \(sentence)")
        let spawn = #expect(throws: ScriptError.self) { try fixture.message("spawn") }
        #expect(spawn?.message == "test.lua:1: ws.spawn: \(sentence)")
    }

    // MARK: receive

    @Test func receivesTheNextMessage() throws {
        let fixture = try Fixture(
            "return { connect = function(conn) print(conn:receive()) print(conn:receive('2s')) end }"
        )
        #expect(try fixture.connect() == .suspended)
        #expect(fixture.host.waits.values.first == "message")
        let text = Array("hello".utf8)
        #expect(try text.withUnsafeBytes { try fixture.resume(with: .message($0, isText: true)) } == .suspended)
        #expect(fixture.host.waits.values.first == "message 2000 ms")
        #expect(try text.withUnsafeBytes { try fixture.resume(with: .message($0, isText: false)) } == .finished)
        #expect(fixture.host.log == ["info test.lua:1 #1 hello\ttext", "info test.lua:1 #1 hello\tbinary"])
    }

    @Test func tellsWhyNothingWasReceived() throws {
        let fixture = try Fixture(handler: "print(conn:receive()) print(conn:receive())")
        try fixture.message()
        try fixture.resume(with: .timedOut)
        try fixture.resume(with: .closed)
        #expect(fixture.host.log == ["info test.lua:1 #1 nil\ttimeout", "info test.lua:1 #1 nil\tclosed"])
    }

    @Test func receivesForItsOwnConnectionOnly() throws {
        let sentence = "conn:receive works in the connect, message and on handlers of that same connection only"
        let other = try Fixture(
            handler: "for other in ws.conns() do if other ~= conn then other:receive() end end",
            connections: 1...2
        )
        let first = #expect(throws: ScriptError.self) { try other.message() }
        #expect(first?.message == "test.lua:1: \(sentence)")
        let close = try Fixture("return { close = function(conn) conn:receive() end }")
        let second = #expect(throws: ScriptError.self) { try close.close() }
        #expect(second?.message == "test.lua:1: \(sentence)")
        let spawned = try Fixture(handler: "ws.spawn(function() conn:receive() end)")
        try spawned.message()
        #expect(throws: ScriptError.self) { try spawned.runSpawned() }
    }

    // MARK: spawn

    @Test func spawnsWithArgumentsAfterTheHandler() throws {
        let fixture = try Fixture(
            handler: "ws.spawn(function(...) print(select('#', ...), ...) end, 1, nil, 'x', nil) print('first')"
        )
        try fixture.message()
        try fixture.runSpawned()
        #expect(fixture.host.log == ["info test.lua:1 #1 first", "info test.lua:1 4\t1\tnil\tx\tnil"])
    }

    @Test func spawnedBodiesMayWaitAndFail() throws {
        let fixture = try Fixture(handler: "ws.spawn(function() ws.sleep(1) error('late') end)")
        try fixture.message()
        try fixture.runSpawned()
        #expect(throws: ScriptError.self) { try fixture.resume(with: .timedOut) }
    }
}
