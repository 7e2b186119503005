//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What settings are values of; a new one has the defaults.
package protocol SettingsRoot: Sendable {
    init()
}

/// One thing that can be set: a key, what it may hold, where its value lives, and a sentence about it.
///
/// The configuration file, the environment, arguments and the tables of scripts are all read by these.
package struct Setting<Root: SettingsRoot>: Sendable {
    /// Where a value lives; the default is what stands there in a new root.
    package struct Field<Value: Sendable>: Sendable {
        let get: @Sendable (Root) -> Value
        let set: @Sendable (inout Root, Value) -> Void

        package static func at(_ path: any WritableKeyPath<Root, Value> & Sendable) -> Self {
            Self(get: { $0[keyPath: path] }, set: { $0[keyPath: path] = $1 })
        }
    }

    /// What a value may be.
    package enum Kind: Sendable {
        /// From one byte to so many.
        case string(Field<String>, atMost: Int = 4096)
        /// The path of a file, or nothing.
        case file(Field<String>)
        case boolean(Field<Bool>)
        case integer(Field<Int>, ClosedRange<Int>)
        /// Bytes.
        case size(Field<Int>, ClosedRange<Int>)
        case duration(Field<Duration>, ClosedRange<Duration>)
        case choice(Choice)
        case admin(Field<AdminAddress>)
        case list(List)

        /// A choice between the cases of an enumeration.
        package static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
            _ field: Field<Value>
        ) -> Kind {
            .choice(
                Choice(
                    names: Value.allCases.map(\.rawValue),
                    get: { field.get($0).rawValue },
                    set: { root, name in
                        guard let value = Value(rawValue: name) else { return false }
                        field.set(&root, value)
                        return true
                    }
                )
            )
        }
    }

    /// One of a few names.
    package struct Choice: Sendable {
        package let names: [String]
        let get: @Sendable (Root) -> String
        let set: @Sendable (inout Root, String) -> Bool
    }

    /// The key in the file, its sections joined by dots: `limits.message`.
    package let key: String
    package let kind: Kind

    /// What it does, in one sentence.
    package let summary: String

    package init(_ key: String, _ kind: Kind, _ summary: String) {
        self.key = key
        self.kind = kind
        self.summary = summary
    }

    /// The value in `root`, as it is written in arguments and variables.
    package func text(in root: Root) -> String {
        switch self.kind {
        case .string(let field, _), .file(let field): field.get(root)
        case .boolean(let field): field.get(root) ? "true" : "false"
        case .integer(let field, _): String(field.get(root))
        case .size(let field, _): ValueSyntax.text(size: field.get(root))
        case .duration(let field, _): ValueSyntax.text(duration: field.get(root))
        case .choice(let choice): choice.get(root)
        case .admin(let field): field.get(root).description
        case .list(let list): ValueSyntax.text(list: list.field.get(root))
        }
    }

    /// The value in `root`, as it is written in the file.
    package func fileText(in root: Root) -> String {
        switch self.kind {
        case .list(let list): ValueSyntax.flow(list: list.field.get(root))
        case .string(let field, _) where field.get(root).isEmpty: "\"\""
        case .file(let field) where field.get(root).isEmpty: "\"\""
        default: self.text(in: root)
        }
    }

    /// The value in `root` if it is a size.
    package func bytes(in root: Root) -> Int? {
        if case .size(let field, _) = self.kind { field.get(root) } else { nil }
    }

    /// Sets the value that `text` means.
    ///
    /// - Returns: `false` when `text` is no such value or lies out of range; nothing is changed then.
    package func set(_ text: String, in root: inout Root) -> Bool {
        func store<Value>(_ value: Value?, _ field: Field<Value>, if isAllowed: (Value) -> Bool) -> Bool {
            guard let value, isAllowed(value) else { return false }
            field.set(&root, value)
            return true
        }
        return switch self.kind {
        case .string(let field, let limit):
            store(text, field) { 1...limit ~= $0.utf8.count && !$0.utf8.contains(0) }
        case .file(let field): store(text, field) { !$0.utf8.contains(0) }
        case .boolean(let field): store(ValueSyntax.boolean(text), field) { _ in true }
        case .integer(let field, let range): store(ValueSyntax.integer(text), field, if: range.contains)
        case .size(let field, let range): store(ValueSyntax.size(text), field, if: range.contains)
        case .duration(let field, let range): store(ValueSyntax.duration(text), field, if: range.contains)
        case .choice(let choice): choice.set(&root, text)
        case .admin(let field): store(AdminAddress(text), field) { _ in true }
        case .list(let list):
            store(ValueSyntax.list(text), list.field) { _ in list.complaint(about: text) == nil }
        }
    }
}

extension Setting {
    /// The same setting as a part of something larger.
    package func lifted<Whole: SettingsRoot>(
        to path: any WritableKeyPath<Whole, Root> & Sendable
    ) -> Setting<Whole> {
        let kind: Setting<Whole>.Kind =
            switch self.kind {
            case .string(let field, let limit): .string(field.lifted(to: path), atMost: limit)
            case .file(let field): .file(field.lifted(to: path))
            case .boolean(let field): .boolean(field.lifted(to: path))
            case .integer(let field, let range): .integer(field.lifted(to: path), range)
            case .size(let field, let range): .size(field.lifted(to: path), range)
            case .duration(let field, let range): .duration(field.lifted(to: path), range)
            case .choice(let choice):
                .choice(
                    Setting<Whole>.Choice(
                        names: choice.names,
                        get: { choice.get($0[keyPath: path]) },
                        set: { choice.set(&$0[keyPath: path], $1) }
                    )
                )
            case .admin(let field): .admin(field.lifted(to: path))
            case .list(let list): .list(list.lifted(to: path))
            }
        return Setting<Whole>(self.key, kind, self.summary)
    }
}

extension Setting.Field {
    func lifted<Whole: SettingsRoot>(
        to path: any WritableKeyPath<Whole, Root> & Sendable
    ) -> Setting<Whole>.Field<Value> {
        Setting<Whole>.Field(
            get: { self.get($0[keyPath: path]) },
            set: { self.set(&$0[keyPath: path], $1) }
        )
    }
}
