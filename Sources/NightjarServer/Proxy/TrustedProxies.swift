//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The proxies whose word about their clients is believed.
package struct TrustedProxies: Sendable, Equatable {
    /// Addresses that share their first bits.
    package struct Block: Sendable, Equatable {
        private let base: IPAddress

        /// How many bits count: 0...32 or 0...128.
        private let length: Int

        /// Reads `10.0.0.0/8`, `2001:db8::/32`, or an address alone.
        package init?(_ text: String) {
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let base = IPAddress(String(parts[0])) else { return nil }
            let width = if case .v4 = base { 32 } else { 128 }
            var length = width
            if parts.count == 2 {
                guard parts[1].utf8.count <= 3,
                    parts[1].utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
                    let given = Int(parts[1])
                else { return nil }
                // A mapped address was written with 128 bits.
                length = width == 32 && parts[0].contains(":") ? given - 96 : given
                guard 0...width ~= length else { return nil }
            }
            self.base = base
            self.length = length
        }

        package func contains(_ address: IPAddress) -> Bool {
            switch (self.base, address) {
            // Swift's shift by the whole width gives 0, so that a length of 0 means everything.
            case (.v4(let base), .v4(let address)): (base ^ address) >> (32 - self.length) == 0
            case (.v6(let base), .v6(let address)): (base ^ address) >> (128 - self.length) == 0
            default: false
            }
        }
    }

    private var blocks: [Block] = []
    private var trustsUnixSockets = false

    /// Nobody is trusted.
    package init() {}

    /// - Parameter elements: Addresses, blocks, and `unix`; what is none of these trusts nobody.
    package init(_ elements: [String]) {
        self.blocks = elements.compactMap { Block($0) }
        self.trustsUnixSockets = elements.contains("unix")
    }

    /// What would be right instead of `text` as an element; nil when it is one.
    package static func complaint(about text: String) -> String? {
        text == "unix" || Block(text) != nil
            ? nil : "a proxy is an address, a block such as `10.0.0.0/8` or `fd00::/8`, or `unix`"
    }

    package func contain(_ peer: Peer) -> Bool {
        switch peer {
        case .ip(let address): self.contain(address)
        case .unixSocket: self.trustsUnixSockets
        case .unknown: false
        }
    }

    package func contain(_ address: IPAddress) -> Bool {
        self.blocks.contains { $0.contains(address) }
    }
}
