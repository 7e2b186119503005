//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
internal import NIOCore

/// Asks the admin listener of a server on this machine, as the commands do. Blocks.
package struct AdminClient: Sendable {
    /// Why nobody answered: one sentence that says what to do.
    package struct Unanswered: Error, CustomStringConvertible {
        package let description: String
    }

    package struct Answer: Sendable, Equatable {
        package let status: Int
        package let text: String

        package init(status: Int, text: String) {
            self.status = status
            self.text = text
        }
    }

    /// A reload waits for the scripts' `save` and `load`, and for those that come before it.
    private static let patience = timeval(tv_sec: 30, tv_usec: 0)

    private let address: AdminAddress

    /// - Parameters:
    ///   - address: what the server's `admin` is.
    ///   - port: the port of its clients, by which `auto` tells servers from each other.
    /// - Throws: ``Unanswered`` when it is off.
    package init(_ address: AdminAddress, port: Int) throws(Unanswered) {
        switch address {
        case .off:
            throw Unanswered(description: "the server has no admin listener: `admin` is off")
        case .auto:
            let folder = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) }
            self.address = .unix(path: AdminSocket.automaticPath(name: String(port), runtimeFolder: folder))
        case .unix, .tcp:
            self.address = address
        }
    }

    /// Sends a request and reads its answer to the end.
    package func post(_ target: String) throws(Unanswered) -> Answer {
        let descriptor = try self.connect()
        defer { close(descriptor) }
        var patience = Self.patience
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let request = "POST \(target) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        var rest = Array(request.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { throw self.unanswered(errno) }
            rest = rest.dropFirst(count)
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw self.unanswered(errno) }
            if count == 0 { break }
            bytes += chunk.prefix(count)
        }
        guard let answer = Self.parse(bytes) else {
            throw Unanswered(description: "what listens at \(self.address) is no Nightjar")
        }
        return answer
    }

    /// Takes an answer apart that ends with its connection; nil when it is none.
    package static func parse(_ bytes: [UInt8]) -> Answer? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n"), text.hasPrefix("HTTP/1.1 "),
            let status = Int(text.dropFirst("HTTP/1.1 ".count).prefix(3))
        else { return nil }
        return Answer(status: status, text: String(text[end.upperBound...]))
    }

    private func connect() throws(Unanswered) -> CInt {
        let address: SocketAddress?
        switch self.address {
        case .unix(let path): address = try? SocketAddress(unixDomainSocketPath: path)
        case .tcp(let host, let port): address = try? SocketAddress(ipAddress: host, port: port)
        case .auto, .off: address = nil
        }
        guard let address else { throw self.unanswered(EINVAL) }
        let descriptor = socket(CInt(address.protocol.rawValue), CInt(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw self.unanswered(errno) }
        let result = address.withSockAddr { Glibc.connect(descriptor, $0, socklen_t($1)) }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw self.unanswered(code)
        }
        return descriptor
    }

    private func unanswered(_ code: CInt) -> Unanswered {
        let reason = String(cString: strerror(code))
        return Unanswered(
            description:
                "no server answers at \(self.address): \(reason): start it, or name its port or its admin listener"
        )
    }
}
