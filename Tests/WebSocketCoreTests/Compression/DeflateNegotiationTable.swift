//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import WebSocketCore

/// What clients offer, what a server wants, and its answer: the rows of W11 in docs/security-tests.md.
extension DeflateNegotiationTests {
    static let table: [Row] =
        windows + badWindows + badParameters + malformed + lists + severalLines + takeover + smallerWindows + long

    /// Each size that RFC 7692 has. zlib writes no raw stream with a window of 2^8: as the server's own it is declined, and
    /// a client that promises it is told 9.
    private static let windows: [Row] =
        (UInt8(8)...15).flatMap { bits in
            ["\(bits)", "\"\(bits)\""].flatMap { value in
                [
                    Row("\(name); server_max_window_bits=\(value)", bits == 8 ? .declined : server(bits)),
                    Row("\(name); client_max_window_bits=\(value)", client(max(bits, 9))),
                ]
            }
        } + [
            Row(#"permessage-deflate; server_max_window_bits="1\0""#, server(10)),
            Row(#"permessage-deflate; client_max_window_bits="\1\0""#, client(10)),
            Row(#"permessage-deflate; client_max_window_bits="\7""#, .declined),
        ]

    private static let badWindows: [Row] =
        [
            "7", "16", "0", "1", "00", "010", "08", "015", "17", "20", "80", "150", "+10", "-9", "10.0", "1e1", "0x0a",
            "a", "'10'", "99999999999999999999", "255", "256", "264", "65546",
        ].flatMap { bits in
            ["\(bits)", "\"\(bits)\""].flatMap { value in
                [
                    Row("\(name); server_max_window_bits=\(value)", .declined),
                    Row("\(name); client_max_window_bits=\(value)", .declined),
                ]
            }
        }

    /// Parameters that no offer may have; each makes it one to decline.
    private static let badParameters: [Row] =
        [
            "server_max_window_bits", "server_no_context_takeover=1", "client_no_context_takeover=true",
            #"server_no_context_takeover="x""#, "client_no_context_takeover=8", "unknown", "unknown=1", #"unknown="1""#,
            "server_no_context_takeover; server_no_context_takeover",
            "client_no_context_takeover; client_no_context_takeover",
            "client_max_window_bits; client_max_window_bits", "client_max_window_bits=10; client_max_window_bits",
            "client_max_window_bits; client_max_window_bits=10", "client_max_window_bits=10; client_max_window_bits=10",
            "client_max_window_bits=7; client_max_window_bits=10",
            "server_max_window_bits=10; server_max_window_bits=10",
            "server_max_window_bits=10; server_max_window_bits=11", "server_max_window_bits=10; server_max_window_bits",
            "Server_No_Context_Takeover", "SERVER_MAX_WINDOW_BITS=10", "server_max_window_bit=10",
            "server_max_window_bits_=10", "server-max-window-bits=10", "permessage-deflate",
            "client_max_window_bits; unknown", "unknown; client_max_window_bits",
            "server_max_window_bits=12; client_no_context_takeover=0", "x=y; x=y",
        ].map { Row("\(name); \($0)", .declined) }

    /// What is no list of extensions fails the handshake (RFC 6455 section 9.1).
    private static let malformed: [Row] =
        [
            "", " ", "\t", ",", ", ,", ";", "=", "\"", "\\", "permessage-deflate;", "permessage-deflate; ",
            "permessage-deflate;;", "permessage-deflate; ;x", "permessage-deflate;,", "permessage-deflate; =",
            "permessage-deflate; =10", "permessage-deflate; server_max_window_bits=",
            "permessage-deflate; server_max_window_bits= ", "permessage-deflate; server_max_window_bits=,x",
            "permessage-deflate; server_max_window_bits=;x", #"permessage-deflate; server_max_window_bits=""#,
            #"permessage-deflate; server_max_window_bits="""#, #"permessage-deflate; server_max_window_bits="10"#,
            #"permessage-deflate; server_max_window_bits="10\"#, #"permessage-deflate; server_max_window_bits="10\""#,
            #"permessage-deflate; server_max_window_bits="1 0""#, #"permessage-deflate; server_max_window_bits=" 10""#,
            #"permessage-deflate; server_max_window_bits="10"x"#, #"permessage-deflate; server_max_window_bits=1"0""#,
            #"permessage-deflate; server_max_window_bits="10,11""#, #"permessage-deflate; x="\ ""#,
            #"permessage-deflate; x=\y"#, #"permessage-deflate; "x"=y"#,
            "permessage-deflate; server_max_window_bits=1 0", "permessage-deflate; server_max_window_bits==10",
            "permessage-deflate; server_max_window_bits=10=10", "permessage-deflate; server_max_window_bits:10",
            "permessage-deflate server_no_context_takeover", "permessage-deflate=10", "permessage deflate",
            "permessage-deflate x", "a b", "a/b", "(x)", "permessage-deflate; a b", "permessage-deflate; a=b c",
            "permessage-deflate; a=b/c", "permessage-deflate; \u{0}", "permessage-deflate\u{0}",
            "permessage-deflate, x;",
            "x;, permessage-deflate", "x y, permessage-deflate", "é", "permessage-deflate; é",
            "permessage-deflate; x=é",
            "permessage-deflate; server_max_window_bits=\u{0661}\u{0660}", #""permessage-deflate""#,
            "permessage-deflate\u{0B}", "permessage-deflate\r\n", "permessage-deflate: x", "a@b", "[a]", "{a}", "a?b",
            "<a>",
        ].map { Row($0, .malformed) }

    private static let lists: [Row] = [
        Row(" permessage-deflate ", plain), Row("\tpermessage-deflate\t", plain),
        Row(",permessage-deflate", plain), Row("permessage-deflate,", plain), Row(", ,permessage-deflate, ,", plain),
        Row("x-webkit-deflate-frame, permessage-deflate", plain), Row("permessage-deflate, x; y=z", plain),
        Row("a; b; c=d; e=\"f\", permessage-deflate", plain), Row("permessage-deflate, permessage-deflate", plain),
        Row("permessage-deflate, permessage-deflate; client_max_window_bits=10", plain),
        Row("permessage-deflate; client_max_window_bits=10, permessage-deflate", client(10)),
        Row("permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9", server(9)),
        Row("permessage-deflate ; server_no_context_takeover ; client_no_context_takeover", plain),
        Row("permessage-deflate;client_max_window_bits", plain),
        Row("permessage-deflate; client_max_window_bits = 10", client(10)),
        Row("permessage-deflate;server_max_window_bits\t=\t10", server(10)),
        Row(
            "permessage-deflate; server_max_window_bits=11; client_max_window_bits=12",
            agreed("; server_max_window_bits=11; client_max_window_bits=12", server: 11, client: 12)
        ),
        Row(
            "permessage-deflate; client_max_window_bits=12; server_max_window_bits=11",
            agreed("; server_max_window_bits=11; client_max_window_bits=12", server: 11, client: 12)
        ),
        Row("permessage-deflate; client_max_window_bits; server_max_window_bits=11", server(11)),
        Row("x", .declined), Row("x, y, z", .declined), Row("a; b", .declined), Row("permessage-bzip2", .declined),
        Row("PERMESSAGE-DEFLATE", .declined), Row("Permessage-Deflate", .declined), Row("permessage-deflat", .declined),
        Row("permessage-deflate2", .declined), Row("permessage_deflate", .declined),
        Row("x; permessage-deflate", .declined),
    ]

    private static let severalLines: [Row] = [
        Row([], .declined), Row(["", ""], .malformed), Row([",", " "], .malformed), Row(["", name], plain),
        Row([name, ""], plain), Row(["x", "y"], .declined), Row(["x", name], plain), Row([name, "x"], plain),
        Row([name, "\(name); client_max_window_bits=10"], plain),
        Row(["\(name); client_max_window_bits=10", name], client(10)),
        Row(["\(name); server_max_window_bits=7", "\(name); server_max_window_bits=10"], server(10)),
        Row(["\(name); server_max_window_bits=7", "\(name); server_max_window_bits=8"], .declined),
        Row([name, "\(name); server_max_window_bits="], .malformed), Row([name, ";"], .malformed),
        // A line ends what stands on it: neither quotes nor parameters go on with the next.
        Row(["\(name); server_max_window_bits=\"1", "0\""], .malformed),
        Row(["\(name);", "server_no_context_takeover"], .malformed),
        Row([name, "server_no_context_takeover"], plain),
    ]

    /// A context is taken over only if both want to.
    private static let takeover: [Row] =
        [(false, false), (false, true), (true, false), (true, true)].flatMap { server, client in
            let policy = DeflatePolicy(serverTakeover: server, clientTakeover: client)
            return [
                Row(name, agreed(serverTakeover: server, clientTakeover: client), under: policy),
                Row("\(name); server_no_context_takeover", agreed(clientTakeover: client), under: policy),
                Row("\(name); client_no_context_takeover", agreed(serverTakeover: server), under: policy),
                Row("\(name); client_no_context_takeover; server_no_context_takeover", plain, under: policy),
            ]
        }

    /// The answer has the smaller of both sizes, and a client that says nothing of its window cannot be told to use less.
    private static let smallerWindows: [Row] = {
        let policy = DeflatePolicy(serverWindowBits: 11, clientWindowBits: 12)
        let clamped = DeflatePolicy(serverWindowBits: 8, clientWindowBits: 200)
        func both(_ server: UInt8, _ client: UInt8) -> Verdict {
            agreed(
                "; server_max_window_bits=\(server); client_max_window_bits=\(client)",
                server: server,
                client: client
            )
        }
        return [
            Row(name, server(11), under: policy), Row("\(name); client_max_window_bits", both(11, 12), under: policy),
            Row("\(name); server_max_window_bits=8", .declined, under: policy),
            Row("\(name); client_max_window_bits=8", both(11, 9), under: policy),
            Row(name, server(9), under: clamped), Row("\(name); server_max_window_bits=8", .declined, under: clamped),
            Row("\(name); client_max_window_bits", server(9), under: clamped),
        ]
            + (UInt8(9)...15).flatMap { bits in
                [
                    Row("\(name); server_max_window_bits=\(bits)", server(min(bits, 11)), under: policy),
                    Row("\(name); client_max_window_bits=\(bits)", both(11, min(bits, 12)), under: policy),
                ]
            }
    }()

    /// What has room in a field of 8 KiB.
    private static let long: [Row] = {
        func times(_ count: Int, _ text: String) -> String { String(repeating: text, count: count) }
        let bad = "\(name); server_max_window_bits=7, "
        return [
            Row(times(100, "\(name), "), plain), Row(times(100, bad), .declined), Row(times(99, bad) + name, plain),
            Row(times(99, bad) + ";", .malformed), Row(times(8192, ","), .malformed),
            Row(times(8192, ",") + name, plain),
            Row(times(8192, " ") + name, plain), Row(name + times(8192, ","), plain),
            Row(times(2700, ", x"), .declined),
            Row(name + times(2700, "; x"), .declined), Row(name + times(8192, ";"), .malformed),
            Row(times(8192, "x"), .declined), Row(name + times(8192, " ") + "x", .malformed),
            Row(name + times(8192, " ") + "; client_max_window_bits", plain),
            Row(name + "; " + times(8192, "x"), .declined),
            Row(name + "; server_max_window_bits=" + times(8192, "1"), .declined),
            Row(name + "; server_max_window_bits=" + times(8192, "0") + "10", .declined),
            Row(name + "; x=\"" + times(8192, "y"), .malformed), Row(name + "; x=\"" + times(4096, "\\y"), .malformed),
            Row(name + "; x=\"" + times(4096, "\\y") + "\"", .declined),
            Row(name + times(1300, ";a=\"\\b\""), .declined),
            Row(times(8192, "\""), .malformed), Row(times(8192, "\\"), .malformed), Row(times(8192, "="), .malformed),
        ]
    }()

    private static func server(_ bits: UInt8) -> Verdict { agreed("; server_max_window_bits=\(bits)", server: bits) }

    private static func client(_ bits: UInt8) -> Verdict { agreed("; client_max_window_bits=\(bits)", client: bits) }
}
