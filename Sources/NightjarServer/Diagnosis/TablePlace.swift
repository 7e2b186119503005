//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime

/// Where in a script the key of the table that it returns is defined.
enum TablePlace {
    /// The key that a message is about, which may be one of `on` or of a section of settings.
    static func range(of message: String, in text: LuaText) -> Range<Int>? {
        if message.hasPrefix("a script must return") { return Self.lastReturn(in: text) }
        if message.hasPrefix("\"") || message.contains("key of the returned table: \"") {
            return message.quoted("\"").flatMap { Self.range(ofKey: $0, in: text) }
        }
        guard let end = message.firstIndex(of: ":"), message[end...].hasPrefix(": the keys in it must be") else {
            return nil
        }
        return Self.range(ofKey: String(message[..<end]), in: text)
    }

    /// What to do about a table that is not there.
    static func help(for message: String, in text: LuaText) -> String? {
        guard message.hasPrefix("a script must return"), message.hasSuffix(" nil"), Self.lastReturn(in: text) == nil
        else {
            return nil
        }
        // `local chat = {`
        let table = text.tokens.indices.first { index in
            text.word(index) == "local" && text.word(index + 2) == "=" && text.word(index + 3) == "{"
        }
        return "end the file with `return \(table.flatMap { text.word($0 + 1) } ?? "{ … }")`"
    }

    /// Where `limits.rate` is defined: as `rate` in the braces behind `limits =`, as `….limits.rate =`, or as a function of that
    /// name; nil when that is nowhere, or in several places.
    static func range(ofKey key: String, in text: LuaText) -> Range<Int>? {
        let parts = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.last else { return nil }
        let owner = parts.count > 1 ? parts[parts.count - 2] : nil
        // What each open brace belongs to.
        var owners: [String?] = []
        var places: [(range: Range<Int>, depth: Int)] = []
        for (index, token) in text.tokens.enumerated() {
            if token.kind == .symbol {
                switch text.text(token.range) {
                case "{": owners.append(text.word(index - 1) == "=" ? Self.key(before: index - 1, in: text) : nil)
                case "}": _ = owners.popLast()
                default: break
                }
            } else if Self.isKey(index, name, in: text) {
                let isField = text.word(index - 1) == "." || text.word(index - 1) == ":"
                let actual = isField ? text.word(index - 2) : owners.last ?? nil
                guard owner == nil || actual == owner else { continue }
                places.append((token.range, isField ? 0 : owners.count))
            }
        }
        let least = places.map(\.depth).min()
        let outermost = places.filter { $0.depth == least }
        return outermost.count == 1 ? outermost.first?.range : nil
    }

    /// Whether something is defined there under that name.
    private static func isKey(_ index: Int, _ name: String, in text: LuaText) -> Bool {
        let (before, after) = (text.word(index - 1), text.word(index + 1))
        if text.tokens[index].kind == .string {
            return before == "[" && after == "]" && text.word(index + 2) == "="
                && text.content(ofString: text.tokens[index]) == name
        }
        guard text.tokens[index].kind == .name, text.word(index) == name else { return false }
        switch before {
        case "{", ",", ";": return after == "="
        case ".", ":": return after == "=" || (after == "(" && Self.isFunctionName(index, in: text))
        default: return false
        }
    }

    /// Whether `function a.b.` stands before it.
    private static func isFunctionName(_ index: Int, in text: LuaText) -> Bool {
        var index = index
        while text.word(index - 1) == "." || text.word(index - 1) == ":" { index -= 2 }
        return text.word(index - 1) == "function"
    }

    /// The key or variable before the `=` at that place.
    private static func key(before index: Int, in text: LuaText) -> String? {
        guard index > 0 else { return nil }
        if text.word(index - 1) == "]", index > 1, text.tokens[index - 2].kind == .string {
            return text.content(ofString: text.tokens[index - 2])
        }
        return text.tokens[index - 1].kind == .name ? text.word(index - 1) : nil
    }

    /// The `return` at the end of the file.
    private static func lastReturn(in text: LuaText) -> Range<Int>? {
        guard let place = text.tokens.lastIndex(where: { $0.kind == .keyword && text.text($0.range) == "return" })
        else {
            return nil
        }
        // One inside of a function has its `end` behind it.
        let isInside = text.tokens[place...].contains { $0.kind == .keyword && text.text($0.range) == "end" }
        return isInside ? nil : text.tokens[place].range
    }
}
