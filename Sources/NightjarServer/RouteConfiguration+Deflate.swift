//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import WebSocketCore

extension RouteConfiguration {
    /// How hard a message of `byteCount` bytes is compressed; nil when it is sent as it is.
    func deflateLevel(_ byteCount: Int) -> Int? {
        self.compress && byteCount >= self.deflateMinimum ? self.deflateLevel : nil
    }

    /// What the route answers to offers of permessage-deflate; nil declines them.
    var deflatePolicy: DeflatePolicy? {
        guard self.compress else { return nil }
        return DeflatePolicy(
            serverTakeover: self.deflateServerTakeover,
            clientTakeover: self.deflateClientTakeover,
            serverWindowBits: UInt8(clamping: self.deflateServerWindowBits),
            clientWindowBits: UInt8(clamping: self.deflateClientWindowBits)
        )
    }
}
