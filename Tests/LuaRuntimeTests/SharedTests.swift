//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import LuaRuntime
import Synchronization
import Testing

struct SharedTests {
    @Test(arguments: [
        ("s.get('a')", "nil"),
        ("s.set('a', 1), s.get('a')", "true\t1"),
        ("s.set('a', 1), s.set('a', 'x'), s.get('a')", "true\ttrue\tx"),
        ("s.set('a', false), s.get('a')", "true\tfalse"),
        ("s.set('a', 1), s.set('a', nil), s.get('a')", "true\ttrue\tnil"),
        ("s.set('a\\0b', 1), s.get('a'), s.get('a\\0b')", "true\tnil\t1"),
        ("s.set(('k'):rep(256), 1), s.get(('k'):rep(256)), s.get(('k'):rep(255))", "true\t1\tnil"),
        ("s.add('a', 1), s.get('a')", "true\t1"),
        ("s.add('a', 1), select(2, s.add('a', 2)), s.get('a')", "true\texists\t1"),
        ("s.add('a', 1), s.delete('a'), s.add('a', 2), s.get('a')", "true\ttrue\ttrue\t2"),
        ("s.delete('a'), s.set('a', 1), s.delete('a'), s.delete('a'), s.get('a')", "false\ttrue\ttrue\tfalse\tnil"),
        ("s.incr('n'), s.incr('n'), s.incr('n', 40), s.incr('n', -2), s.get('n')", "1\t2\t42\t40\t40"),
        ("s.incr('n', nil, nil), s.incr('n', 0), s.incr('n', 0.5), s.incr('n', 1)", "1\t1\t1.5\t2.5"),
        ("s.incr('n', 2, { init = 10 }), s.incr('n', 2, { init = 10 })", "12\t14"),
        ("s.set('n', math.maxinteger - 1), s.incr('n') == math.maxinteger", "true\ttrue"),
        ("s.set('n', math.mininteger + 1), s.incr('n', -1) == math.mininteger", "true\ttrue"),
        ("s.cas('c', nil, 1), s.get('c')", "true\t1"),
        ("s.set('c', 1), s.cas('c', 1, 2), s.get('c')", "true\ttrue\t2"),
        ("s.set('c', 1), s.cas('c', 1.0, 2), s.get('c')", "true\ttrue\t2"),
        ("s.set('c', 1), select(2, s.cas('c', 2, 3)), s.get('c')", "true\tchanged\t1"),
        ("s.set('c', 1), select(2, s.cas('c', nil, 3)), s.get('c')", "true\tchanged\t1"),
        ("select(2, s.cas('c', 1, 3)), s.get('c')", "changed\tnil"),
        ("s.set('c', 1), s.cas('c', 1, nil), s.get('c')", "true\ttrue\tnil"),
        ("s.cas('c', nil, nil), s.get('c')", "true\tnil"),
        ("s.set('c', '1'), select(2, s.cas('c', 1, 3))", "true\tchanged"),
        ("s.set('c', { a = 1, b = { 2, 3 } }), s.cas('c', { b = { 2, 3 }, a = 1 }, 4), s.get('c')", "true\ttrue\t4"),
        ("s.set('c', { a = 1 }), select(2, s.cas('c', { a = 1, b = 2 }, 3))", "true\tchanged"),
        ("s.set('c', { a = 1, b = 2 }), select(2, s.cas('c', { a = 1 }, 3))", "true\tchanged"),
        ("s.set('c', { { 1 } }), select(2, s.cas('c', { { 2 } }, 3))", "true\tchanged"),
        ("s.set('c', ws.json.null), s.cas('c', ws.json.null, 3)", "true\ttrue"),
        ("s.set('c', ws.json.array()), s.cas('c', {}, 3)", "true\ttrue"),
    ])
    func doesWhatItSays(expressions: String, result: String) throws {
        #expect(try printed(expressions, after: "local s = ws.shared") == result)
    }

