//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import WebSocketCore

/// Any cut of the same bytes into reads gives the same events, the same answer and the same state; what is reported keeps
/// the protocol's rules, and so does what we answer.
///
/// The first byte of the input is the role and the limits, the second our own part in the conversation, the third the
/// seed of the cuts; the rest is what the peer sends.
enum FramesProperty {
    static func check(_ input: UnsafeRawBufferPointer) throws(PropertyFailure) {
        guard input.count >= 3 else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: input[3...])
        try check(setup(input[0], input[1]), bytes, seed: input[2])
    }

    /// Holds the same conversation in one piece, byte by byte, and cut by a seed.
    static func check(
        _ setup: Endpoint.Setup,
        _ bytes: UnsafeRawBufferPointer,
        seed: UInt8
    ) throws(PropertyFailure) {
        let whole = try Endpoint.hold(setup, bytes, cutAt: [])
        try checkReports(whole.reports, setup)
        try checkOutput(whole.output, setup)
        let ways: [(String, [Int])] = [
            ("byte by byte", Array(bytes.indices.dropFirst())),
            ("cut by seed \(seed)", cuts(seed: seed, count: bytes.count)),
        ]
        for (way, offsets) in ways {
            let result = try Endpoint.hold(setup, bytes, cutAt: offsets)
            try PropertyFailure.unless(result == whole, "\(way): \(result), but in one piece: \(whole)")
        }
    }

    static func setup(_ first: UInt8, _ second: UInt8) -> Endpoint.Setup {
        let sizes = [1 << 20, 300, 126, 5]
        let fragments = [4096, 3]
        let controlFrames = [200, 4]
        return Endpoint.Setup(
            role: first & 1 == 0 ? .server : .client(seed: 7),
            limits: .init(
                maxMessageSize: sizes[Int(first >> 1 & 3)],
                maxFragments: fragments[Int(first >> 3 & 1)],
                maxControlFrames: controlFrames[Int(first >> 4 & 1)]
            ),
            closesAfter: Int(second & 7),
            releasesMemory: second & 8 != 0
        )
    }

    /// Rising offsets, more or less far apart.
    private static func cuts(seed: UInt8, count: Int) -> [Int] {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        var offsets: [Int] = []
        var offset = 0
        while true {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            offset += Int(state >> 33) % (1 << (1 + Int(seed & 7)))
            guard offset < count else { return offsets }
            offsets.append(offset)
        }
    }

    private static func checkReports(_ reports: [Endpoint.Report], _ setup: Endpoint.Setup) throws(PropertyFailure) {
        for (index, report) in reports.enumerated() {
            switch report {
            case .message(let kind, let payload):
                try PropertyFailure.unless(payload.count <= setup.limits.maxMessageSize, "a message beyond the limit")
                try PropertyFailure.unless(kind == .binary || isUTF8(payload), "a text that is not UTF-8")
                try PropertyFailure.unless(
                    setup.closesAfter == 0 || index < setup.closesAfter,
                    "a message after our own Close"
                )
            case .ping, .pong:
                break
            case .close(let code, let reason):
                try PropertyFailure.unless(code != nil || reason.isEmpty, "a reason without a code")
                try PropertyFailure.unless(reason.count <= 123 && isUTF8(reason), "a close reason that cannot be")
                try PropertyFailure.unless(code.map(mayBeSent) ?? true, "close code \(code ?? 0)")
                try PropertyFailure.unless(index == reports.count - 1, "something came after the peer's Close")
            case .violation:
                try PropertyFailure.unless(index == reports.count - 1, "something came after a violation")
            }
        }
    }

    /// We answer with pongs and one Close behind them, masked if we are a client, each written as it must be
    /// (RFC 6455 sections 5.1 and 5.5).
    private static func checkOutput(_ output: [UInt8], _ setup: Endpoint.Setup) throws(PropertyFailure) {
        let isServer = if case .server = setup.role { true } else { false }
        var rest = output[...]
        while let opcode = rest.popFirst(), let length = rest.popFirst() {
            try PropertyFailure.unless(opcode == 0x88 || opcode == 0x8A, "the answer has a frame that begins \(opcode)")
            try PropertyFailure.unless((length & 0x80 == 0) == isServer, "the answer's mask bit is wrong")
            let size = Int(length & 0x7F) + (isServer ? 0 : 4)
            try PropertyFailure.unless(length & 0x7F <= 125 && size <= rest.count, "the answer is cut")
            rest = rest.dropFirst(size)
            try PropertyFailure.unless(opcode == 0x8A || rest.isEmpty, "the answer goes on behind its Close")
        }
        try PropertyFailure.unless(rest.isEmpty, "the answer ends within a header")
    }

    private static func isUTF8(_ bytes: [UInt8]) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }

    /// RFC 6455 section 7.4 and the registry of close codes, written down apart from the code under test.
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
