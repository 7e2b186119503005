//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct CryptoTests {
    /// FIPS 180-4's examples as NIST publishes them, and lengths around the padding's (from Python's hashlib).
    @Test(arguments: [
        ("''", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("'abc'", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        ("('a'):rep(1000000)", "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ("'\\xbd'", "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"),
        ("('\\0'):rep(55)", "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"),
        ("('\\0'):rep(56)", "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"),
        ("('\\0'):rep(57)", "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785"),
        ("('\\0'):rep(63)", "c7723fa1e0127975e49e62e753db53924c1bd84b8ac1ac08df78d09270f3d971"),
        ("('\\0'):rep(64)", "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"),
        ("('\\0'):rep(65)", "98ce42deef51d40269d542f5314bef2c7468d401ad5d85168bfab4c0108f75f7"),
    ])
    func sha256(data: String, digest: String) throws {
        #expect(try printed("ws.crypto.hex(ws.crypto.sha256(\(data)))") == digest)
    }

    /// RFC 4231, test cases 1 to 4, 6 and 7.
    @Test(arguments: [
        ("('\\x0b'):rep(20)", "'Hi There'", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            "'Jefe'", "'what do ya want for nothing?'",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        ("('\\xaa'):rep(20)", "('\\xdd'):rep(50)", "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            "ws.crypto.hex_decode('0102030405060708090a0b0c0d0e0f10111213141516171819')", "('\\xcd'):rep(50)",
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        (
            "('\\xaa'):rep(131)", "'Test Using Larger Than Block-Size Key - Hash Key First'",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            "('\\xaa'):rep(131)",
            """
            'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be \
            hashed before being used by the HMAC algorithm.'
            """,
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ])
    func hmacSHA256(key: String, data: String, digest: String) throws {
        #expect(try printed("ws.crypto.hex(ws.crypto.hmac_sha256(\(key), \(data)))") == digest)
    }

    /// RFC 4648, section 10, and the two digits in which the alphabets differ.
    @Test(arguments: [
        ("", "", "", ""), ("f", "Zg==", "Zg", "66"), ("fo", "Zm8=", "Zm8", "666f"), ("foo", "Zm9v", "Zm9v", "666f6f"),
        ("foob", "Zm9vYg==", "Zm9vYg", "666f6f62"), ("fooba", "Zm9vYmE=", "Zm9vYmE", "666f6f6261"),
        ("foobar", "Zm9vYmFy", "Zm9vYmFy", "666f6f626172"), ("\\xfb\\xff\\xfe", "+//+", "-__-", "fbfffe"),
        ("\\0\\x10\\x83", "ABCD", "ABCD", "001083"),
    ])
    func encodesAndDecodes(bytes: String, base64: String, base64url: String, hex: String) throws {
        let encoded = "c.base64(s), c.base64url(s), c.hex(s)"
        let body = "local c, s = ws.crypto, '\(bytes)'"
        #expect(try printed(encoded, after: body) == "\(base64)\t\(base64url)\t\(hex)")
        let decoded = """
            c.base64_decode('\(base64)') == s, c.base64url_decode('\(base64url)') == s, \
            c.hex_decode('\(hex)') == s, c.hex_decode('\(hex.uppercased())') == s
            """
        #expect(try printed(decoded, after: body) == "true\ttrue\ttrue\ttrue")
    }

    @Test func everyLengthComesBack() throws {
        let body = """
            local c = ws.crypto for n = 0, 300 do local s = c.random(n + 1):sub(1, n) \
            assert(c.base64_decode(c.base64(s)) == s and c.base64url_decode(c.base64url(s)) == s, n) \
            assert(c.hex_decode(c.hex(s)) == s and c.base64url_decode(c.base64url(s) .. ('='):rep(-#c.base64url(s) % 4)) == s, n) end
            """
        #expect(try printed("'done'", after: body) == "done")
    }

    /// What is no encoding, or one of several texts for the same bytes, is nil and a reason.
    @Test(arguments: [
        ("base64_decode('Zg=')", "the length is no multiple of 4: padding is missing"),
        ("base64_decode('Zg')", "the length is no multiple of 4: padding is missing"),
        ("base64_decode('Z===')", "byte 2 is no digit of base 64"),
        ("base64_decode('====')", "byte 1 is no digit of base 64"),
        ("base64_decode('Zg==Zg==')", "byte 3 is no digit of base 64"),
        ("base64_decode('Zm9v\\nZm9v')", "the length is no multiple of 4: padding is missing"),
        ("base64_decode('Zm 9')", "byte 3 is no digit of base 64"),
        ("base64_decode('-__-')", "byte 1 is no digit of base 64"),
        ("base64_decode('Zh==')", "byte 2 has bits that belong to no byte"),
        ("base64_decode('Zm9=')", "byte 3 has bits that belong to no byte"),
        ("base64url_decode('+//+')", "byte 1 is no digit of base 64"),
        ("base64url_decode('Z')", "the last digit stands alone"),
        ("base64url_decode('Zm8=x')", "byte 4 is no digit of base 64"),
        ("base64url_decode('Zg=')", "byte 3 is no digit of base 64"),
        ("base64url_decode('Zh')", "byte 2 has bits that belong to no byte"),
        ("hex_decode('abc')", "the number of digits is odd"),
        ("hex_decode('0g')", "byte 2 is no hexadecimal digit"),
        ("hex_decode('0x10')", "byte 2 is no hexadecimal digit"),
        ("hex_decode(' 10')", "byte 1 is no hexadecimal digit"),
    ])
    func refusesOtherTexts(call: String, reason: String) throws {
        #expect(try printed("ws.crypto.\(call)") == "nil\t\(reason)")
    }

    @Test(arguments: [
        ("'', ''", true), ("'abc', 'abc'", true), ("'abc', 'abd'", false), ("'abc', 'xbc'", false),
        ("'abc', 'ab'", false),
        ("'', 'a'", false), ("'a\\0b', 'a\\0c'", false), ("('x'):rep(1000), ('x'):rep(1000)", true),
    ])
    func comparesInConstantTime(arguments: String, isEqual: Bool) throws {
        #expect(try printed("ws.crypto.equal(\(arguments))") == "\(isEqual)")
    }

    @Test func randomBytesDiffer() throws {
        #expect(try printed("#ws.crypto.random(1), #ws.crypto.random(16), #ws.crypto.random(65536)") == "1\t16\t65536")
        let body =
            "local seen, n = {}, 0 for i = 1, 1000 do local s = ws.crypto.random(16) n = n + (seen[s] and 0 or 1) seen[s] = true end"
        #expect(try printed("n", after: body) == "1000")
    }

    @Test(arguments: [
        ("ws.crypto.sha256()", "ws.crypto.sha256: data must be a string, not missing"),
        ("ws.crypto.sha256(1)", "ws.crypto.sha256: data must be a string, not number"),
        ("ws.crypto.sha256({})", "ws.crypto.sha256: data must be a string, not table"),
        ("ws.crypto.hmac_sha256(nil, 'x')", "ws.crypto.hmac_sha256: key must be a string, not nil"),
        ("ws.crypto.hmac_sha256('x')", "ws.crypto.hmac_sha256: data must be a string, not missing"),
        ("ws.crypto.equal('x')", "ws.crypto.equal: the second value must be a string, not missing"),
        ("ws.crypto.equal(nil, 'x')", "ws.crypto.equal: the first value must be a string, not nil"),
        ("ws.crypto.random()", "ws.crypto.random: the number of bytes must be an integer from 1 to 65536"),
        ("ws.crypto.random(0)", "ws.crypto.random: the number of bytes must be an integer from 1 to 65536"),
        ("ws.crypto.random(65537)", "ws.crypto.random: the number of bytes must be an integer from 1 to 65536"),
        ("ws.crypto.random(1.5)", "ws.crypto.random: the number of bytes must be an integer from 1 to 65536"),
        ("ws.crypto.random('8')", "ws.crypto.random: the number of bytes must be an integer from 1 to 65536"),
        ("ws.crypto.base64(1)", "ws.crypto.base64: data must be a string, not number"),
        ("ws.crypto.base64_decode()", "ws.crypto.base64_decode: data must be a string, not missing"),
        ("ws.crypto.base64url(conn)", "ws.crypto.base64url: data must be a string, not conn"),
        ("ws.crypto.base64url_decode(nil)", "ws.crypto.base64url_decode: data must be a string, not nil"),
        ("ws.crypto.hex(1)", "ws.crypto.hex: data must be a string, not number"),
        ("ws.crypto.hex_decode(true)", "ws.crypto.hex_decode: data must be a string, not boolean"),
        ("ws.crypto.md5('x')", "unknown field of ws.crypto: \"md5\""),
        ("ws.crypto.sha265('x')", "unknown field of ws.crypto: \"sha265\": did you mean \"sha256\"?"),
    ])
    func misuseRaisesAtTheCaller(body: String, message: String) throws {
        #expect(try failure(of: body).message == "test.lua:1: \(message)")
    }

    /// Long strings cannot make the handler outlive its budget.
    @Test(arguments: [
        "sha256(s)", "hmac_sha256('k', s)", "base64(s)", "hex(s)", "base64url_decode(s)", "hex_decode(s)",
    ])
    func longDataEndsWithTheDeadline(call: String) throws {
        var limits = ScriptLimits.test
        limits.memory = 64 << 20
        limits.eventCPU = .milliseconds(20)
        let fixture = try Fixture(
            "local s = ('a'):rep(1 << 20) return { message = function() repeat ws.crypto.\(call) until false end }",
            limits: limits
        )
        let error = #expect(throws: ScriptError.self) { try fixture.message() }
        #expect(error?.kind == .deadline)
    }
}