    /// Values are copied: what a script does to its own table is not seen in the next.
    @Test func copiesInAndOut() throws {
        let body = "local s, t = ws.shared, { 1 } s.set('t', t) t[1] = 2 local u = s.get('t') u[1] = 3"
        #expect(try printed("s.get('t')[1], s.get('t') ~= s.get('t')", after: body) == "1\ttrue")
    }

    @Test func oneSpaceForAllScripts() throws {
        let shared = try SharedSpace(capacity: 1 << 20)
        let first = try Fixture(handler: "ws.shared.set('k', { from = 'first' })", shared: shared)
        let second = try Fixture(handler: "print(ws.shared.get('k').from)", shared: shared)
        try first.message()
        first.vm.destroy()
        try second.message()
        #expect(second.host.log == ["info test.lua:1 #1 first"])
    }

    // MARK: - Time

    /// Each line of the script is run, then the clock moves on.
    private func run(_ steps: [(body: String, seconds: Double)]) throws -> [String] {
        let shared = try SharedSpace(capacity: 1 << 20)
        return try steps.map { step in
            let fixture = try Fixture(handler: "local s = ws.shared print(\(step.body))", shared: shared)
            try fixture.message()
            shared.advance(by: .seconds(step.seconds))
            return String(try #require(fixture.host.log.first).dropFirst("info test.lua:1 #1 ".count))
        }
    }

    @Test func valuesExpire() throws {
        let results = try run([
            ("s.set('a', 1, { ttl = 2 }), s.add('b', 1, { ttl = '1500ms' }), s.set('c', 1)", 1),
            ("s.get('a'), s.get('b'), s.get('c')", 0.75), ("s.get('a'), s.get('b'), s.get('c')", 0.5),
            ("s.get('a'), s.get('b'), s.get('c'), s.add('a', 5), s.delete('b')", 3600), ("s.get('a'), s.get('c')", 0),
        ])
        #expect(results == ["true\ttrue\ttrue", "1\t1\t1", "1\tnil\t1", "nil\tnil\t1\ttrue\tfalse", "5\t1"])
    }

    /// `set` begins anew, `incr` and `cas` leave the time as it was; `incr` sets it for a key that is new.
    @Test func whatBecomesOfATime() throws {
        let results = try run([
            (
                "s.set('a', 1, { ttl = 2 }), s.set('b', 1, { ttl = 2 }), s.set('c', 1, { ttl = 2 }), s.set('d', 1, { ttl = 2 })",
                1
            ),
            ("s.set('a', 2), s.set('b', 2, { ttl = 2 }), s.incr('c', 1, { ttl = 9 }), s.cas('d', 1, 2)", 1.5),
            ("s.get('a'), s.get('b'), s.get('c'), s.get('d')", 1), ("s.get('a'), s.get('b')", 0),
            ("s.incr('e', 1, { ttl = 1 }), s.incr('e', 1, { ttl = 1 })", 0.5), ("s.incr('e', 1, { ttl = 1 })", 0.6),
            ("s.incr('e', 1, { init = 7, ttl = 1 })", 0),
        ])
        #expect(
            results == ["true\ttrue\ttrue\ttrue", "true\ttrue\t2\ttrue", "2\t2\tnil\tnil", "2\tnil", "1\t2", "3", "8"]
        )
    }

