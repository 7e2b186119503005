//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// A line of a script as people are shown it, with a caret below what is meant:
///
///        12 |     conn:sned(data)
///           |          ^~~~
///
/// It fits into a terminal, whatever the line holds: of a long line there is what surrounds the caret, tabs are blanks, and
/// control characters are escapes.
package struct SourceExcerpt: Sendable, Equatable, CustomStringConvertible {
    /// A character as it is shown.
    private struct Cell {
        let text: String
        /// Columns of a terminal.
        let width: Int
        /// Where its bytes begin in the line.
        let offset: Int
    }

    /// Columns that the line may take.
    private static let widthLimit = 100

    /// Columns before the caret that are shown of a line that is too long.
    private static let lead = 40

    /// Bytes on each side of the caret that are looked at: more than a window takes.
    private static let reach = 512

    private static let tabWidth = 4

    /// The number of the line, from 1.
    package let line: Int

    /// The line as it is shown.
    package let text: String

    /// Where the mark stands below ``text``, in columns of a terminal from 0; nil without one.
    package let mark: Range<Int>?

    /// - Parameters:
    ///   - line: its number, from 1.
    ///   - bytes: the line without its end.
    ///   - marked: what to point at, as offsets in `bytes`; an empty range is a place. Nil for nothing.
    package init(line: Int, _ bytes: some RandomAccessCollection<UInt8>, marked: Range<Int>? = nil) {
        self.line = line
        let cells = Self.cells(Array(bytes), around: marked?.lowerBound ?? 0)
        let shown = Self.window(of: cells, around: marked?.lowerBound)
        self.text = shown.map(\.text).joined()
        self.mark = marked.map { marked in
            let start = shown.prefix { $0.offset < marked.lowerBound }.reduce(0) { $0 + $1.width }
            let width = shown.filter { marked.contains($0.offset) }.reduce(0) { $0 + $1.width }
            return start..<start + max(1, width)
        }
    }

    /// The line, and below it the mark if there is one.
    package var lines: [String] {
        let number = String(self.line)
        let gutter = max(5, number.count + 1)
        let blanks = String(repeating: " ", count: gutter)
        let first = "\(blanks.dropLast(number.count))\(number) |" + (self.text.isEmpty ? "" : " \(self.text)")
        guard let mark else { return [first] }
        let caret = String(repeating: " ", count: mark.lowerBound) + "^" + String(repeating: "~", count: mark.count - 1)
        return [first, "\(blanks) | \(caret)"]
    }

    package var description: String { self.lines.joined(separator: "\n") }

    // MARK: Characters

    /// The characters around a place; what is left out at either end is one too.
    private static func cells(_ bytes: [UInt8], around place: Int) -> [Cell] {
        func isInside(_ offset: Int) -> Bool { offset < bytes.count && bytes[offset] & 0xC0 == 0x80 }
        var start = max(0, place - self.reach)
        while isInside(start) { start += 1 }
        var end = max(start, min(bytes.count, place + self.reach))
        while isInside(end) { end += 1 }
        var cells: [Cell] = []
        if start > 0 { cells.append(Cell(text: "…", width: 1, offset: start - 1)) }
        var (column, offset) = (0, start)
        var parser = UTF8.ForwardParser()
        var iterator = bytes[start..<end].makeIterator()
        while offset < end {
            let scalar: Unicode.Scalar
            let length: Int
            switch parser.parseScalar(from: &iterator) {
            case .valid(let encoded): (scalar, length) = (UTF8.decode(encoded), encoded.count)
            case .error(let count): (scalar, length) = ("\u{FFFD}", count)
            case .emptyInput: (scalar, length) = ("\u{FFFD}", end - offset)
            }
            let cell = self.cell(scalar, at: column, offset: offset)
            cells.append(cell)
            column += cell.width
            offset += length
        }
        while let last = cells.last, last.text.allSatisfy({ $0 == " " }) { cells.removeLast() }
        if end < bytes.count { cells.append(Cell(text: "…", width: 1, offset: end)) }
        return cells
    }

    private static func cell(_ scalar: Unicode.Scalar, at column: Int, offset: Int) -> Cell {
        if scalar == "\t" {
            let width = self.tabWidth - column % self.tabWidth
            return Cell(text: String(repeating: " ", count: width), width: width, offset: offset)
        }
        if LogEscape.isControl(scalar) {
            let text = LogEscape.escaped(String(Character(scalar)))
            return Cell(text: text, width: text.utf8.count, offset: offset)
        }
        return Cell(text: String(Character(scalar)), width: self.width(of: scalar), offset: offset)
    }

    /// The columns that a character takes in a terminal: none for what combines, two for what East Asian scripts call wide
    /// (Unicode, annex 11).
    private static func width(of scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1FAFF,
            0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }

    /// As many of the characters around a place as fit, with a sign at each end where some are missing.
    private static func window(of cells: [Cell], around place: Int?) -> [Cell] {
        guard cells.reduce(0, { $0 + $1.width }) > self.widthLimit else { return cells }
        var first = cells.firstIndex { $0.offset >= place ?? 0 } ?? cells.endIndex
        var lead = 0
        while first > 0, lead + cells[first - 1].width <= self.lead {
            first -= 1
            lead += cells[first].width
        }
        var shown: [Cell] = []
        var width = 0
        if first > 0 {
            // In the place of one that would be shown: no column moves.
            shown.append(Cell(text: "…", width: 1, offset: cells[first].offset))
            width = 1
            first += 1
        }
        for cell in cells[min(first, cells.endIndex)...] {
            guard width + cell.width < self.widthLimit else {
                shown.append(Cell(text: "…", width: 1, offset: cell.offset))
                break
            }
            shown.append(cell)
            width += cell.width
        }
        return shown
    }
}
