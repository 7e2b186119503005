//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct DeflateNegotiationTests {
    enum Verdict: Equatable {
        case agreed(DeflateParameters, String)
        case declined
        case malformed
    }

    static let name = "permessage-deflate"
    static let plain = Verdict.agreed(
        DeflateParameters(),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    )

    private func verdict(_ lines: [String], _ policy: DeflatePolicy = DeflatePolicy()) -> Verdict {
        do {
            guard let agreement = try DeflateNegotiation.negotiate(lines: lines, policy: policy) else {
                return .declined
            }
            return .agreed(agreement.parameters, agreement.response)
        } catch {
            #expect(error == .extensions)
            return .malformed
        }
    }

    private static func agreed(_ rest: String, server: UInt8 = 15, client: UInt8 = 15) -> Verdict {
        .agreed(
            DeflateParameters(serverMaxWindowBits: server, clientMaxWindowBits: client),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover" + rest
        )
    }

    /// Values of a window's size that no offer may have; each makes the offer one to decline.
    static let badBits =
        [
            "7", "16", "0", "1", "010", "08", "015", "+10", "-9", "10.0", "1e1", "0x0a", "a", "99999999999999999999",
            "255", "256",
        ]

    /// One for each size, bare and quoted, for both parameters.
    @Test func takesEveryWindowOfTheRFC() {
        for bits in UInt8(8)...15 {
            for value in ["\(bits)", "\"\(bits)\"", " \(bits)", "\" \(bits)\"".replacing(" ", with: "")] {
                let server = verdict(["\(Self.name); server_max_window_bits=\(value)"])
                #expect(
                    server == (bits == 8 ? .declined : Self.agreed("; server_max_window_bits=\(bits)", server: bits))
                )
                let client = verdict(["\(Self.name); client_max_window_bits=\(value)"])
                let answer = max(bits, 9)
                #expect(client == Self.agreed("; client_max_window_bits=\(answer)", client: answer))
            }
        }
        let escaped = verdict([#"permessage-deflate; server_max_window_bits="1\0""#])
        #expect(escaped == Self.agreed("; server_max_window_bits=10", server: 10))
    }

    @Test func declinesBadValuesAndGoesOn() {
        for parameter in ["server_max_window_bits", "client_max_window_bits"] {
            for bits in Self.badBits {
                for value in [bits, "\"\(bits)\""] {
                    let offer = "\(Self.name); \(parameter)=\(value)"
                    #expect(verdict([offer]) == .declined, "\(offer)")
                    #expect(verdict([offer + ", " + Self.name]) == Self.plain, "\(offer)")
                    #expect(verdict([offer, Self.name]) == Self.plain, "\(offer)")
                }
            }
        }
    }

    static let declined: [String] = [
        "server_max_window_bits", "server_no_context_takeover=1", "client_no_context_takeover=true",
        #"server_no_context_takeover="x""#, "unknown", "unknown=1", #"unknown="1""#,
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "client_max_window_bits; client_max_window_bits", "client_max_window_bits=10; client_max_window_bits",
        "client_max_window_bits; client_max_window_bits=10", "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=7; client_max_window_bits=10", "Server_No_Context_Takeover", "server_max_window_bits=8",
        "client_max_window_bits; unknown", "server_max_window_bits=12; client_no_context_takeover=0", "x=y; x=y",
    ]

    @Test(arguments: declined)
    func declines(parameters: String) {
        #expect(verdict(["\(Self.name); \(parameters)"]) == .declined)
        #expect(verdict(["\(Self.name);\(parameters.replacing(" ", with: ""))"]) == .declined)
        #expect(verdict(["\(Self.name); \(parameters), x, \(Self.name)"]) == Self.plain)
    }

    static let malformed: [String] = [
        "", " ", "\t", ",", ", ,", ";", "=", "\"", "permessage-deflate;", "permessage-deflate; ",
        "permessage-deflate;;",
        "permessage-deflate; ;x", "permessage-deflate;,", "permessage-deflate; =", "permessage-deflate; =10",
        "permessage-deflate; server_max_window_bits=", "permessage-deflate; server_max_window_bits= ",
        "permessage-deflate; server_max_window_bits=,x", "permessage-deflate; server_max_window_bits=;x",
        #"permessage-deflate; server_max_window_bits=""#, #"permessage-deflate; server_max_window_bits="""#,
        #"permessage-deflate; server_max_window_bits="10"#, #"permessage-deflate; server_max_window_bits="10\"#,
        #"permessage-deflate; server_max_window_bits="10\""#, #"permessage-deflate; server_max_window_bits="1 0""#,
        #"permessage-deflate; server_max_window_bits="10"x"#, #"permessage-deflate; server_max_window_bits=1"0""#,
        #"permessage-deflate; server_max_window_bits="10,11""#, #"permessage-deflate; x="\ ""#,
        "permessage-deflate; server_max_window_bits==10", "permessage-deflate; server_max_window_bits=10=10",
        "permessage-deflate server_no_context_takeover", "permessage deflate", "permessage-deflate x", "a b", "a/b",
        "(x)",
        "permessage-deflate; a b", "permessage-deflate; a=b c", "permessage-deflate; a=b/c",
        "permessage-deflate; \u{0}",
        "permessage-deflate, x;", "x;, permessage-deflate", "x y, permessage-deflate", "é", "permessage-deflate; é",
        "permessage-deflate; x=é", #""permessage-deflate""#, "permessage-deflate\u{0B}", "permessage-deflate: x", "a@b",
        "[a]",
        "{a}", "a?b", "<a>",
    ]

    /// What is no list of extensions fails the handshake (RFC 6455 section 9.1), wherever it stands.
    @Test(arguments: malformed)
    func refuses(line: String) {
        #expect(verdict([line]) == .malformed)
        guard !line.allSatisfy({ ", \t".contains($0) }) else { return }
        #expect(verdict([Self.name, line]) == .malformed)
        #expect(verdict([line, Self.name]) == .malformed)
    }

    static let wellFormed: [(String, Verdict)] = [
        ("permessage-deflate", plain), (" permessage-deflate ", plain), ("\tpermessage-deflate\t", plain),
        (",permessage-deflate", plain), ("permessage-deflate,", plain), (", ,permessage-deflate, ,", plain),
        ("x-webkit-deflate-frame, permessage-deflate", plain), ("a; b; c=d; e=\"f\", permessage-deflate", plain),
        ("permessage-deflate, permessage-deflate; client_max_window_bits=10", plain),
        ("permessage-deflate ; server_no_context_takeover ; client_no_context_takeover", plain),
        ("permessage-deflate;client_max_window_bits", plain),
        ("permessage-deflate; client_max_window_bits = 10", agreed("; client_max_window_bits=10", client: 10)),
        (
            "permessage-deflate; server_max_window_bits=11; client_max_window_bits=12",
            agreed("; server_max_window_bits=11; client_max_window_bits=12", server: 11, client: 12)
        ),
        (
            "permessage-deflate; client_max_window_bits=12; server_max_window_bits=11",
            agreed("; server_max_window_bits=11; client_max_window_bits=12", server: 11, client: 12)
        ),
        ("x", .declined), ("x, y, z", .declined), ("a; b", .declined), ("permessage-bzip2", .declined),
        ("PERMESSAGE-DEFLATE", .declined), ("permessage-deflat", .declined), ("permessage-deflate2", .declined),
        ("x; permessage-deflate", .declined),
    ]

    @Test(arguments: wellFormed)
    func reads(line: String, expected: Verdict) {
        #expect(verdict([line]) == expected)
        #expect(verdict(["", line]) == expected)
    }

    @Test func noLineIsNoOffer() {
        #expect(verdict([]) == .declined)
    }

    @Test func takesContextOverOnlyIfBothWantTo() {
        let policy = DeflatePolicy(serverTakeover: true, clientTakeover: true)
        func takeover(_ server: Bool, _ client: Bool) -> DeflateParameters {
            DeflateParameters(serverNoContextTakeover: !server, clientNoContextTakeover: !client)
        }
        #expect(verdict([Self.name], policy) == .agreed(takeover(true, true), Self.name))
        let server = "\(Self.name); server_no_context_takeover"
        #expect(verdict([server], policy) == .agreed(takeover(false, true), server))
        let client = "\(Self.name); client_no_context_takeover"
        #expect(verdict([client], policy) == .agreed(takeover(true, false), client))
    }

    @Test func answersWithTheSmallerWindow() {
        let policy = DeflatePolicy(serverWindowBits: 11, clientWindowBits: 12)
        let unasked = Self.agreed("; server_max_window_bits=11", server: 11)
        #expect(verdict([Self.name], policy) == unasked, "a client that says nothing cannot be told to use less")
        for bits in UInt8(9)...15 {
            let offer = "\(Self.name); server_max_window_bits=\(bits); client_max_window_bits=\(bits)"
            let (server, client) = (min(bits, 11), min(bits, 12))
            let rest = "; server_max_window_bits=\(server); client_max_window_bits=\(client)"
            #expect(verdict([offer], policy) == Self.agreed(rest, server: server, client: client))
        }
        let rest = "; server_max_window_bits=11; client_max_window_bits=12"
        let any = verdict(["\(Self.name); client_max_window_bits"], policy)
        #expect(any == Self.agreed(rest, server: 11, client: 12))
    }

    /// What a hostile client may send within the limits of a head takes no more than one look at each byte.
    @Test func readsLongLinesInOneGo() {
        let bad = Array(repeating: "\(Self.name); server_max_window_bits=7", count: 100).joined(separator: ", ")
        #expect(verdict([bad]) == .declined)
        #expect(verdict([bad + ", " + Self.name]) == Self.plain)
        let commas = String(repeating: ",", count: 1 << 20)
        #expect(verdict([commas]) == .malformed)
        #expect(verdict([commas + Self.name]) == Self.plain)
        let parameters = String(repeating: ";a=\"\\b\"", count: 1 << 17)
        #expect(verdict([Self.name + parameters]) == .declined)
        #expect(verdict([Self.name + "; x=\"" + String(repeating: "\\y", count: 1 << 19)]) == .malformed)
    }

    /// Any bytes get a verdict.
    @Test func neverCrashes() {
        var generator = SeededGenerator(seed: 11)
        let pieces = [
            Self.name, "server_max_window_bits", ";", "=", ",", "\"", "\\", " ", "10", "client_max_window_bits", "é",
        ]
        for _ in 0..<20_000 {
            let line = (0..<Int.random(in: 0...9, using: &generator)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &generator)]
            }
            _ = verdict([line.joined()])
        }
    }
}
