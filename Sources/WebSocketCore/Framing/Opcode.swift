//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What a frame is (RFC 6455 section 5.2); 0x3-0x7 and 0xB-0xF are reserved.
package enum Opcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Whether the frame controls the connection, rather than carrying a part of a message (section 5.5).
    package var isControl: Bool { rawValue & 0x8 != 0 }
}

/// What a message holds: UTF-8 text or any bytes. The raw values are the opcodes'.
package enum MessageKind: UInt8, Sendable {
    case text = 1
    case binary = 2

    package var opcode: Opcode {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }
}
