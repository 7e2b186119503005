//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import NightjarServer
import Testing
import WebSocketCore
import nightjar

/// Holds `docs/limits.md` against the limits, the schema and the metrics.
struct LimitTableTests {
    private static func text() throws -> String {
        let root = URL(filePath: #filePath).appending(path: "../../../..").standardized
        return try String(contentsOf: root.appending(path: "docs/limits.md"), encoding: .utf8)
    }

    /// The lines of the table whose head begins with `first`, without that head.
    private static func rows(of first: String) throws -> [String] {
        let lines = try Self.text().split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex { $0.hasPrefix("| \(first) |") })
        return lines[(start + 2)...].prefix { $0.hasPrefix("| ") }.map(String.init)
    }

    @Test func hasARowForEachLimitWithItsSettingsAndOutcome() throws {
        let rows = try Self.rows(of: "label")
        try #require(rows.count == Limit.allCases.count)
        for (row, limit) in zip(rows, Limit.allCases) {
            let settings = try limit.settings.map { try #require(Schema.setting($0), "no setting \($0)") }
            let defaults = settings.map { "`\($0.key)` \($0.text(in: NightjarConfiguration()))" }
            let scopes = Set(settings.map { $0.isPerRoute ? "route" : "server" })
            try #require(scopes.count <= 1)
            let scope = scopes.first ?? ([.ignoredInput, .versions].contains(limit) ? "fixed" : "system")
            let value = defaults.isEmpty ? "—" : defaults.joined(separator: ", ")
            let start = "| `\(limit.label)` | \(value) | \(scope) | \(Self.text(limit.outcome)) | "
            #expect(row.hasPrefix(start), "docs/limits.md wants the row: \(start)")
            #expect(row.split(separator: " | ").count == 6)
        }
    }

    /// Every setting below `limits` is told of.
    @Test func namesEverySetting() throws {
        let text = try Self.text()
        let keys = Schema.settings.map(\.key).filter { $0.hasPrefix("limits.") }
        for key in keys + ["slow", "keep_alive.interval", "keep_alive.timeout", "admin"] {
            #expect(text.contains("`\(key)`"), "docs/limits.md does not tell of `\(key)`")
        }
    }

    @Test func quotesWhatIsOnTheWire() throws {
        let rows = try Self.rows(of: "label")
        let route = RouteConfiguration()
        let violations: [ProtocolViolation] = [
            .messageTooBig(limit: route.messageBytes), .tooManyFragments(limit: route.messageFragments),
            .messageTooSlow(limit: route.messageTime), .tooManyControlFrames(limit: route.controlFrames),
            .inflaterUnavailable,
        ]
        for violation in violations {
            let limit = try #require(violation.limit)
            let row = try #require(rows.first { $0.hasPrefix("| `\(limit.label)` |") })
            #expect(row.contains("| \(violation.sentence) |"))
        }
    }

    @Test func listsEveryCounter() throws {
        let names = try Self.rows(of: "metric").map { $0.split(separator: "`")[1] }.map(String.init)
        #expect(Array(names.prefix(Counter.families.count)) == Counter.families.map(\.name))
        #expect(Set(names).count == names.count)
    }

    private static func text(_ outcome: Limit.Outcome) -> String {
        switch outcome {
        case .close(let code): "close \(code.rawValue)"
        case .drop: "drop"
        case .reset(let code): "reset, \(code.rawValue) to the script"
        case .refuse(let status): "HTTP \(status)"
        case .pause: "pause"
        case .discard: "frame dropped"
        case .error: "error"
        case .answer: "answer"
        }
    }
}
