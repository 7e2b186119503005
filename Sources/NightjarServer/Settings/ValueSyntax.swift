//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// How values are written in the file, the environment and the arguments.
package enum ValueSyntax {
    private static let sizeUnits: [(name: String, scale: Int)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1),
    ]

    /// Nanoseconds.
    private static let durationUnits: [(name: String, scale: Int)] = [
        ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("", 1_000_000_000),
    ]

    /// `true` or `false`, and what YAML 1.1 and environment variables are used to.
    package static func boolean(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }

    /// Decimal digits with or without a sign.
    package static func integer(_ text: String) -> Int? {
        Int(text)
    }

    /// Bytes: `1024`, `64KiB`, `1MiB`, `2GiB`.
    package static func size(_ text: String) -> Int? {
        for (name, scale) in sizeUnits where text.hasSuffix(name) {
            return scaled(text.dropLast(name.count), by: scale)
        }
        return nil
    }

    /// A time: `10` or `2.5` (seconds), `50ms`, `5s`, `2m`, `1h`.
    package static func duration(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && !$0.isLetter }
        guard let unit = durationUnits.first(where: { $0.name == text.dropFirst(digits.count) }) else { return nil }
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, var nanoseconds = scaled(whole, by: unit.scale) else { return nil }
        if parts.count == 2 {
            // Nine digits are a nanosecond in seconds, and no product of theirs overflows after the division.
            guard parts[1].count <= 9, let fraction = scaled(parts[1], by: 1) else { return nil }
            let denominator = parts[1].reduce(1) { power, _ in power * 10 }
            let (sum, overflow) = nanoseconds.addingReportingOverflow(
                unit.scale / denominator * fraction + unit.scale % denominator * fraction / denominator
            )
            guard !overflow else { return nil }
            nanoseconds = sum
        }
        return .nanoseconds(nanoseconds)
    }

    /// `bytes` in the largest unit that says it exactly.
    package static func text(size bytes: Int) -> String {
        for (name, scale) in sizeUnits where bytes >= scale && bytes % scale == 0 {
            return "\(bytes / scale)\(name)"
        }
        return "\(bytes)"
    }

    /// `duration` in the largest unit that says it exactly, down to milliseconds.
    package static func text(duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        for (name, scale) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, Int64)]
        where milliseconds >= scale && milliseconds % scale == 0 {
            return "\(milliseconds / scale)\(name)"
        }
        return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
    }

    /// A time in seconds as ``duration(_:)`` reads it, to the nanosecond; what it cannot be for a number that is no time.
    package static func text(seconds: Double) -> String {
        guard let nanoseconds = Int(exactly: (seconds * 1e9).rounded()), nanoseconds >= 0 else { return "\(seconds)" }
        let digits = String(nanoseconds % 1_000_000_000)
        let fraction = String(repeating: "0", count: 9 - digits.count) + digits
        return "\(nanoseconds / 1_000_000_000).\(fraction)"
    }

    /// The product of plain decimal digits and `scale`.
    private static func scaled(_ digits: Substring, by scale: Int) -> Int? {
        guard digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let number = Int(digits) else {
            return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: scale)
        return overflow ? nil : product
    }

    /// The elements of a list written with commas, without the blanks around them; empty ones stay, to be refused.
    package static func list(_ text: String) -> [String] {
        let elements = text.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
        return elements == [""] ? [] : elements
    }

    /// A list as ``list(_:)`` reads it.
    package static func text(list: [String]) -> String {
        list.joined(separator: ", ")
    }

    /// A list as YAML's flow sequence; what YAML would take for something else is quoted.
    package static func flow(list: [String]) -> String {
        "[" + list.map { isPlain($0) ? $0 : quoted($0) }.joined(separator: ", ") + "]"
    }

    /// As much of `text` as a complaint shows.
    package static func shown(_ text: String) -> String {
        text.count > 64 ? text.prefix(64) + "…" : text
    }

    /// `text` without the spaces and tabs around it.
    package static func trimmed(_ text: some StringProtocol) -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let start = text.drop(while: isBlank)
        guard let last = start.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(start[...last])
    }

    /// Whether YAML reads `text` in a flow sequence as the text that it is: it begins with a letter, digit or slash, and
    /// has nothing in it that stands for structure.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, isWord(first) || first == UInt8(ascii: "/") else { return false }
        guard text.utf8.last != UInt8(ascii: ":") else { return false }
        return text.utf8.allSatisfy { isWord($0) || "-./:@+~%".utf8.contains($0) }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }
}
