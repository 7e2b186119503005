//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import NightjarServer
import Testing

struct TLSIdentityTests {
    private let folder: TemporaryFolder
    private let certificate: String
    private let key: String

    init() throws {
        self.folder = try TemporaryFolder()
        self.certificate = try self.folder.write("certificate.pem", Pem.certificate)
        self.key = try self.folder.write("key.pem", Pem.key)
    }

    private func problem(certificate: String? = nil, key: String? = nil) -> String? {
        do throws(TLSIdentity.Problem) {
            _ = try TLSIdentity(certificate: certificate ?? self.certificate, key: key ?? self.key)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func tellsWhoseCertificateItIs() throws {
        let summary = try TLSIdentity(certificate: self.certificate, key: self.key).summary
        #expect(summary.subject.hasSuffix(";common_name=nightjar.example;alternative_names=nightjar.example"))
        #expect(summary.validity == .valid)
        #expect("\(summary.expiry)".hasPrefix("21"))
    }

    @Test func takesAnExpiredCertificateAndSaysSo() throws {
        let certificate = try self.folder.write("expired.pem", Pem.expiredCertificate)
        let summary = try TLSIdentity(certificate: certificate, key: self.key).summary
        #expect(summary.validity == .expired)
        #expect("\(summary.expiry)" == "2020-01-02T00:00:00.000Z")
    }

    @Test func namesAKeyThatIsAnothers() throws {
        let key = try self.folder.write("other.pem", Pem.otherKey)
        let problem = try #require(self.problem(key: key))
        #expect(problem.contains("the key in \(key) does not match the first certificate in \(self.certificate)"))
    }

    @Test func namesAFileThatIsMissing() {
        #expect(self.problem(certificate: "/none/c")?.hasPrefix("/none/c is not there: set `tls.certificate`") == true)
        #expect(self.problem(key: "/none/k")?.hasPrefix("/none/k is not there: set `tls.key`") == true)
    }

    @Test(.enabled(if: geteuid() != 0, "root may read everything")) func namesAFileThatMayNotBeRead() {
        chmod(self.key, 0)
        #expect(self.problem()?.hasPrefix("\(self.key) may not be read: set `tls.key`") == true)
    }

    @Test func namesAFolder() {
        let problem = self.problem(key: self.folder.path)
        #expect(problem?.hasPrefix("\(self.folder.path) cannot be read (Is a directory): set `tls.key`") == true)
    }

    @Test(arguments: ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func namesAFileWithoutPem(_ text: String) throws {
        let path = try self.folder.write("x.pem", text)
        #expect(self.problem(certificate: path)?.hasPrefix("\(path) holds no PEM certificate") == true)
        #expect(self.problem(key: path)?.hasPrefix("\(path) holds no PEM private key") == true)
    }

    @Test func namesFilesThatAreExchanged() {
        let problem = self.problem(certificate: self.key, key: self.certificate)
        #expect(problem?.hasPrefix("\(self.key) holds no PEM certificate") == true)
    }

    @Test func namesAFileThatIsTooLarge() throws {
        let path = try self.folder.write("large.pem", String(repeating: "x", count: 1024 * 1024 + 1))
        #expect(self.problem(certificate: path)?.hasPrefix("\(path) is larger than 1048576 bytes") == true)
    }

    @Test func keepsTheOldOneWhenTheNewOneIsBad() throws {
        let identity = try TLSIdentity(certificate: self.certificate, key: self.key)
        let (context, stamps) = (identity.context, identity.stamps)
        _ = try self.folder.write("key.pem", Pem.otherKey)
        #expect(identity.look() != stamps)
        #expect(throws: TLSIdentity.Problem.self) { try identity.reload() }
        #expect(identity.context === context && identity.stamps == stamps)
        _ = try self.folder.write("key.pem", Pem.key)
        _ = try identity.reload()
        #expect(identity.context !== context && identity.stamps == identity.look())
    }
}
