//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NightjarServer

/// What is printed when the server has started.
package enum StartText {
    /// Name, version, address, the routes with their URLs, and the console's if there is one.
    package static func text(
        address: String,
        routes: [(path: String, url: String, script: String)],
        console: String? = nil,
        isTerminal: Bool
    ) -> String {
        let rows = routes.map { [$0.path, $0.url, $0.script].map(LogEscape.escaped) }
        let widths = (0..<2).map { column in rows.map { $0[column].count }.max() ?? 0 }
        var lines = ["Nightjar \(NightjarVersion.current) on \(address)", ""]
        for row in rows {
            lines.append("  \(pad(row[0], to: widths[0]))  \(pad(row[1], to: widths[1]))  \(row[2])")
        }
        if rows.isEmpty { lines.append("  no routes") }
        if let console { lines += ["", "The console is at \(console)"] }
        if isTerminal { lines += ["", "Press Ctrl-C to stop."] }
        return (lines + ["", ""]).joined(separator: "\n")
    }

    private static func pad(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
