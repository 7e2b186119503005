//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime

/// What an error at run time means in its line: the name that Lua's message tells.
struct RuntimePlace {
    private(set) var range: Range<Int>?
    private(set) var help: String?

    /// What a name stands for.
    private enum Role {
        case variable
        case field
        case method
        case any
    }

    /// Names that stand for nothing in Lua, and what its authors meant by them.
    private static let foreign = [
        "null": "nil", "None": "nil", "undefined": "nil", "True": "true", "False": "false", "console": "print",
        "printf": "ws.log.info", "this": "a variable of your own",
    ]

    private static let globals = [
        "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawlen",
        "rawset", "require", "select", "setmetatable", "tonumber", "tostring", "type", "xpcall", "coroutine", "math",
        "os",
        "string", "table", "utf8", "ws", "nil", "true", "false",
        // `retrun {}` is a call of something that is not there.
        "return", "local", "function", "elseif", "until", "while", "repeat",
    ]

    init(_ message: String, line: Int, in text: LuaText) {
        guard let (name, role) = Self.name(in: message) else { return }
        self.range = Self.range(of: name, role: role, in: text, line: line, message: message)
        guard message.hasSuffix("(global '\(name)')") || message.hasPrefix("undefined global") else {
            if message.hasPrefix("attempt to call a nil value"), role == .field || role == .method {
                self.help = Self.nearest(to: name, among: Self.fields(of: text)).map { "did you mean `\($0)`?" }
            }
            return
        }
        if let meant = Self.foreign[name] {
            self.help = "Lua has no `\(name)`: write `\(meant)`"
        } else if let nearest = Self.nearest(to: name, among: Self.globals + Self.variables(of: text)) {
            self.help = "did you mean `\(nearest)`?"
        } else {
            self.help = "nothing is called `\(name)` here: define it above as `local \(name)`, or require its module"
        }
    }

    /// The name that a message is about.
    private static func name(in message: String) -> (String, Role)? {
        let roles: [(String, Role)] = [
            ("local", .variable), ("upvalue", .variable), ("global", .variable), ("field", .field), ("method", .method),
            ("constant", .any),
        ]
        if message.hasSuffix("')"), let open = message.range(ofLast: " ("),
            let (word, role) = roles.first(where: { message[open.upperBound...].hasPrefix($0.0 + " '") })
        {
            let start = message.index(open.upperBound, offsetBy: word.count + 2)
            return (String(message[start...].dropLast(2)), role)
        }
        for (beginning, end, role) in [
            ("undefined global '", "'", Role.variable), ("new global '", "'", .variable),
            ("require: no module '", "'", .any), ("require: '", "'", .any),
        ] where message.hasPrefix(beginning) {
            return (String(message.dropFirst(beginning.count).prefix { String($0) != end }), role)
        }
        if message.contains("unknown "), let quoted = message.quoted("\"") { return (quoted, .any) }
        if message.hasPrefix("bad argument #"), let quoted = message.quoted("'") { return (quoted, .any) }
        return nil
    }

    /// Where the name stands in its line; nil when that is not certain.
    private static func range(of name: String, role: Role, in text: LuaText, line: Int, message: String) -> Range<Int>?
    {
        var places = text.tokens.indices.filter { index in
            let token = text.tokens[index]
            guard token.line == line else { return false }
            switch token.kind {
            case .name: return text.word(index) == name && fits(index, role, in: text)
            case .string: return role != .variable && text.content(ofString: token) == name
            default: return false
            }
        }
        let followers: Set<String>? =
            if message.hasPrefix("attempt to call") {
                ["(", "{"]
            } else if message.hasPrefix("attempt to index") {
                [".", ":", "["]
            } else if message.hasPrefix("new global") {
                ["=", ","]
            } else {
                nil
            }
        if let followers, places.count > 1 {
            places = places.filter { index in text.word(index + 1).map { followers.contains($0) } ?? false }
        }
        // Of one variable the first is as good as any: it is what it is at each of them.
        guard places.count == 1 || role == .variable, let place = places.first else { return nil }
        return text.tokens[place].range
    }

    private static func fits(_ index: Int, _ role: Role, in text: LuaText) -> Bool {
        let before = text.word(index - 1)
        return switch role {
        case .variable: before != "." && before != ":"
        case .field: before == "." || before == "function" || text.word(index + 1) == "="
        case .method: before == ":"
        case .any: true
        }
    }

    private static func variables(of text: LuaText) -> [String] {
        Self.names(of: text) { $0 != "." && $0 != ":" }
    }

    private static func fields(of text: LuaText) -> [String] {
        Self.names(of: text) { $0 == "." || $0 == ":" || $0 == "{" || $0 == "," }
    }

    private static func names(of text: LuaText, where isBehind: (String) -> Bool) -> [String] {
        var names: Set<String> = []
        for (index, token) in text.tokens.enumerated() where token.kind == .name && isBehind(text.word(index - 1) ?? "")
        {
            names.insert(text.text(token.range))
        }
        return names.sorted()
    }

    /// Of names with one or two letters any is near; and what is long is no slip, and takes long to compare.
    private static func nearest(to name: String, among names: [String]) -> String? {
        func isComparable(_ name: String) -> Bool { 3...64 ~= name.utf8.count }
        guard isComparable(name) else { return nil }
        return Nearest.name(to: name, among: names.filter { $0 != name && isComparable($0) })
    }
}

extension String {
    /// The last place of `text`.
    fileprivate func range(ofLast text: String) -> Range<Index>? {
        var end = self.endIndex
        while end > self.startIndex {
            if self[..<end].hasSuffix(text) { return self.index(end, offsetBy: -text.count)..<end }
            end = self.index(before: end)
        }
        return nil
    }

    /// What stands between the first two of these quotes.
    func quoted(_ quote: Character) -> String? {
        let parts = self.split(separator: quote, maxSplits: 2, omittingEmptySubsequences: false)
        return parts.count == 3 ? String(parts[1]) : nil
    }
}
