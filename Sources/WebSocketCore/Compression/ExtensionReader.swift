//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Reads one Sec-WebSocket-Extensions line from left to right, each byte once (RFC 6455 section 9.1).
///
///     extension-list  = 1#extension
///     extension       = token *( ";" extension-param )
///     extension-param = token [ "=" (token | quoted-string) ]
///
/// Empty elements of the list are passed over (RFC 9110 section 5.6.1.2).
struct ExtensionReader {
    /// A parameter's value, without quotes.
    struct Value {
        fileprivate let bytes: Substring.UTF8View
        /// Whether a backslash stands before some of the characters.
        fileprivate let isEscaped: Bool

        /// What the value says; it is a token.
        var text: String {
            guard isEscaped else { return String(Substring(bytes)) }
            // In front of a token's character a backslash is all that can be quoted.
            return String(decoding: bytes.filter { $0 != UInt8(ascii: "\\") }, as: UTF8.self)
        }
    }

    private var rest: Substring.UTF8View
    private var isInExtension = false

    init(_ line: String) {
        rest = line[...].utf8
    }

    /// The name of the next extension, nil at the end; the parameters of the one before have to be read.
    mutating func nextExtension() throws(HandshakeRejection) -> Substring.UTF8View? {
        skipSpace()
        if isInExtension, !rest.isEmpty {
            guard take(UInt8(ascii: ",")) else { throw .extensions }
        }
        isInExtension = false
        repeat { skipSpace() } while take(UInt8(ascii: ","))
        guard !rest.isEmpty else { return nil }
        isInExtension = true
        return try token()
    }

    /// The next parameter of the extension, nil behind the last.
    mutating func nextParameter() throws(HandshakeRejection) -> (name: Substring.UTF8View, value: Value?)? {
        skipSpace()
        guard take(UInt8(ascii: ";")) else { return nil }
        skipSpace()
        let name = try token()
        skipSpace()
        guard take(UInt8(ascii: "=")) else { return (name, nil) }
        skipSpace()
        guard take(UInt8(ascii: "\"")) else { return (name, Value(bytes: try token(), isEscaped: false)) }
        return (name, try quoted())
    }

    /// What stands between quotes has to be a token once the backslashes are taken out.
    private mutating func quoted() throws(HandshakeRejection) -> Value {
        let start = rest
        var isEscaped = false
        while let byte = rest.first {
            if byte == UInt8(ascii: "\"") {
                let bytes = start[..<rest.startIndex]
                guard !bytes.isEmpty else { throw .extensions }
                rest.removeFirst()
                return Value(bytes: bytes, isEscaped: isEscaped)
            }
            rest.removeFirst()
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                guard let quoted = rest.popFirst(), HeaderSyntax.isTokenCharacter(quoted) else { throw .extensions }
            } else {
                guard HeaderSyntax.isTokenCharacter(byte) else { throw .extensions }
            }
        }
        throw .extensions
    }

    private mutating func token() throws(HandshakeRejection) -> Substring.UTF8View {
        let token = rest.prefix(while: HeaderSyntax.isTokenCharacter)
        guard !token.isEmpty else { throw .extensions }
        rest = rest[token.endIndex...]
        return token
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func skipSpace() {
        rest = rest.drop(while: HeaderSyntax.isSpace)
    }
}
