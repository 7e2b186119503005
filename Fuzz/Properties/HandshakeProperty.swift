//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import WebSocketCore

/// A request head is judged the same whatever its names' case and however its lists are cut into lines, and what is
/// accepted has all that RFC 6455 section 4.2.1 asks for.
///
/// The input is text: a line `GET 1.1`, then `Name: value` lines.
enum HandshakeProperty {
    private typealias Field = (name: String, value: String)

    private static let protocols = ["chat", "superchat", "a"]

    static func check(_ input: UnsafeRawBufferPointer) throws(PropertyFailure) {
        let lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard let first = lines.first else { return }
        let start = first.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        let method = text(start[0])
        let version = start.count > 1 ? start[1] : start[0].prefix(0)
        let major = version.first.map { Int($0) - 48 } ?? 0
        let minor = version.count > 2 ? Int(version[version.startIndex + 2]) - 48 : 0
        let fields = lines.dropFirst().map { line -> Field in
            let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            return (text(parts[0]), parts.count > 1 ? text(parts[1]) : "")
        }
        func outcome(_ fields: [Field]) -> HandshakeRequest.Outcome {
            HandshakeRequest(method: method, majorVersion: major, minorVersion: minor, headers: fields)
                .outcome(protocols: protocols)
        }
        let judged = outcome(fields)
        let changes: [(String, [Field])] = [
            ("again", fields),
            ("with the names in capitals", fields.map { (uppercased($0.name), $0.value) }),
            ("with the names sorted", sorted(fields)),
            ("with spaces around the values", fields.map { ($0.name, " \t\($0.value)\t ") }),
            ("with lists in one line", joined(fields)),
            ("with a field that means nothing", fields + [("X-Nothing", "Sec-WebSocket-Key: x")]),
        ]
        for (change, changed) in changes {
            let other = outcome(changed)
            try PropertyFailure.unless(other == judged, "\(change): \(other), before: \(judged)")
        }
        guard case .accept(acceptKey: _, let subprotocol, deflate: _, extensions: _) = judged else { return }
        try checkAccepted(method: method, major: major, minor: minor, fields, subprotocol)
    }

    private static func checkAccepted(
        method: String,
        major: Int,
        minor: Int,
        _ fields: [Field],
        _ subprotocol: String?
    ) throws(PropertyFailure) {
        func values(_ name: String) -> [String] {
            fields.filter { lowercased($0.name).elementsEqual(name.utf8) }.map(\.value)
        }
        try PropertyFailure.unless(method == "GET" && major == 1 && minor >= 1, "accepted \(method) \(major).\(minor)")
        for name in ["host", "sec-websocket-key", "sec-websocket-version"] {
            try PropertyFailure.unless(values(name).count == 1, "accepted \(values(name).count) lines of \(name)")
        }
        let key = values("sec-websocket-key").joined().utf8.filter { $0 != 0x20 && $0 != 0x09 }
        try PropertyFailure.unless(key.count == 24 && key.suffix(2) == [0x3D, 0x3D], "accepted the key \(key)")
        try PropertyFailure.unless(values("transfer-encoding").isEmpty, "accepted a body")
        guard let subprotocol else { return }
        try PropertyFailure.unless(protocols.contains(subprotocol), "chose \(subprotocol), which is not ours")
        let offers = values("sec-websocket-protocol").flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }
        try PropertyFailure.unless(
            offers.contains { $0.filter { $0 != 0x20 && $0 != 0x09 }.elementsEqual(subprotocol.utf8) },
            "chose \(subprotocol), which nobody offered"
        )
    }

    private static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func lowercased(_ name: String) -> [UInt8] {
        name.utf8.map { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") ? $0 + 32 : $0 }
    }

    private static func uppercased(_ name: String) -> String {
        text(name.utf8.map { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") ? $0 - 32 : $0 })
    }

    /// The fields by name; lines of one name keep their order.
    private static func sorted(_ fields: [Field]) -> [Field] {
        let ranked = fields.enumerated().map {
            (key: lowercased($0.element.name), offset: $0.offset, field: $0.element)
        }
        return ranked.sorted { left, right in
            left.key == right.key ? left.offset < right.offset : left.key.lexicographicallyPrecedes(right.key)
        }.map(\.field)
    }

    /// The lines of each list in one, which means the same (RFC 9110 section 5.3).
    private static func joined(_ fields: [Field]) -> [Field] {
        let lists = ["connection", "upgrade", "sec-websocket-protocol"].map { Array($0.utf8) }
        var joined: [Field] = []
        for (name, value) in fields {
            let key = lowercased(name)
            if lists.contains(key), let index = joined.firstIndex(where: { lowercased($0.name) == key }) {
                joined[index].value += ",\(value)"
            } else {
                joined.append((name, value))
            }
        }
        return joined
    }
}
