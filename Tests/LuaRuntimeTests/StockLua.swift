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

/// The system's Lua without ours in it.
enum StockLua {
    /// What the chunk returns, as text, or its error.
    static func run(_ source: String, _ input: String = "") -> String {
        var length = 0
        let result = nj_stock_run(source, source.utf8.count, input, input.utf8.count, &length)
        defer { nj_stock_free(result) }
        return String(decoding: UnsafeRawBufferPointer(start: result, count: length), as: UTF8.self)
    }
}

/// Runs a file of `differential` with these arguments (a list of Lua) in both Luas, and compares the lines that it returns.
func expectSame(_ name: String, _ arguments: String = "") throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "differential")
    let file = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    let chunk = "local function run(...)\n\(file)\nend\n"
    let limits = ScriptLimits(memory: 256 << 20, eventCPU: .seconds(60), loadCPU: .seconds(60))
    let fixture = try Fixture("\(chunk)return { message = function() print(run(\(arguments))) end }", limits: limits)
    try fixture.message()
    let logged = try #require(fixture.host.log.last)
    let prefix = logged.prefix { $0 != "#" }.count + "#1 ".count
    let ours = logged.dropFirst(prefix).split(separator: "\n", omittingEmptySubsequences: false)
    let stock = StockLua.run("\(chunk)return run(\(arguments))")
        .split(separator: "\n", omittingEmptySubsequences: false)
    #expect(ours.count == stock.count)
    #expect(ours.count > 50, "\(ours.first ?? "")")
    for (mine, theirs) in zip(ours, stock) where mine != theirs {
        Issue.record("\(name) differs:\n  ours  \(mine)\n  Lua's \(theirs)")
    }
}
