//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NIOCore
import NightjarServer
import Testing

struct TrustedProxiesTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::1", "::1"),
        ("::", "::"), ("2001:0DB8:0:0::1", "2001:db8::1"), ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::FFFF:0102:0304", "1.2.3.4"),
    ])
    func readsAndWritesAddresses(text: String, written: String) throws {
        #expect(IPAddress(text)?.description == written)
        #expect(try IPAddress(SocketAddress(ipAddress: text, port: 1))?.description == written)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "1.2.3.4:80", "[::1]", "::1%eth0", "a.example", "1.2.3.4\0",
        ":::",
        "01.2.3.4x", "unix", String(repeating: "1", count: 1000),
    ])
    func refusesOtherAddresses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func aUnixSocketHasNoAddress() throws {
        #expect(try IPAddress(SocketAddress(unixDomainSocketPath: "/a")) == nil)
        #expect(IPAddress(SocketAddress?.none) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("10.0.0.0/8", "10.255.1.2", true),
        ("10.0.0.0/8", "11.0.0.0", false), ("10.9.9.9/8", "10.1.1.1", true), ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "::1", false), ("192.168.1.0/25", "192.168.1.127", true),
        ("192.168.1.0/25", "192.168.1.128", false),
        ("1.2.3.4/32", "1.2.3.4", true), ("1.2.3.4/32", "1.2.3.5", false), ("1.2.3.4", "::ffff:1.2.3.4", true),
        ("::ffff:1.2.3.4", "1.2.3.4", true), ("::ffff:10.0.0.0/104", "10.1.1.1", true), ("::1", "::1", true),
        ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe80::1", false), ("::/0", "2001:db8::1", true),
        ("::/0", "1.2.3.4", false),
        ("2001:db8::/127", "2001:db8::1", true), ("2001:db8::/127", "2001:db8::2", false), ("unix", "127.0.0.1", false),
    ])
    func containsAddresses(element: String, address: String, isIn: Bool) throws {
        #expect(TrustedProxies.complaint(about: element) == nil)
        #expect(TrustedProxies([element]).contain(try #require(IPAddress(address))) == isIn)
        #expect(!TrustedProxies().contain(try #require(IPAddress(address))))
    }

    @Test func trustsUnixSocketsByTheirName() {
        #expect(TrustedProxies(["::1", "unix"]).contain(.unixSocket))
        #expect(!TrustedProxies(["0.0.0.0/0", "::/0"]).contain(.unixSocket))
        #expect(!TrustedProxies(["0.0.0.0/0", "::/0", "unix"]).contain(.unknown))
    }

    @Test(arguments: [
        "", "Unix", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "::/129", "a.example",
        "10.0.0/8",
        "::ffff:1.2.3.4/95", "10.0.0.0/0000", "/8", "[::1]",
    ])
    func refusesOtherElements(text: String) {
        #expect(TrustedProxies.complaint(about: text)?.contains("`10.0.0.0/8`") == true)
        #expect(TrustedProxies([text]) == TrustedProxies())
    }
}
