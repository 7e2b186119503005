//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
internal import NIOCore
package import NIOSSL
internal import Synchronization

/// The certificate chain and the key that new TLS handshakes use; a reload exchanges both at once.
package final class TLSIdentity: Sendable {
    /// Why a certificate cannot be used: the file, and what to do.
    package struct Problem: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// What a log line says about a certificate.
    package struct Summary: Sendable {
        package let subject: String
        /// Seconds since 1970.
        package let expiry: Int
        package let isExpired: Bool
    }

    private struct Current {
        var context: NIOSSLContext
        var summary: Summary
    }

    /// A chain of certificates is a few KiB; what is larger is another file.
    private static let fileLimit = 1024 * 1024

    private let certificate: String
    private let key: String
    private let current: Mutex<Current>

    /// Loads both PEM files; blocks on the disk.
    package init(certificate: String, key: String) throws(Problem) {
        self.certificate = certificate
        self.key = key
        self.current = Mutex(try Self.load(certificate: certificate, key: key))
    }

    /// What a new connection's handshake is made with.
    package var context: NIOSSLContext { self.current.withLock { $0.context } }

    package var summary: Summary { self.current.withLock { $0.summary } }

    /// Loads the files again, for connections that come from now on; blocks on the disk.
    ///
    /// - Throws: what is wrong with the new files; the old ones stay in use then.
    package func reload() throws(Problem) -> Summary {
        let new = try Self.load(certificate: self.certificate, key: self.key)
        self.current.withLock { $0 = new }
        return new.summary
    }

    private static func load(certificate: String, key: String) throws(Problem) -> Current {
        let chain: [NIOSSLCertificate]
        let chainBytes = try Self.read(certificate, setting: "tls.certificate")
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(chainBytes)
        } catch {
            throw Problem(description: "\(certificate) holds no PEM certificate: set `tls.certificate` to a PEM chain")
        }
        guard let leaf = chain.first else {
            throw Problem(description: "\(certificate) holds no PEM certificate: set `tls.certificate` to a PEM chain")
        }
        let privateKey: NIOSSLPrivateKey
        let keyBytes = try Self.read(key, setting: "tls.key")
        do {
            privateKey = try NIOSSLPrivateKey(bytes: keyBytes, format: .pem)
        } catch {
            throw Problem(description: "\(key) holds no PEM private key without a password: set `tls.key` to one")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(privateKey)
        )
        configuration.minimumTLSVersion = .tlsv12
        // Forward secrecy and authenticated encryption only; those of TLS 1.3 are always on.
        configuration.cipherSuiteValues = [
            .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ]
        configuration.applicationProtocols = ["http/1.1"]
        let context: NIOSSLContext
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw Problem(
                description: "the key in \(key) does not match the certificate in \(certificate): replace one of them"
            )
        }
        let expiry = Int(leaf.notValidAfter)
        let subject = leaf.description
        return Current(
            context: context,
            summary: Summary(subject: subject, expiry: expiry, isExpired: expiry < time(nil))
        )
    }

    private static func read(_ path: String, setting: String) throws(Problem) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let reason =
                errno == ENOENT ? "is not there" : errno == EACCES ? "may not be read" : "fails (errno \(errno))"
            throw Problem(description: "\(path) \(reason): set `\(setting)` to a PEM file that the server may read")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = Glibc.read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0, bytes.count + count <= Self.fileLimit else {
                throw Problem(description: "\(path) cannot be read as a PEM file: set `\(setting)` to one")
            }
            if count == 0 { return bytes }
            bytes += block[..<count]
        }
    }
}
