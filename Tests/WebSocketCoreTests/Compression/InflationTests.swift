//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

/// Messages from compressed payloads: RFC 7692 section 7.2, good streams and bad ones.
struct InflationTests {
    static let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
    static let takeover = DeflateParameters(serverNoContextTakeover: false, clientNoContextTakeover: false)

    static func compressed(_ payload: [UInt8], windowBits: UInt8 = 15, level: Int = 9) throws -> [UInt8] {
        let pool = DeflatePool()
        return try payload.withUnsafeBytes {
            Array(try #require(pool.compress($0, windowBits: windowBits, level: level)))
        }
    }

    static func compressed(_ text: String) throws -> [UInt8] { try compressed(Array(text.utf8)) }

    private func receive(
        _ frames: [RawFrame],
        splitAt offsets: [Int] = [],
        limits: WebSocketConnection.Limits = .init(),
        _ parameters: DeflateParameters = DeflateParameters()
    ) -> [Observed] {
        let pool = DeflatePool()
        let endpoint = Endpoint(limits: limits, deflate: parameters, pool: pool)
        let observed = endpoint.receive(frames.bytes, splitAt: offsets)
        if case .violation = observed.last {
            #expect(pool.lentInflaters == 0 && endpoint.connection.compressionBytes == 0)
        }
        return observed
    }

    /// The payloads of section 7.2.3, each of which says "Hello".
    static let examples: [[UInt8]] = [
        hello,
        [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
        [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
        [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
        // Behind a block with BFINAL the byte that ends the message in the RFC's example is not missed.
        [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
    ]

    @Test(arguments: examples)
    func readsTheExamplesOfTheRFC(payload: [UInt8]) {
        for parameters in [DeflateParameters(), Self.takeover] {
            let frame = RawFrame(opcode: 1, payload: payload, reserved: 4)
            #expect(receive([frame, frame, .text("x")], parameters) == [.text("Hello"), .text("Hello"), .text("x")])
            for split in 0...payload.count {
                let frames = [
                    RawFrame(opcode: 1, payload: Array(payload[..<split]), isFinal: false, reserved: 4),
                    RawFrame(opcode: 0, payload: Array(payload[split...])),
                ]
                #expect(receive(frames, parameters) == [.text("Hello")], "split at \(split)")
            }
        }
    }

    /// Section 7.2.3.2: the second message refers to the first, which only a context that is taken over knows.
    @Test func readsTheSharedWindowOfTheRFC() {
        let frames = [[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], [0xF2, 0x00, 0x11, 0x00, 0x00]].map {
            RawFrame(opcode: 1, payload: $0, reserved: 4)
        }
        #expect(receive(frames, Self.takeover) == [.text("Hello"), .text("Hello")])
        #expect(receive(frames) == [.text("Hello"), .violation(.compressedDataCorrupt)])
    }

    /// A turn of the loop may end anywhere in a message: it goes on there in the next, whatever the key and the cuts.
    @Test(arguments: [DeflateParameters(), takeover], [8, 16, 100])
    func goesOnInTheMiddleOfAMessage(parameters: DeflateParameters, level: Int) throws {
        var generator = SeededGenerator(seed: 5)
        let texts = (0..<3).map { _ in
            (0..<10_000).flatMap { _ in [UInt8](repeating: UInt8.random(in: 97...99, using: &generator), count: level) }
        }
        let pool = DeflatePool()
        let endpoint = Endpoint(limits: .init(maxMessageSize: 1 << 26), deflate: parameters, pool: pool)
        var bytes: [UInt8] = []
        for text in texts {
            let payload = try Self.compressed(text)
            let cut = Int.random(in: 0...payload.count, using: &generator)
            bytes += RawFrame(opcode: 1, payload: Array(payload[..<cut]), isFinal: false, reserved: 4).bytes
            bytes += RawFrame(opcode: 0, payload: Array(payload[cut...]), key: [9, 8, 7, 6]).bytes
        }
        var pauses = 0
        var received: [[UInt8]] = []
        try bytes.withUnsafeMutableBytes { bytes in
            var input = bytes
            while !input.isEmpty {
                pool.inflationLimit = Int.random(in: 1...40_000, using: &generator)
                pool.inflatedBytes = 0
                while let event = try endpoint.connection.nextEvent(from: &input) {
                    guard case .message(.text, let payload) = event else { return }
                    received.append(Array(payload))
                }
                pauses += input.isEmpty ? 0 : 1
                #expect(input.isEmpty || pool.inflatedBytes >= pool.inflationLimit)
            }
        }
        #expect(received == texts)
        #expect(pauses > 3)
    }

    /// Section 7.2.3.6, and a message of no bytes at all.
    @Test func readsEmptyMessages() {
        for parameters in [DeflateParameters(), Self.takeover] {
            let frames = [[0x00], [], [0x00], Self.hello, []].map { RawFrame(opcode: 1, payload: $0, reserved: 4) }
            #expect(receive(frames, parameters) == [.text(""), .text(""), .text(""), .text("Hello"), .text("")])
        }
    }

    /// A block with BFINAL ends the stream; the next one does not know what came before.
    @Test func startsAgainBehindBFINAL() {
        let final: [UInt8] = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        let twice = RawFrame(opcode: 1, payload: final + final + [0x00], reserved: 4)
        #expect(receive([twice]) == [.text("HelloHello")])
        let frames = [final + [0x00], [0xF2, 0x00, 0x11, 0x00, 0x00]].map {
            RawFrame(opcode: 1, payload: $0, reserved: 4)
        }
        #expect(receive(frames, Self.takeover) == [.text("Hello"), .violation(.compressedDataCorrupt)])
        let empty = RawFrame(
            opcode: 2,
            payload: Array(repeating: [0x03, 0x00], count: 10_000).flatMap { $0 },
            reserved: 4
        )
        #expect(receive([empty]) == [.message(.binary, [])])
    }

    static let bad: [[UInt8]] = [
        [0x07], [0xFF], [0x06, 0x00], [0x00, 0x05, 0x00, 0xFA], [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48],
        [0x00, 0x05, 0x00, 0x00, 0x00], Array(hello.dropLast()), Array(hello.dropLast(3)), [0xF2],
        [0x00, 0x04, 0x00, 0xFB, 0xFF], [0xF2, 0x00, 0x11, 0x00, 0x00], hello + [0x00], hello + [0xFF],
    ]

    @Test(arguments: bad)
    func refusesWhatIsNoWholeStream(payload: [UInt8]) {
        let frame = RawFrame(opcode: 2, payload: payload, reserved: 4)
        #expect(receive([frame]) == [.violation(.compressedDataCorrupt)])
        #expect(receive([frame], splitAt: Array(1..<frame.bytes.count)) == [.violation(.compressedDataCorrupt)])
    }

    /// Text fails with the byte that cannot be, though the message is not over and more is wrong behind it.
    @Test func checksTextAsItInflates() throws {
        let payload = try Self.compressed(
            Array(repeating: 0x61, count: 50_000) + [0xFF] + Array(repeating: 0x61, count: 9)
        )
        let first = RawFrame(opcode: 1, payload: payload, isFinal: false, reserved: 4)
        #expect(receive([first]) == [.violation(.textNotUTF8)])
        let cut = try Self.compressed(Array(repeating: 0x61, count: 100) + [0xE2, 0x82])
        #expect(receive([RawFrame(opcode: 1, payload: cut, reserved: 4)]) == [.violation(.textNotUTF8)])
        #expect(receive([RawFrame(opcode: 1, payload: cut, isFinal: false, reserved: 4)]) == [])
    }

    @Test func holdsTheLimitToTheByte() throws {
        for limit in [100, 1024, 1025, 16_384, 16_385, 50_000] {
            for (size, isGood) in [(limit, true), (limit + 1, false)] {
                let content = [UInt8](repeating: 1, count: size)
                let frame = RawFrame(opcode: 2, payload: try Self.compressed(content), reserved: 4)
                let expected: Observed =
                    isGood ? .message(.binary, content) : .violation(.messageTooBig(limit: limit))
                #expect(receive([frame], limits: .init(maxMessageSize: limit)) == [expected])
            }
        }
    }

    /// 1 MiB that inflates to 1 GiB: closed at the limit, and never more held than that (W10).
    @Test(arguments: [1, 1000])
    func stopsABomb(fragments: Int) throws {
        // Blocks that refer to nothing before them may stand behind each other.
        let unit = try Self.compressed([UInt8](repeating: 0, count: 1 << 20)) + [0, 0, 0xFF, 0xFF]
        let count = (1 << 20) / unit.count
        let payload = Array(repeating: unit, count: count).flatMap { $0 }
        #expect(count >= 900)
        let pool = DeflatePool()
        let limit = 2_500_000
        let endpoint = Endpoint(limits: .init(maxMessageSize: limit), deflate: DeflateParameters(), pool: pool)
        let size = (payload.count + fragments - 1) / fragments
        var observed: [Observed] = []
        for start in stride(from: 0, to: payload.count, by: size) where observed.isEmpty {
            let frame = RawFrame(
                opcode: start == 0 ? 2 : 0,
                payload: Array(payload[start..<min(start + size, payload.count)]),
                isFinal: start + size >= payload.count,
                reserved: start == 0 ? 4 : 0
            )
            observed = endpoint.receive(frame)
            #expect(endpoint.connection.bufferCapacity <= 2 * limit)
        }
        #expect(observed == [.violation(.messageTooBig(limit: limit))])
        #expect(
            endpoint.takeOutput() == RawFrame.close(1009, "message too big: the limit is 2500000 bytes").unmasked.bytes
        )
        #expect(endpoint.connection.bufferCapacity == 0 && pool.lentInflaters == 0)
        #expect(pool.byteCount < 256 * 1024)
    }

    /// A message that inflates to nothing does not go on for ever: its compressed bytes are bounded too.
    @Test func boundsTheCompressedBytes() {
        let endpoint = Endpoint(
            limits: .init(maxMessageSize: 1000, maxFragments: 1_000_000),
            deflate: DeflateParameters(),
            pool: DeflatePool()
        )
        let nothing = Array(repeating: [UInt8](arrayLiteral: 0, 0, 0, 0xFF, 0xFF), count: 200).flatMap { $0 }
        var observed = endpoint.receive(RawFrame(opcode: 2, payload: nothing, isFinal: false, reserved: 4))
        var sent = 1
        while observed.isEmpty, sent < 1000 {
            observed = endpoint.receive(RawFrame(opcode: 0, payload: nothing, isFinal: false))
            sent += 1
        }
        #expect(observed == [.violation(.messageTooBig(limit: 1000))])
        #expect(sent < 100)
        let huge = RawFrame(opcode: 2, isFinal: false, reserved: 4, declaredLength: 1 << 40)
        #expect(Endpoint(deflate: DeflateParameters(), pool: DeflatePool()).receive(huge.bytes).count == 1)
    }

    /// Bytes that do not compress are larger compressed than plain, and as such within the limit.
    @Test func takesAFullMessageOfNoise() throws {
        var generator = SeededGenerator(seed: 3)
        let noise = generator.bytes(100_000)
        var stored: [UInt8] = []
        for start in stride(from: 0, to: noise.count, by: 1000) {
            stored += [0x00, 0xE8, 0x03, 0x17, 0xFC] + noise[start..<start + 1000]
        }
        let frame = RawFrame(opcode: 2, payload: stored + [0x00], reserved: 4)
        #expect(receive([frame], limits: .init(maxMessageSize: 100_000)) == [.message(.binary, noise)])
    }

    /// 10,000 streams with flipped bits (W13): whole or byte by byte the verdict is one of few, and nothing stays borrowed.
    @Test(arguments: 0..<10)
    func survivesFlippedBits(block: Int) throws {
        var generator = SeededGenerator(seed: UInt64(block + 1))
        let texts = [
            "Hello, Hello, Hello", String(repeating: "κόσμε and plain words; ", count: 20),
            "{\"a\":[1,2,3],\"b\":[1,2,3]}",
        ]
        let streams = try texts.map(Self.compressed) + Self.examples
        let pool = DeflatePool()
        var refused = 0
        for _ in 0..<1000 {
            var payload = streams[Int.random(in: 0..<streams.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                payload[Int.random(in: 0..<payload.count, using: &generator)] ^=
                    1 << UInt8.random(in: 0..<8, using: &generator)
            }
            let limits = WebSocketConnection.Limits(maxMessageSize: 2000)
            let bytes = RawFrame(opcode: UInt8.random(in: 1...2, using: &generator), payload: payload, reserved: 4)
                .bytes
            let endpoint = Endpoint(limits: limits, deflate: DeflateParameters(), pool: pool)
            let observed = endpoint.receive(bytes)
            let byBytes = Endpoint(limits: limits, deflate: DeflateParameters(), pool: pool)
            #expect(byBytes.receive(bytes, splitAt: Array(1..<bytes.count)) == observed, "\(payload)")
            #expect(observed.count == 1)
            switch observed.first {
            case .message: break
            case .violation(.compressedDataCorrupt), .violation(.textNotUTF8), .violation(.messageTooBig): refused += 1
            default: Issue.record("\(observed)")
            }
            #expect(pool.lentInflaters == 0)
        }
        #expect(refused > 300)
    }
}
