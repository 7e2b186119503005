//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The Prometheus text format, version 0.0.4.
package struct MetricsText {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package private(set) var text = ""

    package init() {}

    /// Appends every counter, added up over all event loops.
    package mutating func append(_ counters: [Counters]) {
        for family in Counter.families {
            self.begin(family.name, family.isGauge ? "gauge" : "counter", family.help)
            for (value, counter) in family.series {
                let sum = counters.reduce(0) { $0 &+ $1[counter] }
                // One loop may have counted an end before another's beginning is seen.
                self.append(family.name, family.label.map { ($0, value) }, family.isGauge ? max(sum, 0) : sum)
            }
        }
    }

    /// Appends a value that can go down.
    package mutating func append(gauge name: String, _ help: String, label: (String, String)? = nil, _ value: Int) {
        self.begin(name, "gauge", help)
        self.append(name, label, value)
    }

    /// Appends values that can go down, one for each value of a label that the operator has given.
    package mutating func append(gauges name: String, _ help: String, by label: String, _ values: [String: Int]) {
        self.begin(name, "gauge", help)
        for (value, gauge) in values.sorted(by: { $0.key < $1.key }) {
            self.append(name, (label, value), gauge)
        }
    }

    /// Appends a value that only grows.
    package mutating func append(counter name: String, _ help: String, _ value: Int) {
        self.begin(name, "counter", help)
        self.append(name, nil, value)
    }

    private mutating func begin(_ name: String, _ type: String, _ help: String) {
        self.text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(type)\n"
    }

    private mutating func append(_ name: String, _ label: (name: String, value: String)?, _ value: Int) {
        let labels = label.map { "{\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"}" } ?? ""
        self.text += "\(name)\(labels) \(value)\n"
    }

    /// A help text or a label's value: `\`, line feeds, and in values `"`.
    package static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
