//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import CStockLua
import Foundation
import LuaRuntime
import Testing

/// Scripts that have hurt Lua, or hosts of it. `attacks` holds them as they were found.
@Suite(.serialized)
struct AttackTests {
    /// How an attack ends, at its line.
    enum End: Sendable {
        case deadline(Set<Int>)
        case memory(Set<Int>)
        case error(Int, String)
        /// It does nothing here that it should not.
        case nothing
        /// Which limit comes first depends on the machine, or whether any does.
        case any(Set<Int>)
    }

    static let files: [(name: String, end: End)] = [
        ("bytecode.lua", .error(1, "attempt to call a nil value (field 'dump')")),
        ("captures.lua", .error(1, "too many captures")),
        (
            "closechain.lua",
            .error(3, "coroutine.create: this script has 2000 coroutines already; end those that are not needed")
        ),
        ("coescape.lua", .deadline([3, 4, 5])),
        (
            "envrep.lua",
            .error(1, "string.rep: the result is longer than 8388608 bytes; repeat it less often, or send it in parts")
        ),
        ("ephemerons.lua", .any([1, 2, 3, 4])),
        ("gcloop.lua", .error(2, "setmetatable: __gc is not supported; use __close")),
        ("lazyany.lua", .nothing),
        ("lazyset.lua", .deadline([1])),
        ("lazythree.lua", .deadline([1])),
        ("loop.lua", .deadline([1])),
        ("memhook.lua", .deadline([1])),
        ("move.lua", .deadline([1])),
        ("nest.lua", .deadline([1])),
        // Where one byte must follow, our matcher looks for that.
        ("pattern2.lua", .nothing),
        ("pcallagain.lua", .deadline([1])),
        ("pcallloop.lua", .deadline([3])),
        (
            "rep.lua",
            .error(1, "string.rep: the result is longer than 8388608 bytes; repeat it less often, or send it in parts")
        ),
        ("reptable.lua", .any([1])),
        ("reverse.lua", .deadline([1])),
        (
            "reversejoined.lua",
            .error(1, "string.reverse: the result is longer than 8388608 bytes; take the text in parts")
        ),
        ("strmt.lua", .error(3, "undefined global 'load'")),
        ("tostr.lua", .deadline([1])),
        ("unpack.lua", .nothing),
        (
            "unpackmany.lua",
            .error(1, "table.unpack: more than 100000 values; take them in parts")
        ),
        ("weakuaf.lua", .any([5, 6, 7, 8, 9, 10])),
    ]

    /// What an attack may take; under the sanitizers, of threads and of addresses, all is slower.
    private static let budget: Duration =
        CPUClock.isSignalled && ProcessInfo.processInfo.environment["ASAN_OPTIONS"] == nil
        ? .milliseconds(30) : .milliseconds(200)

    /// The stack of Lua takes as much memory as a script may have; at the default that takes longer than a handler may.
    @Test func recursionEndsAtTheQuota() throws {
        try attack("local function f() return 1 + f() end f()", memory: 4 << 20, endsWith: .memory([1]))
    }

    private static func source(_ name: String) throws -> String {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "attacks")
        return try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    /// Runs the body, and expects it to end so, 20 ms of CPU time after its budget at the latest.
    private func attack(_ body: String, memory: Int = 64 << 20, endsWith end: End) throws {
        var limits = ScriptLimits(memory: memory, eventCPU: Self.budget, loadCPU: .seconds(5))
        limits.stuckCPU = .seconds(20)
        let fixture = try Fixture(
            "return { message = function(conn, data) if data == 'run' then \(body)\nend conn:send('alive') end }",
            limits: limits
        )
        var caught: ScriptError?
        do {
            try expectCPUTime(within: .milliseconds(50)) { try fixture.message("run") }
        } catch let error as ScriptError {
            caught = error
        }
        switch end {
        case .deadline(let lines):
            #expect(caught?.kind == .deadline, "\(caught?.message ?? "")")
            #expect(lines.contains(caught?.line ?? 0), "\(caught?.message ?? "")")
        case .memory(let lines):
            #expect(caught?.kind == .memory, "\(caught?.message ?? "")")
            #expect(lines.contains(caught?.line ?? 0), "\(caught?.message ?? "")")
        case .error(let line, let message):
            #expect(caught?.message == "test.lua:\(line): \(message)")
        case .nothing:
            #expect(caught == nil)
        case .any(let lines):
            #expect(caught == nil || lines.contains(caught?.line ?? 0), "\(caught?.message ?? "")")
        }
        try fixture.message()
        #expect(fixture.host.effects.last == "send #1 text alive")
    }

    @Test(arguments: files.indices)
    func filesDoNoHarm(index: Int) throws {
        let (name, end) = Self.files[index]
        // It leaves much garbage, and a collection that the quota demands is short where there is little memory.
        let memory = name == "coescape.lua" ? 8 << 20 : 64 << 20
        try attack(Self.source(name), memory: memory, endsWith: end)
    }

    @Test func everyFileIsHere() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "attacks")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == Self.files.map(\.name))
    }

    /// Faults of Lua 5.4.4 that end the process. Whether the Lua that is installed has them says only the test's output: what
    /// keeps scripts from them is ours.
    @Test(arguments: [
        ("closechain.lua", 1 << 30, "coroutine.close in __close, fixed by 5.4.5"),
        ("weakuaf.lua", 1 << 20, "a weak metatable and a collection that memory forces, fixed by 5.4.8"),
        ("bytecode.lua", 1 << 30, "bytecode that was tampered with, which Lua does not promise to survive"),
    ])
    func saysWhetherLuaStillCrashes(name: String, memory: Int, fault: String) throws {
        let source = try Self.source(name)
        let signal = nj_stock_crash(source, source.utf8.count, memory)
        #expect(signal >= 0)
        print("Lua's \(name): \(signal == 0 ? "no crash" : "signal \(signal)") (\(fault))")
    }
}
