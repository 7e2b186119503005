//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime

/// What an error of Lua's compiler means: the word that it complains of, what that belongs to, and what was probably meant.
struct SyntaxPlace {
    private(set) var range: Range<Int>?
    private(set) var notes: [Diagnosis.Note] = []
    private(set) var help: String?

    init(_ message: String, line: Int, in text: LuaText) {
        self.range = Self.range(of: message, line: line, in: text)
        if let opener = Self.opener(in: message) {
            self.note("`\(opener.word)` stands here", word: opener.word, line: opener.line, in: text)
        }
        if message.hasPrefix("'end' expected"), let culprit = Self.unclosedBlock(in: text),
            culprit.line != self.notes.first?.line
        {
            let word = text.text(culprit.range)
            self.note("by its indentation this has no `end` of its own", word: word, line: culprit.line, in: text)
        }
        if let range, let index = text.tokens.firstIndex(where: { $0.range.upperBound >= range.upperBound }) {
            self.help = Self.help(for: message, at: index, in: text)
        }
    }

    private mutating func note(_ message: String, word: String, line: Int, in text: LuaText) {
        let places = text.tokens.filter { $0.line == line && text.text($0.range) == word }
        let range = places.count == 1 ? places.first?.range : nil
        self.notes.append(
            Diagnosis.Note(
                line: line,
                column: range.map { text.column(of: $0.lowerBound) },
                message: message,
                excerpt: SourceExcerpt(line: line, of: text, marked: range)
            )
        )
    }

    /// The word behind `near` in the message, in the text.
    private static func range(of message: String, line: Int, in text: LuaText) -> Range<Int>? {
        if message.hasSuffix("<eof>") {
            guard let place = text.line(line), let last = text.tokens.last?.range.upperBound else { return nil }
            return place.contains(last - 1) ? last..<last : nil
        }
        guard let end = text.endOfSyntaxError() else { return nil }
        let range: Range<Int>
        if let token = text.tokens.first(where: { $0.range.upperBound == end }) {
            range = token.range
        } else if let token = text.tokens.first(where: { $0.range.contains(max(0, end - 1)) }) {
            // Inside of a string or number: up to where it went wrong.
            range = token.range.lowerBound..<end
        } else {
            range = max(0, end - 1)..<end
        }
        return text.lineNumber(of: range.lowerBound) == line ? range : nil
    }

    /// What `(to close 'function' at line 3)` names.
    private static func opener(in message: String) -> (word: String, line: Int)? {
        let parts = message.split(separator: "(to close '", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let words = parts[1].split(separator: "' at line ", maxSplits: 1)
        guard words.count == 2, let line = Int(words[1].prefix { $0 != ")" }) else { return nil }
        return (String(words[0]), line)
    }

    /// The block whose `end` stands below another's beginning; nil when the indentation says nothing.
    ///
    /// Lua takes an `end` for the innermost block, so that the one that is told to lack it is far away from the mistake.
    private static func unclosedBlock(in text: LuaText) -> LuaText.Token? {
        var open: [(token: LuaText.Token, wantsDo: Bool)] = []
        for token in text.tokens where token.kind == .keyword {
            switch text.text(token.range) {
            case "function", "if", "repeat": open.append((token, false))
            case "for", "while": open.append((token, true))
            case "do":
                // That of a loop is its own.
                if open.last?.wantsDo == true {
                    open[open.count - 1].wantsDo = false
                } else {
                    open.append((token, false))
                }
            case "end", "until":
                guard let last = open.popLast()?.token else { return nil }
                guard last.line != token.line else { continue }
                if Self.indentation(of: token.line, in: text) < Self.indentation(of: last.line, in: text) {
                    return last
                }
            default: break
            }
        }
        return nil
    }

    private static func indentation(of line: Int, in text: LuaText) -> Int {
        guard let range = text.line(line) else { return 0 }
        return text.bytes[range].prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.count
    }

    // MARK: What was meant

    private static func help(for message: String, at index: Int, in text: LuaText) -> String? {
        Self.otherLanguage(message, at: index, in: text) ?? Self.mistypedKeyword(at: index, in: text)
    }

    /// What means something elsewhere.
    private static func otherLanguage(_ message: String, at index: Int, in text: LuaText) -> String? {
        let (before, word, after) = (text.word(index - 1), text.word(index) ?? "", text.word(index + 1))
        switch word {
        case "!": return after == "=" ? "not equal is written `~=`" : "not is written `not`"
        case "&" where before == "&" || after == "&": return "and is written `and`"
        case "|" where before == "|" || after == "|": return "or is written `or`"
        case "+", "-", "*", "/", "..", "%":
            let name = index > 0 && text.tokens[index - 1].kind == .name ? before ?? "x" : "x"
            if word == after { return "there is no `\(word)\(word)`: write `\(name) = \(name) \(word) 1`" }
            return after == "=" ? "there is no `\(word)=`: write `\(name) = \(name) \(word) …`" : nil
        case "//": return message.hasPrefix("unexpected symbol") ? "a comment begins with `--`" : nil
        case "=":
            let isCondition = ["'then' expected", "'do' expected", "')' expected"].contains { message.hasPrefix($0) }
            return isCondition ? "to compare write `==`" : nil
        case ":":
            return message.hasPrefix("'}' expected") ? "a key is written `name = value`, or `[\"name\"] = value`" : nil
        case "end" where message.hasPrefix("<eof> expected"): return "there is an `end` too many, here or above"
        case "{": return before == ")" ? "a block has no braces: it ends with `end`" : nil
        case _ where word.utf8.contains { $0 >= 0x80 } && message.contains("near '<\\"):
            return "letters of names are a to z and A to Z"
        default: break
        }
        return before == "continue" || word == "continue"
            ? "there is no `continue`: use `goto`, or turn the `if` around" : nil
    }

    /// A name that stands nowhere else, where Lua wants none, when it is almost one of its words.
    private static func mistypedKeyword(at index: Int, in text: LuaText) -> String? {
        for place in [index - 1, index] where text.tokens.indices.contains(place) && text.tokens[place].kind == .name {
            let name = text.text(text.tokens[place].range)
            let isField = text.word(place - 1) == "." || text.word(place - 1) == ":"
            guard 4...16 ~= name.utf8.count, !isField, text.tokens[place].line == text.tokens[index].line else {
                continue
            }
            guard text.tokens.indices.filter({ text.word($0) == name }).count == 1 else { continue }
            let keywords = LuaText.keywords.filter { $0.count > 3 && $0.first == name.first }.sorted()
            if let nearest = Nearest.name(to: name, among: keywords) { return "did you mean `\(nearest)`?" }
        }
        return nil
    }
}
