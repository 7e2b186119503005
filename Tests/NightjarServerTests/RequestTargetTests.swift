//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct RequestTargetTests {
    @Test(arguments: [
        ("/", "/", []),
        ("/echo", "/echo", []),
        ("/a%20b", "/a b", []),
        ("/%C3%A9", "/é", []),
        ("/a+b", "/a+b", []),
        ("/echo?", "/echo", []),
        ("/echo?a=1&b=2", "/echo", ["a=1", "b=2"]),
        ("/echo?a=1&a=2", "/echo", ["a=1"]),
        ("/echo?a", "/echo", ["a="]),
        ("/echo?a+b=c%2Bd", "/echo", ["a b=c+d"]),
        ("/echo?=x&&y=%2F", "/echo", ["=x", "y=/"]),
        ("/echo?a=b=c?d", "/echo", ["a=b=c?d"]),
        ("http://host/echo?a=1", "/echo", ["a=1"]),
        ("WS://host:80/echo", "/echo", []),
        ("https://host", "/", []),
        ("http://host?a=1", "/", ["a=1"]),
        ("//double", "//double", []),
    ])
    func reads(raw: String, path: String, query: [String]) throws {
        let target = try RequestTarget(raw)
        #expect(target.path == path)
        #expect(target.query.map { "\($0.name)=\($0.value)" } == query)
        #expect(target.raw == raw)
    }

    @Test(arguments: [
        ("/echo", nil), ("//host/echo", nil), ("http://host/echo", "host"), ("WS://Host:80/echo", "Host:80"),
        ("https://[::1]:8443", "[::1]:8443"), ("http://host?a=http://other/", "host"),
    ])
    func namesAHostInAbsoluteFormOnly(raw: String, authority: String?) throws {
        #expect(try RequestTarget(raw).authority == authority)
    }

    @Test(arguments: [
        ("", RequestTarget.Malformed.notAPath),
        ("*", .notAPath),
        ("echo", .notAPath),
        ("ftp://host/", .notAPath),
        ("http:///", .authority),
        ("http://", .authority),
        ("http://user@host/", .authority),
        ("http://ho st/", .authority),
        ("/%", .badEscape),
        ("/%2", .badEscape),
        ("/%zz", .badEscape),
        ("/?a=%g0", .badEscape),
        ("/%FF", .notUTF8),
        ("/?a=%C3", .notUTF8),
        ("/%00", .nulByte),
        ("/?a=%00", .nulByte),
        ("/a%2Fb", .encodedSlash),
        ("/a%2fb", .encodedSlash),
        ("/a#b", .fragment),
    ])
    func refuses(raw: String, reason: RequestTarget.Malformed) {
        #expect(throws: reason) { try RequestTarget(raw) }
        #expect(!reason.sentence.isEmpty)
    }
}
