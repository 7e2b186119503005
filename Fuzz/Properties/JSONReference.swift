//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// A reader of JSON (RFC 8259) that is made to be read, not to be fast: what `ws.json` must agree with.
struct JSONReference {
    /// Keys and strings are bytes, because two that look the same to Swift are not the same to Lua.
    indirect enum Value: Equatable {
        case null
        case bool(Bool)
        case integer(Int64)
        case float(Double)
        case string([UInt8])
        case array([Value])
        case object([[UInt8]: Value])
    }

    private static let deepest = 100

    private var rest: ArraySlice<UInt8>

    /// The value of a text; nil when it is no JSON.
    static func read(_ text: [UInt8]) -> Value? {
        var reference = JSONReference(rest: text[...])
        reference.skipSpace()
        guard let value = reference.value(depth: 0) else { return nil }
        reference.skipSpace()
        return reference.rest.isEmpty ? value : nil
    }

    private mutating func skipSpace() {
        rest = rest.drop { [0x20, 0x0A, 0x0D, 0x09].contains($0) }
    }

    private mutating func take(_ word: String) -> Bool {
        guard rest.starts(with: word.utf8) else { return false }
        rest = rest.dropFirst(word.utf8.count)
        return true
    }

    private mutating func value(depth: Int) -> Value? {
        if take("null") { return .null }
        if take("true") { return .bool(true) }
        if take("false") { return .bool(false) }
        if take("\"") { return string().map(Value.string) }
        if take("[") { return array(depth: depth) }
        if take("{") { return object(depth: depth) }
        return number()
    }

    private mutating func array(depth: Int) -> Value? {
        guard depth < Self.deepest else { return nil }
        var elements: [Value] = []
        skipSpace()
        if take("]") { return .array(elements) }
        while true {
            guard let element = value(depth: depth + 1) else { return nil }
            elements.append(element)
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { return nil }
            skipSpace()
        }
    }

    private mutating func object(depth: Int) -> Value? {
        guard depth < Self.deepest else { return nil }
        var fields: [[UInt8]: Value] = [:]
        skipSpace()
        if take("}") { return .object(fields) }
        while true {
            guard take("\""), let key = string() else { return nil }
            skipSpace()
            guard take(":") else { return nil }
            skipSpace()
            guard let field = value(depth: depth + 1) else { return nil }
            fields[key] = field
            skipSpace()
            if take("}") { return .object(fields) }
            guard take(",") else { return nil }
            skipSpace()
        }
    }

    // MARK: Strings

    private mutating func string() -> [UInt8]? {
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(validating: bytes, as: UTF8.self) == nil ? nil : bytes
            case UInt8(ascii: "\\"):
                // Characters do not span an escape.
                guard String(validating: bytes, as: UTF8.self) != nil, let character = escape() else { return nil }
                bytes += Array(String(character).utf8)
            case 0..<0x20: return nil
            default: bytes.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        switch rest.popFirst() {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            guard let first = unit() else { return nil }
            guard (0xD800...0xDBFF).contains(first) else { return Unicode.Scalar(first) }
            guard take("\\u"), let second = unit(), (0xDC00...0xDFFF).contains(second) else { return nil }
            return Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) * 0x400 + (UInt32(second) - 0xDC00))
        default: return nil
        }
    }

    private mutating func unit() -> UInt16? {
        let digits = rest.prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
        rest = rest.dropFirst(4)
        return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    // MARK: Numbers

    private mutating func digits() -> String? {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        rest = rest.dropFirst(digits.count)
        return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
    }

    private mutating func number() -> Value? {
        var text = take("-") ? "-" : ""
        if take("0") {
            text += "0"
        } else {
            guard let integer = digits() else { return nil }
            text += integer
        }
        var isInteger = true
        if take(".") {
            guard let fraction = digits() else { return nil }
            text += ".\(fraction)"
            isInteger = false
        }
        if take("e") || take("E") {
            let sign = take("-") ? "-" : take("+") ? "+" : ""
            guard let exponent = digits() else { return nil }
            text += "e\(sign)\(exponent)"
            isInteger = false
        }
        // Only a float is a negative zero.
        if isInteger, text != "-0", let integer = Int64(text) { return .integer(integer) }
        guard let float = Double(text), float.isFinite else { return nil }
        return .float(float)
    }
}

extension JSONReference.Value {
    /// Whether both are the same to a script: an integral float that JSON writes without point comes back as an integer.
    func isSame(as other: JSONReference.Value) -> Bool {
        switch (self, other) {
        case (.integer(let integer), .float(let float)), (.float(let float), .integer(let integer)):
            Int64(exactly: float) == integer
        case (.float(let a), .float(let b)): a.bitPattern == b.bitPattern
        case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.isSame(as: $1) }
        case (.object(let a), .object(let b)):
            a.count == b.count && a.allSatisfy { key, value in b[key].map { value.isSame(as: $0) } ?? false }
        default: self == other
        }
    }
}
