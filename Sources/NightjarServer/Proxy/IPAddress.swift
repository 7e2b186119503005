//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
package import NIOCore

/// An IP address as a number. An IPv4 address that is mapped into IPv6 (`::ffff:1.2.3.4`) is the IPv4 address.
package enum IPAddress: Hashable, Sendable, CustomStringConvertible {
    case v4(UInt32)
    case v6(UInt128)

    /// Reads a literal without brackets, port or zone.
    package init?(_ text: String) {
        // C would end the text at a NUL. The longest literal has 45 characters.
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        // In network order; the structures of C are these bytes and nothing else.
        var four: UInt32 = 0
        var six: UInt128 = 0
        if inet_pton(AF_INET, text, &four) == 1 {
            self = .v4(UInt32(bigEndian: four))
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            self.init(UInt128(bigEndian: six))
        } else {
            return nil
        }
    }

    /// The address of a socket's end; nil for a Unix socket's, which has none.
    package init?(_ address: SocketAddress?) {
        switch address {
        // Structures of C, whose fields belong to a module that is NIO's own.
        case .v4(let address):
            // Behind family and port.
            let four = withUnsafeBytes(of: address.address) { $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self) }
            self = .v4(UInt32(bigEndian: four))
        case .v6(let address):
            // Behind family, port and flow.
            let six = withUnsafeBytes(of: address.address) { $0.loadUnaligned(fromByteOffset: 8, as: UInt128.self) }
            self.init(UInt128(bigEndian: six))
        case .unixDomainSocket, nil: return nil
        }
    }

    private init(_ six: UInt128) {
        self = six >> 32 == 0xFFFF ? .v4(UInt32(truncatingIfNeeded: six)) : .v6(six)
    }

    /// The shortest literal (RFC 5952).
    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        switch self {
        case .v4(let four):
            var address = four.bigEndian
            inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
        case .v6(let six):
            var address = six.bigEndian
            inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
