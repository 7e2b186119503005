//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// All the settings that may stand in one place, found by their keys.
package struct SettingTable<Root: SettingsRoot>: Sendable {
    /// In the order of the file; those of one section stand together.
    package let settings: [Setting<Root>]

    private let byKey: [String: Setting<Root>]

    /// - Parameter settings: of different keys. Those of a section that is there already are put behind the rest of it.
    package init(_ settings: [Setting<Root>]) {
        var sorted: [Setting<Root>] = []
        for setting in settings {
            let section = Self.section(of: setting.key)
            let last = section.isEmpty ? nil : sorted.lastIndex { Self.section(of: $0.key) == section }
            sorted.insert(setting, at: last.map { $0 + 1 } ?? sorted.endIndex)
        }
        self.settings = sorted
        self.byKey = Dictionary(uniqueKeysWithValues: settings.map { ($0.key, $0) })
    }

    package subscript(_ key: String) -> Setting<Root>? {
        self.byKey[key]
    }

    /// Whether keys stand below `key`.
    package func isSection(_ key: String) -> Bool {
        self.settings.contains { $0.key.hasPrefix(key + ".") }
    }

    /// The names that may stand in the section `key`, or at the top.
    package func names(below key: String) -> [String] {
        let prefix = key.isEmpty ? "" : key + "."
        var names: [String] = []
        for setting in self.settings where setting.key.hasPrefix(prefix) {
            let name = String(setting.key.dropFirst(prefix.count).prefix { $0 != "." })
            if names.last != name { names.append(name) }
        }
        return names
    }

    /// The key that ends in `name` and stands in another section.
    package func key(endingIn name: String) -> String? {
        self.settings.first { $0.key.hasSuffix(".\(name)") }?.key
    }

    /// `limits` of `limits.message`; empty for a key at the top.
    private static func section(of key: String) -> Substring {
        key.lastIndex(of: ".").map { key[..<$0] } ?? ""
    }
}
