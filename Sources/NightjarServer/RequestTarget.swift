//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import WebSocketCore

/// The target of a request, taken apart and percent-decoded once (RFC 3986 §2.1, RFC 9112 §3.2).
package struct RequestTarget: Sendable, Equatable {
    /// Why a target is refused, as a sentence for the client.
    package enum Malformed: Error, Equatable {
        case notAPath
        case authority
        case badEscape
        case notUTF8
        case nulByte
        case encodedSlash
        case fragment

        package var sentence: String {
            switch self {
            case .notAPath: "the request target must be a path that begins with a slash"
            case .authority:
                "the request target has something else than a host, with or without a port, before its path"
            case .badEscape: "the request target has a percent sign without two hexadecimal digits"
            case .notUTF8: "the request target is not UTF-8 when decoded"
            case .nulByte: "the request target has a NUL byte"
            case .encodedSlash: "the path has an encoded slash"
            case .fragment: "the request target must not have a fragment"
            }
        }
    }

    /// The target as it was sent.
    package let raw: String

    /// The host, with or without a port, of a target in absolute form. It stands in the place of the Host field, which means
    /// nothing then (RFC 9112 §3.2.2).
    package let authority: String?

    /// The decoded path.
    package let path: String

    /// The decoded query in the order of the target; of duplicates the first counts.
    package let query: [(name: String, value: String)]

    /// Reads an origin-form or absolute-form target.
    package init(_ raw: String) throws(Malformed) {
        self.raw = raw
        var rest = raw.utf8[...]
        guard !rest.contains(UInt8(ascii: "#")) else { throw .fragment }
        if rest.first != UInt8(ascii: "/") {
            // Absolute form: `http://host/path` means the path of that host, which is this one.
            guard let scheme = Self.end(ofSchemeIn: rest) else { throw .notAPath }
            rest = rest[scheme...]
            let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
            let authority = String(Substring(rest[..<end]))
            guard HandshakeRequest.isHost(authority) else { throw .authority }
            self.authority = authority
            rest = rest[end...]
        } else {
            self.authority = nil
        }
        let question = rest.firstIndex(of: UInt8(ascii: "?"))
        let path = rest[..<(question ?? rest.endIndex)]
        self.path = path.isEmpty ? "/" : try Self.decode(path, isPath: true)
        guard let question else {
            self.query = []
            return
        }
        var query: [(name: String, value: String)] = []
        var seen: Set<String> = []
        for pair in rest[rest.index(after: question)...].split(separator: UInt8(ascii: "&")) {
            let equals = pair.firstIndex(of: UInt8(ascii: "="))
            let name = try Self.decode(pair[..<(equals ?? pair.endIndex)], isPath: false)
            guard seen.insert(name).inserted else { continue }
            let value = try equals.map { (index) throws(Malformed) in
                try Self.decode(pair[pair.index(after: index)...], isPath: false)
            }
            query.append((name, value ?? ""))
        }
        self.query = query
    }

    package static func == (left: RequestTarget, right: RequestTarget) -> Bool {
        left.raw == right.raw
    }

    private static func end(ofSchemeIn target: Substring.UTF8View) -> Substring.UTF8View.Index? {
        for scheme in ["http://", "https://", "ws://", "wss://"]
        where target.starts(with: scheme.utf8, by: { $0 | 0x20 == $1 | 0x20 }) {
            return target.index(target.startIndex, offsetBy: scheme.utf8.count)
        }
        return nil
    }

    /// Decodes percent escapes, and in a query `+`.
    private static func decode(_ part: Substring.UTF8View, isPath: Bool) throws(Malformed) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(part.count)
        var index = part.startIndex
        while index < part.endIndex {
            var byte = part[index]
            part.formIndex(after: &index)
            if byte == UInt8(ascii: "%") {
                guard let high = Self.hexadecimal(in: part, at: &index),
                    let low = Self.hexadecimal(in: part, at: &index)
                else { throw .badEscape }
                byte = high << 4 | low
                if isPath, byte == UInt8(ascii: "/") { throw .encodedSlash }
            } else if byte == UInt8(ascii: "+"), !isPath {
                byte = UInt8(ascii: " ")
            }
            if byte == 0 { throw .nulByte }
            bytes.append(byte)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
        return text
    }

    private static func hexadecimal(in part: Substring.UTF8View, at index: inout Substring.UTF8View.Index) -> UInt8? {
        guard index < part.endIndex else { return nil }
        let byte = part[index]
        part.formIndex(after: &index)
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): return byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): return byte - UInt8(ascii: "a") + 10
        default: return nil
        }
    }
}