    /// A late cas must not meet a value that expired and came again.
    @Test func anExpiredKeyIsNew() throws {
        #expect(
            try run([
                ("s.set('a', 1, { ttl = 1 })", 2), ("select(2, s.cas('a', 1, 2)), s.cas('a', nil, 3), s.get('a')", 0),
            ])
                == ["true", "changed\ttrue\t3"]
        )
    }

    // MARK: - Room

    @Test func neverEvicts() throws {
        let shared = try SharedSpace(capacity: 100_000)
        let fixture = try Fixture(
            handler: """
                local s, n = ws.shared, 0 while s.set('key' .. n, ('v'):rep(100)) do n = n + 1 end \
                print(n, s.set('one more', 1)) print(s.add('one more', 1)) print(s.incr('one more')) print(s.cas('one more', nil, 1)) \
                print(s.set('key0', ('v'):rep(101)), s.get('key0') == ('v'):rep(100)) \
                for i = 0, n - 1 do assert(s.get('key' .. i) == ('v'):rep(100), i) end \
                print(s.set('key0', 'less'), s.delete('key1'), s.set('one more', 1))
                """,
            shared: shared
        )
        try fixture.message()
        let lines = fixture.host.log.map { $0.dropFirst("info test.lua:1 #1 ".count) }
        let count = try #require(lines.first?.prefix { $0 != "\t" }.description)
        #expect(try #require(Int(count)) > 300)
        #expect(
            lines == [
                "\(count)\tnil\tfull", "nil\tfull", "nil\tfull", "nil\tfull", "nil\ttrue", "true\ttrue\ttrue",
            ]
        )
        #expect(fixture.host.fullCount == 6)
        #expect(shared.usedBytes <= 100_000)
    }

    @Test func whatExpiredMakesRoom() throws {
        let shared = try SharedSpace(capacity: 100_000)
        let fill =
            "local s, n = ws.shared, 0 while s.set('\(0)' .. n, ('v'):rep(100), { ttl = 10 }) do n = n + 1 end print(n)"
        let first = try Fixture(handler: fill, shared: shared)
        try first.message()
        shared.advance(by: .seconds(11))
        let second = try Fixture(
            handler: "print(ws.shared.set('large', ('v'):rep(99000)), #ws.shared.get('large'))",
            shared: shared
        )
        try second.message()
        #expect(second.host.log == ["info test.lua:1 #1 true\t99000"])
        #expect(second.host.fullCount == 0)
    }

    @Test func deletingGivesAllBack() throws {
        let shared = try SharedSpace(capacity: 1 << 20)
        let fixture = try Fixture(
            handler: """
                local s = ws.shared for i = 1, 3000 do s.set(i .. '', i % 3 == 0 and { i } or i, i % 2 == 0 and { ttl = i } or nil) end \
                for i = 1, 3000 do s.set(i .. '', 'other', i % 5 == 0 and { ttl = 3001 - i } or nil) end \
                for i = 1, 3000 do assert(s.delete(i .. ''), i) end
                """,
            shared: shared
        )
        try fixture.message()
        #expect(shared.usedBytes == 0)
    }

    @Test func whatIsLargerThanAllIsRefused() throws {
        let shared = try SharedSpace(capacity: 10_000)
        let fixture = try Fixture(handler: "print(ws.shared.set('k', ('x'):rep(100000)))", shared: shared)
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 nil\tfull"])
        #expect(shared.usedBytes == 0)
    }

    // MARK: - Threads

    /// Each call is atomic: nothing of what several threads add is lost, and of those who add a key one wins.
    @Test(.timeLimit(.minutes(1)))
    func threadsLoseNothing() throws {
        let shared = try SharedSpace(capacity: 1 << 20)
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            do {
                let fixture = try Fixture(
                    handler: """
                        local s, won = ws.shared, 0 for i = 1, 2000 do s.incr('n') s.incr('f', 0.5) \
                        if s.add('key' .. i, data) then won = won + 1 end \
                        repeat local list = s.get('list') or {} local old = s.get('list') list[#list % 7 + 1] = i \
                        until i % 50 ~= 0 or s.cas('list', old, list) if i % 10 == 0 then s.delete('gone') else s.set('gone', i) end end \
                        s.incr('won', won)
                        """,
                    shared: shared
                )
                try fixture.message("\(thread)")
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        let fixture = try Fixture(
            handler: "print(ws.shared.get('n'), ws.shared.get('f'), ws.shared.get('won'))",
            shared: shared
        )
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 8000\t4000.0\t2000"])
    }

    // MARK: - Misuse

    @Test(arguments: [
        ("ws.shared.get()", "ws.shared.get: key must be a string, not missing"),
        ("ws.shared.get(1)", "ws.shared.get: key must be a string, not number"),
        ("ws.shared.get('')", "ws.shared.get: key must have 1 to 256 bytes, not 0"),
        ("ws.shared.set(('k'):rep(257), 1)", "ws.shared.set: key must have 1 to 256 bytes, not 257"),
        ("ws.shared.delete(nil)", "ws.shared.delete: key must be a string, not nil"),
        ("ws.shared.set('k')", "ws.shared.set: the value is missing"),
        ("ws.shared.set('k', 1, 5)", "ws.shared.set: options must be a table, not a number"),
        ("ws.shared.set('k', 1, { tl = 5 })", "ws.shared.set: unknown option \"tl\": did you mean \"ttl\"?"),
        ("ws.shared.set('k', 1, { init = 5 })", "ws.shared.set: unknown option \"init\""),
        ("ws.shared.set('k', 1, { 5 })", "ws.shared.set: the keys of the options must be strings, not number"),
        ("ws.shared.set('k', 1, { ttl = 0 })", "ws.shared.set: ttl must be more than 0"),
        (
            "ws.shared.set('k', 1, { ttl = -1 })",
            "ws.shared.set: ttl must be 0 to 9000000000 seconds, not -1"
        ),
        (
            "ws.shared.set('k', 1, { ttl = '5 s' })",
            "ws.shared.set: ttl must be such as \"50ms\", \"5s\", \"2m\" or \"1h\", not \"5 s\""
        ),
        (
            "ws.shared.set('k', 1, { ttl = true })",
            "ws.shared.set: ttl must be seconds or a text such as \"50ms\", not boolean"
        ),
        ("ws.shared.add('k')", "ws.shared.add: the value is missing"),
        ("ws.shared.add('k', nil)", "ws.shared.add: the value is missing"),
        ("ws.shared.incr('k', '1')", "ws.shared.incr: n must be a number, not string"),
        ("ws.shared.incr('k', 1, { init = '1' })", "ws.shared.incr: init must be a number, not string"),
        (
            "ws.shared.set('k', 'x') ws.shared.incr('k')",
            "ws.shared.incr: the value so far must be a number, not string"
        ),
        (
            "ws.shared.set('k', math.maxinteger) ws.shared.incr('k')",
            "ws.shared.incr: 9223372036854775807 and 1 together are no integer of 64 bits"
        ),
        (
            "ws.shared.set('k', math.mininteger) ws.shared.incr('k', -1)",
            "ws.shared.incr: -9223372036854775808 and -1 together are no integer of 64 bits"
        ),
        (
            "ws.shared.set('k', 1e308) ws.shared.incr('k', 1e308)",
            "ws.shared.incr: the sum would not be a finite number"
        ),
        ("ws.shared.cas('k')", "ws.shared.cas: the old value is missing"),
        ("ws.shared.cas('k', nil)", "ws.shared.cas: the new value is missing"),
        (
            "ws.shared.cas('k', nil, { print })",
            "ws.shared.cas: the new value[1]: a function cannot be kept; put it into a variable of the script"
        ),
        ("ws.shared.put('k', 1)", "unknown field of ws.shared: \"put\": did you mean \"get\"?"),
        ("ws.shared.k = 1", "ws.shared cannot be given new fields: use a variable of the script"),
    ])
    func misuseRaisesAtTheCaller(body: String, message: String) throws {
        #expect(try failure(of: body).message == "test.lua:1: \(message)")
    }

    /// A version that is refused in the end must have changed nothing; reading is free.
    @Test(arguments: ["set('k', 1)", "add('k', 1)", "incr('k')", "cas('k', nil, 1)", "delete('k')"])
    func changesNothingWhileItLoads(call: String) throws {
        let name = call.prefix { $0 != "(" }
        let why = "test.lua:1: ws.shared.\(name) has no effect while the script loads"
        #expect(try loadFailure(of: "ws.shared.\(call) return {}").message == why)
        #expect(try loadFailure(of: "return { load = function() ws.shared.\(call) end }").message == why)
        let fixture = try Fixture(
            "print(ws.shared.get('k')) return { load = function() print(ws.shared.get('k')) end }"
        )
        #expect(fixture.host.log.map { $0.hasSuffix(" nil") } == [true, true])
    }
}
