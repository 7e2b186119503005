//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging

/// The format for people: `2026-11-22T13:51:07.123Z info     a client connected route=chat id=17`.
struct LogText {
    var isTerminal: Bool
    var isColoured: Bool

    /// Appends `entry` without its last line feed.
    func append(_ entry: LogEntry, to bytes: inout [UInt8]) {
        paint("2", &bytes) { entry.time.append(to: &$0) }
        bytes.append(UInt8(ascii: " "))
        let level = entry.level.rawValue
        paint(Self.colour(of: entry.level), &bytes) { $0.append(contentsOf: level.utf8) }
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(1, 9 - level.utf8.count)))
        LogEscape.append(entry.message, limit: LogEntry.messageLimit, to: &bytes)

        let fields = entry.sortedFields
        for (key, value) in fields where !isBlock(key) {
            bytes.append(UInt8(ascii: " "))
            paint("2", &bytes) {
                LogEscape.append(key, limit: LogEntry.fieldLimit, to: &$0)
                $0.append(UInt8(ascii: "="))
            }
            let text = "\(value)"
            let isQuoted = Self.needsQuotes(text)
            if isQuoted { bytes.append(UInt8(ascii: "\"")) }
            LogEscape.append(text, limit: LogEntry.limit(of: key), isQuoted: isQuoted, to: &bytes)
            if isQuoted { bytes.append(UInt8(ascii: "\"")) }
        }
        for (key, value) in fields where isBlock(key) {
            appendBlock("\(value)", limit: LogEntry.limit(of: key), to: &bytes)
        }
    }

    private func isBlock(_ key: String) -> Bool {
        isTerminal && LogEntry.blocks.contains(key)
    }

    private func appendBlock(_ text: String, limit: Int, to bytes: inout [UInt8]) {
        var rest = limit
        for line in text.split(separator: "\n") {
            bytes.append(contentsOf: "\n    ".utf8)
            guard rest > 0 else { return bytes.append(contentsOf: "…".utf8) }
            // Tracebacks and Lua sources are indented with tabs.
            let content = line.drop { $0 == "\t" }
            bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: min(32, 4 * (line.count - content.count))))
            LogEscape.append(String(content), limit: rest, to: &bytes)
            rest -= line.utf8.count
        }
    }

    /// Runs `body` between the escape sequences of a colour, where the terminal shows colours.
    private func paint(_ code: String, _ bytes: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
        guard isColoured else { return body(&bytes) }
        bytes.append(contentsOf: "\u{1b}[\(code)m".utf8)
        body(&bytes)
        bytes.append(contentsOf: "\u{1b}[0m".utf8)
    }

    private static func colour(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "2"
        case .info: "32"
        case .notice: "36"
        case .warning: "33"
        case .error: "31"
        case .critical: "1;31"
        }
    }

    private static func needsQuotes(_ text: String) -> Bool {
        text.isEmpty
            || text.unicodeScalars.contains {
                $0 == " " || $0 == "=" || $0 == "\"" || $0 == "\\" || LogEscape.isControl($0)
            }
    }
}
