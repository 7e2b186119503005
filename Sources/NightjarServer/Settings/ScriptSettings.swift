//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime

/// The settings in the table that a script returned, read by the same rows as the configuration.
package struct ScriptSettings: Sendable, Equatable {
    /// What is wrong with one setting.
    package struct Problem: Sendable, Equatable, CustomStringConvertible {
        /// As the script has it: whatever it wrote there.
        package let key: String

        /// What is wrong and what would be right.
        package let sentence: String

        package init(key: String, sentence: String) {
            self.key = key
            self.sentence = sentence
        }

        package var description: String { "\(ValueSyntax.shown(self.key)): \(self.sentence)" }
    }

    /// What it sets, by key.
    package private(set) var given: [GivenSetting] = []

    /// Everything that is wrong.
    package private(set) var problems: [Problem] = []

    private let script: String

    /// - Parameters:
    ///   - values: what the script's table has beside handlers.
    ///   - script: its name, such as `chat.lua`.
    package init(_ values: [ScriptSetting], of script: String) {
        self.script = script
        let byKey = Dictionary(grouping: values, by: \.key).sorted { $0.key < $1.key }
        for (key, values) in byKey {
            self.take(values.sorted { ($0.index ?? 0) < ($1.index ?? 0) }, key: key)
        }
    }

    private mutating func take(_ values: [ScriptSetting], key: String) {
        guard let first = values.first else { return }
        guard let setting = RouteSettings.table[key] else {
            if RouteSettings.table.isSection(key) {
                guard first.value != .emptyTable else { return }
                let shown = first.index == nil ? first.value.shown : "a list"
                let example = Self.names(below: key).first ?? ""
                return self.report(key, "cannot be \(shown): its settings stand in a table, as { \(example) = ... }")
            }
            return self.report(key, self.unknown(key))
        }
        if let reason = RouteSettings.notInScripts[key] {
            return self.report(key, "cannot be set by a script: \(reason)")
        }
        if case .list(let list) = setting.kind, first.index != nil {
            self.take(list: values, for: setting, list)
        } else if first.index != nil {
            self.report(key, "cannot be a list: \(setting.hint(in: .lua))")
        } else if let text = setting.text(of: first.value) {
            self.take(text, for: setting, shown: first.value.shown)
        } else {
            self.report(key, "cannot be \(first.value.shown): \(setting.hint(in: .lua))")
        }
    }

    private mutating func take(
        list values: [ScriptSetting],
        for setting: Setting<RouteConfiguration>,
        _ list: Setting<RouteConfiguration>.List
    ) {
        var elements: [String] = []
        for (place, element) in values.enumerated() {
            guard element.index == place + 1 else {
                return self.report(setting.key, "has no element \(place + 1): a list has no gaps")
            }
            guard case .string(let text) = element.value else {
                return self.report(setting.key, "cannot hold \(element.value.shown): \(setting.hint(in: .lua))")
            }
            let trimmed = ValueSyntax.trimmed(text)
            if let complaint = list.complaint(aboutElement: trimmed) {
                return self.report(setting.key, complaint)
            }
            elements.append(trimmed)
        }
        self.take(ValueSyntax.text(list: elements), for: setting, shown: "this list")
    }

    private mutating func take(_ text: String, for setting: Setting<RouteConfiguration>, shown: String) {
        var scratch = RouteConfiguration()
        if setting.set(text, in: &scratch) {
            self.given.append(GivenSetting(key: setting.key, text: text, place: self.script))
        } else if case .list(let list) = setting.kind, let complaint = list.complaint(about: text) {
            self.report(setting.key, complaint)
        } else {
            self.report(setting.key, "cannot be \(shown): \(setting.hint(in: .lua))")
        }
    }

    private mutating func report(_ key: String, _ sentence: String) {
        self.problems.append(Problem(key: key, sentence: sentence))
    }

    private func unknown(_ key: String) -> String {
        let table = RouteSettings.table
        let dot = key.lastIndex(of: ".")
        let section = dot.map { String(key[..<$0]) } ?? ""
        let name = dot.map { String(key[key.index(after: $0)...]) } ?? key
        if table[section] != nil {
            return "unknown setting: \(section) holds a value and no table of settings"
        }
        // A section that is mistyped, a right key in the wrong one, a key that is mistyped.
        if let nearest = Nearest.name(to: section, among: table.names(below: "")), table["\(nearest).\(name)"] != nil {
            return "unknown setting: did you mean \(nearest).\(name)?"
        }
        if let key = table[name] != nil ? name : table.key(endingIn: name) {
            return "unknown setting: did you mean \(key)?"
        }
        if let nearest = Nearest.name(to: name, among: Self.names(below: section)) {
            return "unknown setting: did you mean \(section.isEmpty ? "" : section + ".")\(nearest)?"
        }
        let names = Self.names(below: table.isSection(section) ? section : "").joined(separator: ", ")
        return "unknown setting: there are \(names); what is the script's own begins with `_`"
    }

    /// The names of a section that a script may give.
    private static func names(below section: String) -> [String] {
        RouteSettings.table.names(below: section).filter { RouteSettings.notInScripts["\(section).\($0)"] == nil }
    }
}

extension Setting {
    /// The text that `value` stands for; nil when it is of a type that this setting does not take.
    fileprivate func text(of value: ScriptSetting.Value) -> String? {
        switch (self.kind, value) {
        case (.boolean, .boolean(let value)):
            value ? "true" : "false"
        case (.string, .string(let text)), (.file, .string(let text)), (.size, .string(let text)),
            (.duration, .string(let text)), (.choice, .string(let text)), (.admin, .string(let text)),
            (.list, .string(let text)):
            text
        case (.integer, .integer(let number)), (.size, .integer(let number)), (.choice, .integer(let number)),
            (.duration, .integer(let number)):
            String(number)
        case (.integer, .number(let number)), (.size, .number(let number)), (.choice, .number(let number)):
            Int(exactly: number).map(String.init)
        case (.duration, .number(let seconds)):
            ValueSyntax.text(seconds: seconds)
        case (.list, .emptyTable):
            ""
        default:
            nil
        }
    }
}

extension ScriptSetting.Value {
    /// The value as a complaint shows it.
    fileprivate var shown: String {
        switch self {
        case .boolean(let value): "`\(value)`"
        case .integer(let number): "`\(number)`"
        case .number(let number): "`\(number)`"
        case .string(let text): "`\"\(ValueSyntax.shown(text))\"`"
        case .emptyTable: "a table"
        case .other(let type): "a \(type)"
        }
    }
}
