//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// A frame written bit by bit, right or wrong, with none of the code under test.
struct RawFrame {
    enum LengthForm {
        case shortest, bits7, bits16, bits64
    }

    static let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]

    var opcode: UInt8
    var payload: [UInt8] = []
    var isFinal = true
    var reserved: UInt8 = 0
    /// Nil is an unmasked frame.
    var key: [UInt8]? = RawFrame.key
    var form = LengthForm.shortest
    /// What the header says instead of the payload's length.
    var declaredLength: UInt64?

    static func text(_ text: String, isFinal: Bool = true) -> RawFrame {
        RawFrame(opcode: 1, payload: Array(text.utf8), isFinal: isFinal)
    }

    static func close(_ code: UInt16, _ reason: String = "") -> RawFrame {
        RawFrame(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 0xFF)] + reason.utf8)
    }

    /// The same frame as a server sends it.
    var unmasked: RawFrame {
        var frame = self
        frame.key = nil
        return frame
    }

    var bytes: [UInt8] {
        let length = declaredLength ?? UInt64(payload.count)
        let mask: UInt8 = key == nil ? 0 : 0x80
        var bytes = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
        switch form {
        case .shortest where length < 126, .bits7:
            bytes.append(mask | UInt8(length))
        case .shortest where length < 65_536, .bits16:
            bytes += [mask | 126, UInt8(length / 256), UInt8(length % 256)]
        case .shortest, .bits64:
            bytes.append(mask | 127)
            for shift in (0..<8).reversed() { bytes.append(UInt8(truncatingIfNeeded: length >> (8 * shift))) }
        }
        bytes += key ?? []
        for (index, byte) in payload.enumerated() { bytes.append(byte ^ (key?[index % 4] ?? 0)) }
        return bytes
    }
}

extension [RawFrame] {
    var bytes: [UInt8] { flatMap(\.bytes) }
}
