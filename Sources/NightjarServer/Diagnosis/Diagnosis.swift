//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime

/// What is wrong with a script, and where, as a compiler shows it; the one way in which errors of scripts are shown.
package struct Diagnosis: Sendable, Equatable, CustomStringConvertible {
    /// Another place that matters.
    package struct Note: Sendable, Equatable {
        package var line: Int
        package var column: Int?
        package var message: String
        package var excerpt: SourceExcerpt?
    }

    /// The file below the scripts folder.
    package var file: String

    /// From 1; nil when there is none.
    package var line: Int?

    /// In characters, from 1; nil when it is not known what of the line is meant.
    package var column: Int?

    /// What is wrong, without the place; may have several lines.
    package var message: String

    package var excerpt: SourceExcerpt?
    package var notes: [Note] = []

    /// The handler that was running; nil at the top level, and where nothing ran.
    package var handler: String?

    /// A place for each function that was running, the innermost first, where that tells more than ``line``.
    package var traceback: [String] = []

    /// What to do about it, where that is known.
    package var help: String?

    /// Of an error that a script raised, or that Lua or the host raised because of it.
    package init(_ error: ScriptError) {
        self.init(error, in: error.source.map { LuaText($0) })
    }

    private init(_ error: ScriptError, in text: LuaText?) {
        self.file = error.file
        self.line = error.line > 0 ? error.line : nil
        self.message = Self.message(error.message, of: error)
        let entries = error.traceback.split(separator: "\n").map(String.init)
        // Of the deepest stacks only the innermost functions are told, and not what they began with.
        let isInHandler = entries.last?.hasSuffix("in the top level") == false && entries.count < 20
        self.handler = error.handler != "load" || isInHandler ? error.handler : nil
        self.traceback = entries.filter { !$0.hasPrefix("[C]") }
        if self.traceback.count < 2, self.traceback.first?.hasPrefix("\(error.file):\(error.line):") != false {
            self.traceback = []
        }
        self.help = error.help
        guard let text else { return }
        switch error.kind {
        case .syntax:
            let place = SyntaxPlace(self.message, line: error.line, in: text)
            self.point(at: place.range, in: text)
            self.notes = place.notes
            self.help = place.help
        case .contract:
            self.point(at: TablePlace.range(of: self.message, in: text), in: text)
            self.help = TablePlace.help(for: self.message, in: text)
        case .runtime:
            let place = RuntimePlace(self.message, line: error.line, in: text)
            self.point(at: place.range, in: text)
            self.help = place.help
        case .memory, .deadline, .wall:
            self.point(at: nil, in: text)
        }
    }

    /// Everything that is wrong, when an error tells of several things.
    package static func all(of error: ScriptError) -> [Diagnosis] {
        let text = error.source.map { LuaText($0) }
        let own = ([error.message] + error.others).map { message in
            var error = error
            error.message = message
            return Diagnosis(error, in: text)
        }
        let settings = ScriptSettings(error.settings, of: error.file)
        return own + settings.problems.map { Diagnosis(setting: $0, file: error.file, in: text) }
    }

    /// Of a setting in the table that a script returned.
    ///
    /// - Parameter source: the script's text; nil where it is not at hand.
    package init(setting: ScriptSettings.Problem, file: String, source: [UInt8]?) {
        self.init(setting: setting, file: file, in: source.map { LuaText($0) })
    }

    private init(setting: ScriptSettings.Problem, file: String, in text: LuaText?) {
        self.file = file
        self.message = setting.description
        guard let text else { return }
        self.point(at: TablePlace.range(ofKey: setting.key, in: text), in: text)
    }

    /// Of a file as a whole.
    package init(file: String, message: String) {
        self.file = file
        self.message = message
    }

    /// The place, the message, the excerpt, what else matters, and the help.
    package var description: String { self.text() }

    /// - Parameters:
    ///   - folder: what leads to the scripts from where the reader is, such as `scripts/`.
    ///   - severity: what stands before the message, such as `error: `; the notes have their own then, as compilers do it.
    package func text(folder: String = "", severity: String = "") -> String {
        let lines = self.message.split(separator: "\n", omittingEmptySubsequences: false)
        var text = [folder + self.place(self.line, self.column) + ": " + severity + (lines.first ?? "")]
        text += lines.dropFirst().map { "    \($0)" }
        text += self.excerpt?.lines ?? []
        for note in self.notes {
            text.append(folder + self.place(note.line, note.column) + ": note: " + note.message)
            text += note.excerpt?.lines ?? []
        }
        if let handler {
            text.append("in the handler `\(handler)`" + (self.traceback.isEmpty ? "" : ":"))
        } else if !self.traceback.isEmpty {
            text.append("in:")
        }
        text += self.traceback.map { "    \(folder)\($0)" }
        if let help { text.append("help: \(help)") }
        return text.joined(separator: "\n")
    }

    private func place(_ line: Int?, _ column: Int?) -> String {
        [self.file, line.map(String.init), column.map(String.init)].compactMap { $0 }.joined(separator: ":")
    }

    /// Takes the excerpt of ``line``, or of the line of `range` when there is none, and marks what is meant in it.
    private mutating func point(at range: Range<Int>?, in text: LuaText) {
        if let range, self.line == nil { self.line = text.lineNumber(of: range.lowerBound) }
        guard let number = self.line, text.line(number) != nil else { return }
        let marked = range.flatMap { text.lineNumber(of: $0.lowerBound) == number ? $0 : nil }
        self.column = marked.map { text.column(of: $0.lowerBound) }
        self.excerpt = SourceExcerpt(line: number, of: text, marked: marked)
        if self.excerpt?.text.isEmpty == true { self.excerpt = nil }
    }

    /// The message of an error without the place that it begins with.
    private static func message(_ message: String, of error: ScriptError) -> String {
        for place in ["\(error.file):\(error.line): ", "\(error.file): "] where message.hasPrefix(place) {
            return String(message.dropFirst(place.count))
        }
        return message
    }
}

extension SourceExcerpt {
    /// - Parameter marked: what to point at, as offsets in `text`; only what is on that line counts.
    init(line: Int, of text: LuaText, marked: Range<Int>?) {
        let range = text.line(line) ?? 0..<0
        let local = marked.map { marked in
            marked.clamped(to: range).lowerBound - range.lowerBound..<marked.clamped(to: range).upperBound
                - range.lowerBound
        }
        self.init(line: line, text.bytes[range], marked: local)
    }
}

extension LuaText {
    /// The characters of its line up to a byte, and one.
    func column(of offset: Int) -> Int {
        let start = self.line(self.lineNumber(of: offset))?.lowerBound ?? 0
        return String(decoding: self.bytes[start..<max(start, offset)], as: UTF8.self).unicodeScalars.count + 1
    }
}
