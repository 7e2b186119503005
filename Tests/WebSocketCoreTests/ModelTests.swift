//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

/// Random streams of frames, mostly good, against the reference server.
struct ModelTests {
    private static let limits = WebSocketConnection.Limits(maxMessageSize: 400, maxFragments: 5, maxControlFrames: 8)

    @Test(arguments: 0..<40)
    func agreesWithTheReference(block: Int) {
        for seed in 0..<100 {
            var generator = SeededGenerator(seed: UInt64(block * 100 + seed + 1))
            var bytes = Self.stream(&generator)
            if Int.random(in: 0..<4, using: &generator) == 0, let index = bytes.indices.randomElement(using: &generator)
            {
                bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            }
            if Int.random(in: 0..<4, using: &generator) == 0 {
                bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator))
            }
            let reference = ReferenceServer(bytes, limits: Self.limits)
            let splits = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                Int.random(in: 0...bytes.count, using: &generator)
            }
            let endpoint = Endpoint(limits: Self.limits)
            let observed = endpoint.receive(bytes, splitAt: splits.sorted())
            #expect(observed == reference.observed, "block \(block), seed \(seed)")
            #expect(endpoint.takeOutput() == reference.output, "block \(block), seed \(seed)")
        }
    }

    /// Reports that the streams reach what they are made for.
    @Test func theStreamsReachEveryOutcome() {
        var reached: Set<String> = []
        for seed in 1...4000 {
            var generator = SeededGenerator(seed: UInt64(seed))
            for event in ReferenceServer(Self.stream(&generator), limits: Self.limits).observed {
                reached.insert(String(describing: event).prefix { $0 != "(" } + Self.detail(event))
            }
        }
        for name in ["message", "ping", "pong", "close"] { #expect(reached.contains(name)) }
        let violations = reached.filter { $0.hasPrefix("violation") }
        #expect(violations.count >= 14, "\(violations.sorted())")
    }

    private static func detail(_ event: Observed) -> String {
        guard case .violation(let violation) = event else { return "" }
        return String(describing: violation).prefix { $0 != "(" }.description
    }

    private static func stream(_ generator: inout SeededGenerator) -> [UInt8] {
        var frames: [RawFrame] = []
        var inMessage = false
        for _ in 0..<Int.random(in: 1...14, using: &generator) {
            var frame = RawFrame(opcode: 9, key: generator.bytes(4))
            switch Int.random(in: 0..<20, using: &generator) {
            case 0: frame = RawFrame(opcode: 8, payload: closeBody(&generator))
            case 1: frame.payload = generator.bytes(Int.random(in: 0...125, using: &generator))
            case 2: frame.opcode = 10
            case 3 where Bool.random(using: &generator): damage(&frame, &generator)
            default:
                frame.opcode = inMessage ? 0 : UInt8.random(in: 1...2, using: &generator)
                frame.isFinal = Int.random(in: 0..<3, using: &generator) > 0
                inMessage = !frame.isFinal
                let text = ["", "plain", "κόσμε", "😀", String(repeating: "long and plain ", count: 9)]
                frame.payload = Array((text.randomElement(using: &generator) ?? "").utf8)
                if Int.random(in: 0..<12, using: &generator) == 0 { frame.payload += [0xE2, 0x82] }
            }
            frames.append(frame)
        }
        return frames.bytes
    }

    private static func closeBody(_ generator: inout SeededGenerator) -> [UInt8] {
        let bodies: [[UInt8]] = [
            [], [3], [3, 0xE8], [3, 0xE8, 0x62, 0x79, 0x65], [3, 0xED], [0x0B, 0xB8, 0xC3, 0xA9], [3, 0xE8, 0xC3],
        ]
        return bodies.randomElement(using: &generator) ?? []
    }

    private static func damage(_ frame: inout RawFrame, _ generator: inout SeededGenerator) {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: frame.key = nil
        case 1: frame.reserved = UInt8.random(in: 1...7, using: &generator)
        case 2: frame.opcode = UInt8.random(in: 3...7, using: &generator)
        case 3: frame.isFinal = false
        case 4: frame = RawFrame(opcode: 2, form: .bits16, declaredLength: 9)
        case 5: frame = RawFrame(opcode: 2, declaredLength: UInt64.random(in: 300...UInt64.max, using: &generator))
        case 6: frame.opcode = UInt8.random(in: 0...2, using: &generator)
        default: frame.payload = generator.bytes(126)
        }
    }
}
