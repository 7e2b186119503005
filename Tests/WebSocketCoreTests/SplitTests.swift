//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

/// What a connection reports and answers does not depend on how the bytes are cut into reads.
struct SplitTests {
    private struct Result: Equatable {
        var observed: [Observed]
        var output: [UInt8]
        var state: WebSocketConnection.State
    }

    private static let corpus: [[UInt8]] = {
        let fragments = [
            RawFrame.text("κόσ", isFinal: false), RawFrame(opcode: 9, payload: Array("ping".utf8)),
            RawFrame(opcode: 0, isFinal: false), RawFrame(opcode: 10, payload: [1, 2, 3]),
            RawFrame(opcode: 0, payload: Array("με €😀".utf8)), .text("next"),
        ]
        let long = RawFrame(opcode: 2, payload: (0..<300).map { UInt8(truncatingIfNeeded: $0) })
        let good: [[RawFrame]] = [
            [.text(""), .text("a"), RawFrame(opcode: 2)],
            fragments,
            [long, .text("b"), long],
            fragments + [.close(1000, "good bye é"), .text("ignored")],
            [RawFrame(opcode: 9), RawFrame(opcode: 9, payload: [1]), RawFrame(opcode: 10)],
            [RawFrame(opcode: 8), RawFrame(opcode: 8)],
        ]
        let bad: [RawFrame] = [
            .text("unmasked").unmasked, RawFrame(opcode: 1, reserved: 4), RawFrame(opcode: 7), RawFrame(opcode: 12),
            RawFrame(opcode: 9, isFinal: false), RawFrame(opcode: 9, payload: [UInt8](repeating: 0, count: 126)),
            RawFrame(opcode: 0, payload: [1]), RawFrame(opcode: 2, form: .bits16, declaredLength: 5),
            RawFrame(opcode: 2, form: .bits64, declaredLength: 500), RawFrame(opcode: 2, declaredLength: 1 << 63),
            RawFrame(opcode: 2, declaredLength: 1001), RawFrame(opcode: 2, declaredLength: .max >> 1),
            RawFrame(opcode: 1, payload: [0x61, 0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xED, 0xA0, 0x80, 0x65]),
            RawFrame(opcode: 1, payload: [0x61, 0xE2, 0x82]), RawFrame(opcode: 8, payload: [3]), .close(1005),
            RawFrame(opcode: 8, payload: [3, 0xE8, 0x61, 0xFF]),
        ]
        let inMessage: [[RawFrame]] = [
            [.text("a", isFinal: false), .text("b")],
            [RawFrame(opcode: 1, payload: [0xE2, 0x82], isFinal: false), RawFrame(opcode: 0, payload: [0x41])],
            [RawFrame(opcode: 1, payload: [0xE2, 0x82], isFinal: false), RawFrame(opcode: 0)],
            [.text("a", isFinal: false)] + Array(repeating: RawFrame(opcode: 0, isFinal: false), count: 8),
            [RawFrame(opcode: 2, payload: [UInt8](repeating: 1, count: 996), isFinal: false)]
                + [RawFrame(opcode: 0, payload: [1, 2, 3, 4, 5])],
            Array(repeating: RawFrame(opcode: 9), count: 12),
        ]
        let sequences = good + bad.map { [.text("before"), $0, .text("after")] } + inMessage
        return sequences.map(\.bytes)
    }()

    private static let limits = WebSocketConnection.Limits(maxMessageSize: 1000, maxFragments: 6, maxControlFrames: 10)

    private func result(
        _ bytes: [UInt8],
        splitAt offsets: [Int],
        role: WebSocketConnection.Role,
        deflate: DeflateParameters? = nil
    ) -> Result {
        let endpoint = Endpoint(role, limits: Self.limits, deflate: deflate, pool: DeflatePool())
        let observed = endpoint.receive(bytes, splitAt: offsets)
        return Result(observed: observed, output: endpoint.takeOutput(), state: endpoint.connection.state)
    }

