//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct OpcodeTests {
    @Test func knowsSixOpcodes() {
        #expect((UInt8.min ... .max).filter { Opcode(rawValue: $0) != nil } == [0, 1, 2, 8, 9, 10])
    }

    @Test func controlFramesHaveTheHighBit() {
        let control = (UInt8(0)...15).compactMap(Opcode.init).filter(\.isControl)
        #expect(control == [.close, .ping, .pong])
    }

    @Test func kindsAreOpcodes() {
        #expect(MessageKind.text.opcode == .text)
        #expect(MessageKind.binary.opcode == .binary)
        #expect(MessageKind.text.rawValue == Opcode.text.rawValue)
        #expect(MessageKind.binary.rawValue == Opcode.binary.rawValue)
    }
}
