//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NIOCore

/// Where the admin listener is to be found.
package enum AdminAddress: Hashable, Sendable {
    /// A Unix socket of this server's own, in a folder that only its user may enter.
    case auto
    case off
    case unix(path: String)
    /// A loopback address, and a port; 0 takes any free one.
    case tcp(host: String, port: Int)

    /// `auto`, `off`, `unix:PATH`, `127.0.0.1:9090` or `[::1]:9090`; nil for anything else.
    ///
    /// The listener asks for no password, so an address that another machine could reach is none that it takes.
    package init?(_ text: String) {
        switch text {
        case "auto": self = .auto
        case "off", "false", "no": self = .off
        default:
            if text.hasPrefix("unix:") {
                let path = String(text.dropFirst("unix:".count))
                guard !path.isEmpty, !path.contains("\0") else { return nil }
                self = .unix(path: path)
                return
            }
            guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
                return nil
            }
            var host = text[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") {
                host = host.dropFirst().dropLast()
            } else if host.contains(":") {
                return nil
            }
            guard let address = try? SocketAddress(ipAddress: String(host), port: Int(port)), address.isLoopback else {
                return nil
            }
            self = .tcp(host: String(host), port: Int(port))
        }
    }
}

extension AdminAddress: CustomStringConvertible {
    /// As it is written in the configuration.
    package var description: String {
        switch self {
        case .auto: "auto"
        case .off: "off"
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}

extension SocketAddress {
    /// Whether it is one of 127.0.0.0/8, or ::1. The address stands behind family and port, and in IPv6 behind the flow.
    var isLoopback: Bool {
        switch self {
        case .v4(let address):
            withUnsafeBytes(of: address.address) { $0[4] == 127 }
        case .v6(let address):
            withUnsafeBytes(of: address.address) { $0[8..<23].allSatisfy { $0 == 0 } && $0[23] == 1 }
        case .unixDomainSocket:
            false
        }
    }
}
