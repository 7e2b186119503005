//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The paths that a route serves: `/chat` alone, `/chat/:room` with one segment for the name, `/files/*` with the rest.
package struct PathPattern: Sendable, Equatable {
    /// What stands between two slashes.
    package enum Segment: Sendable, Equatable {
        /// Just this; empty only behind a slash at the end.
        case literal(String)
        /// `:name`: one segment that is not empty.
        case parameter(String)
        /// `*`: everything from here on, also nothing.
        case rest
    }

    /// Why a text is no pattern, as a sentence for its author.
    package enum Malformed: Error, Equatable {
        case noSlash
        case tooLong
        case reserved
        case emptySegment
        case dots
        case restInside
        case badName
        case nameTwice(String)
        case badCharacter

        package var sentence: String {
            switch self {
            case .noSlash: "a path begins with a slash, such as `/chat/:room`"
            case .tooLong: "a path has at most \(PathPattern.lengthLimit) bytes"
            case .reserved: "paths under `/-/` belong to the server: choose another"
            case .emptySegment: "two slashes stand side by side: remove one of them"
            case .dots: "`.` and `..` are no segments: clients take them out before they ask"
            case .restInside: "`*` stands for the rest, alone behind the last slash, as in `/files/*`"
            case .badName: "a name has letters, digits and `_`, and no digit first, as in `/chat/:room`"
            case .nameTwice(let name): "the name `:\(name)` stands in it twice: give each its own"
            case .badCharacter: "between the slashes stand letters, digits and any of -._~!$&'()+,;=@"
            }
        }
    }

    /// Bytes of the longest pattern.
    package static let lengthLimit = 1024

    /// What ``names`` calls the `*`.
    package static let restName = "*"

    /// The pattern as it was given.
    package let text: String

    package let segments: [Segment]

    /// The names of what a path has in the place of each `:name` and of `*`, in order.
    package let names: [String]

    package init(_ text: String) throws(Malformed) {
        guard text.utf8.first == UInt8(ascii: "/") else { throw .noSlash }
        guard text.utf8.count <= Self.lengthLimit else { throw .tooLong }
        let parts = text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        var segments: [Segment] = []
        var names: [String] = []
        for (index, part) in parts.enumerated() {
            let segment = try Self.segment(String(Substring(part)), isLast: index == parts.count - 1)
            switch segment {
            case .literal("-") where index == 0: throw .reserved
            case .literal: break
            case .parameter(let name):
                guard !names.contains(name) else { throw .nameTwice(name) }
                names.append(name)
            case .rest: names.append(Self.restName)
            }
            segments.append(segment)
        }
        self.text = text
        self.segments = segments
        self.names = names
    }

    /// The same for all patterns that match the same paths, whatever their names are.
    package var shape: String {
        self.segments.map { segment in
            switch segment {
            case .literal(let text): "/" + text
            case .parameter: "/:"
            case .rest: "/*"
            }
        }.joined()
    }

    private static func segment(_ text: String, isLast: Bool) throws(Malformed) -> Segment {
        guard !text.isEmpty || isLast else { throw .emptySegment }
        guard text != ".", text != ".." else { throw .dots }
        if text.utf8.first == UInt8(ascii: ":") {
            let name = String(text.dropFirst())
            guard Self.isName(name) else { throw .badName }
            return .parameter(name)
        }
        guard !text.utf8.contains(UInt8(ascii: "*")) else {
            guard text == "*", isLast else { throw .restInside }
            return .rest
        }
        guard text.utf8.allSatisfy(Self.isLiteral) else { throw .badCharacter }
        return .literal(text)
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !Self.isDigit(first) else { return false }
        return text.utf8.allSatisfy { Self.isLetter($0) || Self.isDigit($0) || $0 == UInt8(ascii: "_") }
    }

    /// What RFC 3986 §3.3 lets stand in a path without an escape, but for the two that patterns use.
    private static func isLiteral(_ byte: UInt8) -> Bool {
        Self.isLetter(byte) || Self.isDigit(byte) || "-._~!$&'()+,;=@".utf8.contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }
}
