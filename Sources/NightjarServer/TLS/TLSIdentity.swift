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
        /// Whether clients that look at the clock will take it.
        package enum Validity: Sendable {
            case notYet, valid, expired
        }

        /// Whose it is, as in `serial_number=1f;common_name=a.example;alternative_names=a.example`.
        package let subject: String
        /// The first and the last second in which it is valid.
        package let begin: LogTime
        package let expiry: LogTime
        package let validity: Validity

        init(_ certificate: NIOSSLCertificate, now: LogTime) {
            // NIOSSL shows the names in its description only: `<NIOSSLCertificate;serial_number=…;common_name=…>`.
            let parts = certificate.description.split(separator: ";").dropFirst().joined(separator: ";")
            self.subject = parts.hasSuffix(">") ? String(parts.dropLast()) : parts
            self.begin = LogTime(milliseconds: Int64(certificate.notValidBefore) * 1000)
            self.expiry = LogTime(milliseconds: Int64(certificate.notValidAfter) * 1000)
            let seconds = now.milliseconds
            self.validity =
                seconds < self.begin.milliseconds ? .notYet : seconds > self.expiry.milliseconds ? .expired : .valid
        }
    }

    private struct Current {
        var context: NIOSSLContext
        var summary: Summary
        var stamps: [FileStamp?]
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

    /// The state of both files that is in use: as it was before they were read.
    package var stamps: [FileStamp?] { self.current.withLock { $0.stamps } }

    /// The state of both files now; blocks on the disk.
    package func look() -> [FileStamp?] { Self.stamps(self.certificate, self.key) }

    /// Loads the files again, for connections that come from now on; blocks on the disk.
    ///
    /// - Throws: what is wrong with the new files; the old ones stay in use then.
    package func reload() throws(Problem) -> Summary {
        let new = try Self.load(certificate: self.certificate, key: self.key)
        self.current.withLock { $0 = new }
        return new.summary
    }

    private static func load(certificate: String, key: String) throws(Problem) -> Current {
        let stamps = Self.stamps(certificate, key)
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
        } catch NIOSSLError.failedToLoadPrivateKey {
            let sentence = "the key in \(key) does not match the first certificate in \(certificate)"
            throw Problem(description: "\(sentence): replace one of them, or put the server's own certificate first")
        } catch {
            throw Problem(description: "\(certificate) with \(key) cannot be used for TLS: replace them (\(error))")
        }
        return Current(context: context, summary: Summary(leaf, now: .now()), stamps: stamps)
    }

    private static func stamps(_ certificate: String, _ key: String) -> [FileStamp?] {
        [FileStamp(certificate), FileStamp(key)]
    }

    private static func read(_ path: String, setting: String) throws(Problem) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let reason =
                switch errno {
                case ENOENT: "is not there"
                case EACCES: "may not be read"
                case let code: "cannot be opened (\(String(cString: strerror(code))))"
                }
            throw Problem(description: "\(path) \(reason): set `\(setting)` to a PEM file that the server may read")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = Glibc.read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                let reason = String(cString: strerror(errno))
                throw Problem(description: "\(path) cannot be read (\(reason)): set `\(setting)` to a PEM file")
            }
            guard bytes.count + count <= Self.fileLimit else {
                let limit = Self.fileLimit
                throw Problem(description: "\(path) is larger than \(limit) bytes: set `\(setting)` to a PEM file")
            }
            if count == 0 { return bytes }
            bytes += block[..<count]
        }
    }
}
