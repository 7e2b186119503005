//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// How values are written where somebody gave one.
package enum SettingNotation: Sendable {
    /// Arguments, the environment and the file.
    case configuration
    /// The table that a script returns.
    case lua
}

extension Setting {
    /// What it accepts, in words.
    package var allowed: String { self.allowed(in: .configuration) }

    /// What it accepts, with an example where that says more, to end a complaint with.
    package var hint: String { self.hint(in: .configuration) }

    /// Why ``set(_:in:)`` refuses `text`, and what it takes.
    package func complaint(about text: String) -> String {
        if case .list(let list) = self.kind, let complaint = list.complaint(about: text) {
            complaint
        } else {
            "cannot be `\(ValueSyntax.shown(text))`: \(self.hint)"
        }
    }

    private func allowed(in notation: SettingNotation) -> String {
        switch self.kind {
        case .string(_, let limit):
            limit < 4096 ? "a text of at most \(limit) bytes that is not empty" : "a text that is not empty"
        case .file:
            "the path of a file, or nothing"
        case .boolean:
            "`true` or `false`"
        case .integer(_, let range):
            "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .size(_, let range):
            "a size from \(ValueSyntax.text(size: range.lowerBound)) to \(ValueSyntax.text(size: range.upperBound))"
        case .duration(_, let range):
            "a time from \(ValueSyntax.text(duration: range.lowerBound)) to "
                + ValueSyntax.text(duration: range.upperBound)
        case .choice(let choice):
            "one of " + choice.names.map(notation.quoted).joined(separator: ", ")
        case .admin:
            "`auto`, `off`, `unix:PATH`, or a loopback address and a port (it has no password, so none from outside)"
        case .list(let list):
            "a list of \(list.allowed)"
        }
    }

    func hint(in notation: SettingNotation) -> String {
        let allowed = self.allowed(in: notation)
        let example: String? =
            switch self.kind {
            case .boolean, .choice, .file: nil
            case .admin: "127.0.0.1:9090"
            case .list(let list): list.example
            default: self.text(in: Root())
            }
        guard let example, !example.isEmpty else { return "it takes \(allowed)" }
        return "it takes \(allowed), such as " + self.written(example, in: notation)
    }

    /// `text`, a value of this setting, as somebody would write it.
    private func written(_ text: String, in notation: SettingNotation) -> String {
        switch (notation, self.kind) {
        case (.configuration, _), (.lua, .boolean), (.lua, .integer): "`\(text)`"
        case (.lua, .list): "`{ " + ValueSyntax.list(text).map { "\"\($0)\"" }.joined(separator: ", ") + " }`"
        case (.lua, _): "`\"\(text)\"`"
        }
    }
}

extension SettingNotation {
    /// One of a choice's names. Of Lua's numbers some are names too.
    fileprivate func quoted(_ name: String) -> String {
        self == .lua && Int(name) == nil ? "`\"\(name)\"`" : "`\(name)`"
    }
}
