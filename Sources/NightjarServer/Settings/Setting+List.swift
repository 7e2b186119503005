//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

extension Setting {
    /// Several texts, each checked by a function of the setting's own.
    ///
    /// In the file it is a list or one text; in the environment, in arguments and in that one text commas stand between
    /// the elements. Blanks around an element do not count, and no element is empty.
    package struct List: Sendable {
        /// How many elements a list may have.
        static var countLimit: Int { 256 }

        let field: Field<[String]>

        /// What its elements are, in words, in the plural.
        let allowed: String

        /// A list to end a complaint with.
        package let example: String

        /// What would be right instead of one element; nil when it is right.
        private let check: @Sendable (String) -> String?

        package init(
            _ field: Field<[String]>,
            of allowed: String,
            example: String,
            check: @escaping @Sendable (String) -> String?
        ) {
            self.field = field
            self.allowed = allowed
            self.example = example
            self.check = check
        }

        func lifted<Whole: SettingsRoot>(
            to path: any WritableKeyPath<Whole, Root> & Sendable
        ) -> Setting<Whole>.List {
            Setting<Whole>.List(
                self.field.lifted(to: path),
                of: self.allowed,
                example: self.example,
                check: self.check
            )
        }

        /// What is wrong with `text` as a whole list, naming the first wrong element; nil when it is right.
        func complaint(about text: String) -> String? {
            let texts = ValueSyntax.list(text)
            guard texts.count <= Self.countLimit else {
                return "holds \(texts.count) elements, more than \(Self.countLimit)"
            }
            return texts.lazy.compactMap { complaint(aboutElement: $0) }.first
        }

        /// What is wrong with `text` as one element; nil when it is right.
        package func complaint(aboutElement text: String) -> String? {
            let shown = ValueSyntax.shown(text)
            if text.isEmpty { return "holds an empty element: it takes a list of \(allowed), such as `\(example)`" }
            if text.contains(",") { return "cannot hold `\(shown)`: an element has no comma" }
            return check(text).map { "cannot hold `\(shown)`: \($0)" }
        }
    }
}
