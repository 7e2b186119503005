//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

/// Cross-site WebSocket hijacking: who may connect from where.
struct OriginPolicyTests {
    /// The list, the Origin fields, the Host field, and the refusal.
    struct Row: Sendable, CustomTestStringConvertible {
        let patterns: [String]
        let origins: [String]
        var host = "good.com"
        var isSecure = false
        let refusal: OriginRefusal?

        init(
            _ patterns: [String] = ["same"],
            _ origins: String...,
            host: String = "good.com",
            secure: Bool = false,
            refused refusal: OriginRefusal? = nil
        ) {
            self.patterns = patterns
            self.origins = origins
            self.host = host
            self.isSecure = secure
            self.refusal = refusal
        }

        var testDescription: String { "\(patterns) \(origins) \(host) \(isSecure)" }
    }

    static let same: [Row] = [
        // No browser.
        Row(), Row([]), Row(["https://a.example"]), Row(["same"], host: ""),
        // The same host and port.
        Row(["same"], "http://good.com"), Row(["same"], "HTTP://GOOD.com"),
        Row(["same"], "http://good.com", host: "GOOD.COM"),
        Row(["same"], "http://good.com:80"), Row(["same"], "http://good.com", host: "good.com:80"),
        Row(["same"], " http://good.com\t"), Row(["same"], "https://good.com"), Row(["same"], "https://good.com:443"),
        Row(["same"], "https://good.com", host: "good.com:443"), Row(["same"], "https://good.com", secure: true),
        Row(["same"], "http://good.com:8080", host: "good.com:8080"),
        Row(["same"], "https://good.com:8443", host: "good.com:8443", secure: true),
        Row(["same"], "http://localhost:3000", host: "localhost:3000"),
        Row(["same"], "http://127.0.0.1:3000", host: "127.0.0.1:3000"),
        Row(["same"], "http://[::1]", host: "[::1]"), Row(["same"], "http://[::1]:80", host: "[::1]"),
        Row(["same"], "http://[2001:DB8::1]:8080", host: "[2001:db8::1]:8080"),
        Row(["same"], "http://xn--bcher-kva.example", host: "xn--bcher-kva.example"),
        // Another port.
        Row(["same"], "http://good.com:8080", refused: .notListed),
        Row(["same"], "http://good.com", host: "good.com:8080", refused: .notListed),
        Row(["same"], "http://good.com:443", host: "good.com:80", refused: .notListed),
        Row(["same"], "https://good.com", host: "good.com:80", refused: .notListed),
        Row(["same"], "http://good.com", host: "good.com:443", refused: .notListed),
        Row(["same"], "http://[::1]:8080", host: "[::1]", refused: .notListed),
        // Another scheme.
        Row(["same"], "http://good.com", secure: true, refused: .notListed),
        Row(["same"], "ftp://good.com", refused: .notListed),
        Row(["same"], "ws://good.com", refused: .notListed),
        Row(["same"], "chrome-extension://good.com", refused: .notListed),
        // Another host, and tricks with its name.
        Row(["same"], "http://evil.com", refused: .notListed),
        Row(["same"], "http://good.com.evil.com", refused: .notListed),
        Row(["same"], "http://evilgood.com", refused: .notListed),
        Row(["same"], "http://sub.good.com", refused: .notListed),
        Row(["same"], "http://good.co", refused: .notListed), Row(["same"], "http://good.comx", refused: .notListed),
        Row(["same"], "http://good_com", refused: .notListed),
        Row(["same"], "http://[::2]", host: "[::1]", refused: .notListed),
        Row(["same"], "http://good.com", host: "good.com/", refused: .notListed),
        Row(["same"], "http://good.com", host: "", refused: .notListed),
        Row(["same"], "http://good.com", host: "evil@good.com", refused: .notListed),
        // Nothing is allowed.
        Row([], "http://good.com", refused: .notListed), Row([], "null", refused: .null),
    ]

    static let null: [Row] = [
        Row(["same"], "null", refused: .null), Row(["*"], "null", refused: .null), Row(["null"], "null"),
        Row(["same", "null"], " null "),
        Row(["null"], "http://good.com", refused: .notListed), Row(["null"], "NULL", refused: .malformed),
        Row(["null"], "null null", refused: .malformed),
    ]

    static let malformed: [Row] = [
        "", " ", "good.com", "//good.com", "http:", "http:/", "http://", "http:good.com", "://good.com",
        "http//good.com",
        "http://good.com/", "http://good.com/path", "http://good.com?x", "http://good.com#x", "http://good.com.",
        "http://good..com", "http://.good.com", "http://user@good.com", "http://good.com@evil.com",
        "http://good.com:80@evil.com", "http://good.com:", "http://good.com:0", "http://good.com:65536",
        "http://good.com:000080", "http://good.com:+80", "http://good.com:8x", "http://good.com:80:80",
        "http://good.com, http://evil.com", "http://good.com http://evil.com", "http://good.com\\evil.com",
        "http://good.com\u{0}", "http://gööd.com", "http://good.com。", "http://[::1", "http://[]", "http://[good.com]",
        "http://[::1]x", "http://[::1%25eth0]", "http://*.good.com", "*", "1http://good.com", "h ttp://good.com",
        "file://", "http://good.com%2eevil.com", "same",
    ].map { Row(["same", "*", "null", "good.com"], $0, refused: .malformed) }

