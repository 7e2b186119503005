//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
internal import NIOCore

/// Why a server did not start: everything that has to be mended, a sentence each.
package struct ServerStartError: Error, CustomStringConvertible, Sendable {
    /// What is wrong and what to do about it.
    package let problems: [String]

    package init(_ problems: [String]) {
        self.problems = problems
    }

    init(binding host: String, _ port: Int, _ error: any Error) {
        let address = "\(host):\(port)"
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            self.init([
                "port \(port) is in use: stop the program that listens on \(address), or choose another with --port"
            ])
        case EACCES:
            self.init([
                "listening on \(address) is not allowed: ports below 1024 need privileges, choose another with --port"
            ])
        case EADDRNOTAVAIL:
            self.init(["\(host) is no address of this machine: choose another with --host"])
        default:
            self.init(["listening on \(address) failed: \(error)"])
        }
    }

    package var description: String {
        self.problems.joined(separator: "\n")
    }
}
