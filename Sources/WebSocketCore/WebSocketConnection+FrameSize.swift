//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

extension WebSocketConnection {
    /// The bytes of a server's frame, header included, for a payload of `payloadCount` bytes (RFC 6455 §5.2).
    @inlinable
    package static func frameSize(_ payloadCount: Int) -> Int {
        switch payloadCount {
        case ..<126: payloadCount + 2
        case ..<65_536: payloadCount + 4
        default: payloadCount + 10
        }
    }
}