    static let repeated: [Row] = [
        Row(["*"], "http://good.com", "http://good.com", refused: .repeated),
        Row(["same"], "http://good.com", "http://evil.com", refused: .repeated),
        Row(["null"], "null", "null", refused: .repeated), Row(["same"], "", "http://good.com", refused: .repeated),
    ]

    static let listed: [Row] = [
        Row(["*"], "http://evil.com"), Row(["*"], "chrome-extension://abcdef"), Row(["*"], "https://a:1", secure: true),
        // A host with the default port.
        Row(["a.example"], "http://a.example"), Row(["a.example"], "https://a.example"),
        Row(["A.Example"], "https://a.EXAMPLE"),
        Row(["a.example"], "https://a.example", secure: true),
        Row(["a.example"], "http://a.example:8080", refused: .notListed),
        Row(["a.example"], "ftp://a.example", refused: .notListed),
        Row(["a.example"], "http://x.a.example", refused: .notListed),
        Row(["a.example"], "http://good.com", refused: .notListed), Row(["127.0.0.1"], "http://127.0.0.1"),
        // With a port.
        Row(["a.example:8443"], "https://a.example:8443"), Row(["a.example:8443"], "http://a.example:8443"),
        Row(["a.example:8443"], "https://a.example", refused: .notListed), Row(["a.example:443"], "https://a.example"),
        Row(["a.example:443"], "http://a.example", refused: .notListed), Row(["[::1]:3000"], "http://[::1]:3000"),
        // With a scheme.
        Row(["https://a.example"], "https://a.example"), Row(["https://a.example"], "https://a.example:443"),
        Row(["https://a.example:443"], "https://a.example"),
        Row(["https://a.example"], "http://a.example", refused: .notListed),
        Row(["https://a.example"], "https://a.example:8443", refused: .notListed),
        Row(["HTTPS://a.example"], "https://a.example"),
        Row(["https://a.example:8443"], "https://a.example:8443"),
        Row(["https://a.example:8443"], "https://a.example", refused: .notListed),
        Row(["https://a.example:8443"], "http://a.example:8443", refused: .notListed),
        Row(["chrome-extension://abcdef"], "chrome-extension://abcdef"),
        Row(["chrome-extension://abcdef"], "chrome-extension://abcdee", refused: .notListed),
        // Sub-domains.
        Row(["*.example.com"], "http://a.example.com"), Row(["*.example.com"], "https://a.b.c.example.com"),
        Row(["*.example.com"], "https://A.EXAMPLE.COM"),
        Row(["*.example.com"], "https://example.com", refused: .notListed),
        Row(["*.example.com"], "https://evilexample.com", refused: .notListed),
        Row(["*.example.com"], "https://.example.com", refused: .malformed),
        Row(["*.example.com"], "https://a.example.com.evil.com", refused: .notListed),
        Row(["*.example.com"], "https://a.example.com:8443", refused: .notListed),
        Row(["*.example.com:8443"], "https://a.example.com:8443"),
        Row(["https://*.example.com"], "https://a.example.com"),
        Row(["https://*.example.com"], "http://a.example.com", refused: .notListed),
        // Several.
        Row(["a.example", "b.example"], "http://b.example"), Row(["same", "b.example"], "http://good.com"),
        Row(["a.example", "b.example"], "http://good.com", refused: .notListed),
    ]

    @Test(arguments: same) func comparesWithTheHostOfTheRequest(row: Row) throws { try check(row) }
    @Test(arguments: null) func allowsNullOnlyByItsName(row: Row) throws { try check(row) }
    @Test(arguments: malformed) func refusesWhatNoBrowserWrites(row: Row) throws { try check(row) }
    @Test(arguments: repeated) func refusesSeveralFields(row: Row) throws { try check(row) }
    @Test(arguments: listed) func comparesWithTheList(row: Row) throws { try check(row) }

    private func check(_ row: Row) throws {
        let policy = OriginPolicy(try row.patterns.map { try OriginPattern($0) })
        #expect(policy.refusal(origins: row.origins, host: row.host, isSecure: row.isSecure) == row.refusal)
        // The same through a request head, whatever the names' case.
        var request = HandshakeRequest(method: "GET", majorVersion: 1, minorVersion: 1)
        request.add(name: "HOST", value: row.host)
        for (place, origin) in row.origins.enumerated() {
            request.add(name: place == 0 ? "oRiGiN" : "Origin", value: origin)
        }
        #expect(request.originRefusal(under: policy, isSecure: row.isSecure) == row.refusal)
    }

    @Test func isTheSameHostUnlessSaidOtherwise() {
        #expect(OriginPolicy().patterns == [.same])
    }

    @Test func saysNothingOfTheRequest() {
        #expect(Set(OriginRefusal.allCases.map(\.sentence)).count == OriginRefusal.allCases.count)
        for refusal in [OriginRefusal.null, .notListed] { #expect(refusal.sentence.contains("`origins`")) }
    }
}
