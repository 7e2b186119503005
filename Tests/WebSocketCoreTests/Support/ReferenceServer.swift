//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import WebSocketCore

/// RFC 6455's receiving side of a server, written over a whole byte string with arrays and no state but a cursor.
struct ReferenceServer {
    var limits: WebSocketConnection.Limits
    private(set) var observed: [Observed] = []
    private(set) var output: [UInt8] = []

    init(_ bytes: [UInt8], limits: WebSocketConnection.Limits) {
        self.limits = limits
        do throws(ProtocolViolation) {
            try run(bytes)
        } catch {
            observed.append(.violation(error))
            output += RawFrame.close(error.closeCode.rawValue, error.sentence).unmasked.bytes
        }
    }

    private mutating func run(_ bytes: [UInt8]) throws(ProtocolViolation) {
        var rest = bytes[...]
        var message: (kind: MessageKind, payload: [UInt8], frames: Int)?
        var controlFrames = 0
        while let (opcode, isFinal, length, key) = try header(&rest) {
            let payload = rest.prefix(length).enumerated().map { $1 ^ key[$0 % 4] }
            let isWhole = payload.count == length
            if opcode < 8 {
                guard (opcode == 0) == (message != nil) else {
                    throw opcode == 0 ? .continuationUnexpected : .continuationExpected
                }
                var current = message ?? (opcode == 1 ? .text : .binary, [], 0)
                current.frames += 1
                guard current.frames <= limits.maxFragments else { throw .tooManyFragments(limit: limits.maxFragments) }
                guard length <= limits.maxMessageSize - current.payload.count else {
                    throw .messageTooBig(limit: limits.maxMessageSize)
                }
                current.payload += payload
                let (firstBad, isComplete) = SlowUTF8.judge(current.payload)
                let isEnd = isFinal && isWhole
                guard current.kind == .binary || firstBad == nil && (isComplete || !isEnd) else { throw .textNotUTF8 }
                if isEnd { observed.append(.message(current.kind, current.payload)) }
                message = isEnd ? nil : current
            } else {
                controlFrames += 1
                guard limits.maxControlFrames == 0 || controlFrames <= limits.maxControlFrames else {
                    throw .tooManyControlFrames(limit: limits.maxControlFrames)
                }
                guard isWhole else { return }
                if opcode == 8 { return try close(payload) }
                observed.append(opcode == 9 ? .ping : .pong)
                if opcode == 9 { output += RawFrame(opcode: 10, payload: payload).unmasked.bytes }
            }
            guard isWhole else { return }
            rest = rest.dropFirst(length)
        }
    }

    private func header(
        _ rest: inout ArraySlice<UInt8>
    ) throws(ProtocolViolation) -> (opcode: UInt8, isFinal: Bool, length: Int, key: [UInt8])? {
        let head = Array(rest.prefix(14))
        guard head.count >= 2 else { return nil }
        let opcode = head[0] % 16
        let short = head[1] % 128
        guard head[0] / 16 % 8 == 0 else { throw .reservedBits }
        guard [0, 1, 2, 8, 9, 10].contains(opcode) else { throw .reservedOpcode(opcode) }
        guard head[1] >= 128 else { throw .unmaskedFrame }
        guard opcode < 8 || head[0] >= 128 else { throw .controlFrameFragmented }
        guard opcode < 8 || short < 126 else { throw .controlFrameTooLong }
        let width = short == 126 ? 2 : short == 127 ? 8 : 0
        guard head.count >= 2 + width else { return nil }
        let long = head[2..<2 + width].reduce(UInt64(0)) { $0 * 256 + UInt64($1) }
        let length = width == 0 ? UInt64(short) : long
        guard length < 1 << 63 else { throw .lengthOutOfRange }
        guard width == 0 || length >= (width == 2 ? 126 : 65_536) else { throw .lengthNotMinimal }
        guard head.count >= 6 + width else { return nil }
        rest = rest.dropFirst(6 + width)
        return (opcode, head[0] >= 128, Int(length), Array(head[(2 + width)..<(6 + width)]))
    }

    private mutating func close(_ body: [UInt8]) throws(ProtocolViolation) {
        guard body.count != 1 else { throw .closeBodyTooShort }
        guard body.count >= 2 else {
            observed.append(.close(nil, ""))
            output += [0x88, 0]
            return
        }
        let code = UInt16(body[0]) * 256 + UInt16(body[1])
        guard CloseCode(rawValue: code).isAllowedOnWire else { throw .closeCodeInvalid(code) }
        let reason = Array(body[2...])
        guard SlowUTF8.judge(reason) == (nil, true) else { throw .closeReasonNotUTF8 }
        observed.append(.close(code, String(decoding: reason, as: UTF8.self)))
        output += RawFrame.close(code).unmasked.bytes
    }
}