    @Test(arguments: corpus.indices)
    func everySplitInTwo(index: Int) {
        let bytes = Self.corpus[index]
        for role: WebSocketConnection.Role in [.server, .client(seed: 9)] {
            let whole = result(bytes, splitAt: [], role: role)
            #expect(!whole.observed.isEmpty)
            #expect(result(bytes, splitAt: Array(1..<bytes.count), role: role) == whole, "byte by byte")
            for split in 0...bytes.count where result(bytes, splitAt: [split], role: role) != whole {
                Issue.record("split at \(split) of \(bytes.count)")
            }
        }
    }

    /// A client reads the same frames without masks.
    @Test func everySplitInTwoOfAServersFrames() {
        let frames = [RawFrame.text("κό", isFinal: false), RawFrame(opcode: 9, payload: [1, 2]), .close(1000, "é")]
        let bytes = [frames[0], frames[1], RawFrame(opcode: 0, payload: [0x61]), frames[2]].map(\.unmasked).bytes
        let whole = result(bytes, splitAt: [], role: .client(seed: 9))
        #expect(whole.observed == [.ping, .text("κόa"), .close(1000, "é")])
        for split in 0...bytes.count {
            #expect(result(bytes, splitAt: [split], role: .client(seed: 9)) == whole, "split at \(split)")
        }
    }

    /// Compressed messages, good and bad, with and without a context that is taken over.
    @Test(arguments: [true, false])
    func everySplitInTwoOfCompressedFrames(takesOver: Bool) throws {
        let parameters = takesOver ? InflationTests.takeover : DeflateParameters()
        let zeros = try InflationTests.compressed([UInt8](repeating: 0, count: 990))
        let greek = try InflationTests.compressed(String(repeating: "κόσμε ", count: 30))
        let half = greek.count / 2
        let cases: [[RawFrame]] = [
            [
                RawFrame(opcode: 1, payload: Array(greek[..<half]), isFinal: false, reserved: 4),
                RawFrame(opcode: 9, payload: [1]), RawFrame(opcode: 0, isFinal: false),
                RawFrame(opcode: 0, payload: Array(greek[half...])), .text("plain"),
                RawFrame(opcode: 2, payload: zeros, reserved: 4),
            ],
            InflationTests.examples.map { RawFrame(opcode: 1, payload: $0, reserved: 4) },
            InflationTests.bad.map { RawFrame(opcode: 1, payload: $0, reserved: 4) },
            [RawFrame(opcode: 2, payload: zeros + [0, 0, 0xFF, 0xFF] + zeros, reserved: 4)],
            [
                RawFrame(
                    opcode: 1,
                    payload: try InflationTests.compressed([UInt8](repeating: 0xC3, count: 40)),
                    reserved: 4
                )
            ],
            [RawFrame(opcode: 1, payload: greek, isFinal: false, reserved: 4), .close(1000, "é")],
            [
                RawFrame(opcode: 1, payload: [0xF2, 0x48], isFinal: false, reserved: 4),
                RawFrame(opcode: 0, reserved: 4),
            ],
        ]
        for frames in cases {
            let bytes = frames.bytes
            let whole = result(bytes, splitAt: [], role: .server, deflate: parameters)
            #expect(!whole.observed.isEmpty)
            let byBytes = result(bytes, splitAt: Array(1..<bytes.count), role: .server, deflate: parameters)
            #expect(byBytes == whole, "byte by byte")
            for split in 0...bytes.count {
                #expect(
                    result(bytes, splitAt: [split], role: .server, deflate: parameters) == whole,
                    "split at \(split)"
                )
            }
        }
    }

    @Test func randomSplitsInMany() {
        var generator = SeededGenerator(seed: 4)
        for bytes in Self.corpus {
            let whole = result(bytes, splitAt: [], role: .server)
            for _ in 0..<50 {
                let count = Int.random(in: 2...8, using: &generator)
                let splits = (0..<count).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
                #expect(result(bytes, splitAt: splits, role: .server) == whole, "splits at \(splits)")
            }
        }
    }
}
