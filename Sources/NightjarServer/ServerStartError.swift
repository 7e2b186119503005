//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
internal import NIOCore

/// Why a server did not start: everything that has to be mended.
package struct ServerStartError: Error, CustomStringConvertible, Sendable {
    /// One thing to mend.
    package enum Problem: Sendable, Equatable, CustomStringConvertible {
        /// The configuration has settings for a route that is none of `routes`; all are names as in
        /// ``ServerConfiguration/routes``.
        case unknownRoute(String, routes: [String])

        /// What the configuration sets and cannot be: the place, what is wrong and what to do about it.
        case misconfigured(place: String, String)

        /// What is wrong with a script.
        case script(Diagnosis)

        /// Anything else: what is wrong and what to do about it.
        case other(String)

        package var description: String {
            switch self {
            case .unknownRoute(let name, _): "there are settings for the route \(name), but no \(name).lua is served"
            case .misconfigured(let place, let sentence): "\(place): \(sentence)"
            case .script(let diagnosis): diagnosis.description
            case .other(let sentence): sentence
            }
        }
    }

    package let problems: [Problem]

    package init(_ problems: [Problem]) {
        self.problems = problems
    }

    package init(_ sentences: [String]) {
        self.init(sentences.map(Problem.other))
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

    /// - Parameter addresses: all that are to be bound, of which one may be in the other's way.
    init(binding address: ListenAddress, _ error: any Error, among addresses: [ListenAddress] = []) {
        let code = (error as? IOError)?.errnoCode
        self.init(binding: address, code: code, other: "\(error)", among: addresses)
    }

    /// - Parameters:
    ///   - code: the errno of what failed, if there is one.
    ///   - other: what failed, for a code that this does not know; nil for what the system calls it.
    package init(
        binding address: ListenAddress,
        code: CInt?,
        other: String? = nil,
        among addresses: [ListenAddress] = []
    ) {
        let remedy =
            switch code {
            case EADDRINUSE where addresses.contains { $0 != address && $0.takesAllFamilies(on: address.port) }:
                "[::] takes IPv4 on that port too, leave one of them out"
            case EADDRINUSE: "it is in use, stop the program that listens there or choose another"
            case EACCES: "it is not allowed, choose a port from 1024 on or a folder that may be written"
            case EADDRNOTAVAIL: "it is no address of this machine, choose another"
            case ENOENT: "its folder is not there, make it or choose another"
            case EAFNOSUPPORT: "this machine has no such network, choose another"
            default: "choose another (\(other ?? code.map { String(cString: strerror($0)) } ?? "unknown"))"
            }
        self.init(["`listen`: \(address) cannot be bound: \(remedy)"])
    }

    package var description: String {
        self.problems.map(\.description).joined(separator: "\n")
    }
}
