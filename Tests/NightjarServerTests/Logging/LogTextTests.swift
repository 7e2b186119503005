//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import NightjarServer
import Testing

struct LogTextTests {
    @Test func showsOneLine() {
        let fields: Logger.Metadata = ["route": "chat", "id": .stringConvertible(17), "code": "1008"]
        #expect(
            line(.info, "closed", fields) == "1970-01-01T00:00:00.000Z info     closed code=1008 id=17 route=chat\n"
        )
    }

    @Test(arguments: Logger.Level.allCases)
    func alignsMessages(level: Logger.Level) {
        #expect(line(level, "x").dropFirst("1970-01-01T00:00:00.000Z ".count + 9) == "x\n")
    }

    @Test(arguments: [
        ("", #"k="""#), ("a b", #"k="a b""#), ("a=b", #"k="a=b""#), (#"a"b"#, #"k="a\"b""#), (#"a\b"#, #"k="a\\b""#),
        ("a\nb", #"k="a\nb""#), ("a", "k=a"), ("世", "k=世"),
    ])
    func quotesValuesThatNeedIt(value: String, shown: String) {
        #expect(line(.info, "m", ["k": .string(value)]).hasSuffix(" m \(shown)\n"))
    }

    /// Security: a line stays one line, whatever a peer put into it.
    @Test func keepsHostileTextOnOneLine() {
        for control in LogEscapeTests.controls {
            let text = "a\(control)b"
            let line = line(.info, text, ["k": .string(text), text: "v"])
            let controls = line.dropLast().unicodeScalars.filter(LogEscapeTests.controls.contains)
            #expect(line.last == "\n" && controls.isEmpty, "U+\(String(control.value, radix: 16))")
        }
        #expect(line(.info, "/\r\nlevel=error").hasSuffix(#"/\r\nlevel=error"# + "\n"))
    }

    @Test func capsMessagesAndFields() {
        let long = String(repeating: "x", count: 1_048_576)
        let shown = line(.info, long, ["k": .string(long), "traceback": .string(long)])
        let field = String(repeating: "x", count: 1024) + "…(1047552 bytes more)"
        let message = String(repeating: "x", count: 4096) + "…(1044480 bytes more)"
        #expect(shown.hasSuffix(" \(message) k=\(field) traceback=\(message)\n"))
    }

    @Test func cutsBetweenCharacters() {
        let text = "x" + String(repeating: "é", count: 600)
        let shown = "x" + String(repeating: "é", count: 511) + "…(178 bytes more)"
        #expect(line(.info, "m", ["k": .string(text)]).hasSuffix(" k=\(shown)\n"))
    }

    @Test func showsNestedMetadataAsItsDescription() {
        #expect(line(.info, "m", ["k": ["a", "b"]]).hasSuffix(" k=\"[\\\"a\\\", \\\"b\\\"]\"\n"))
    }

    private let trace: Logger.Metadata = [
        "route": "chat",
        "traceback": "chat.lua:3: boom\n\tchat.lua:3: in upvalue 'f'\n\n\u{1b}[2J\r\n\t\tend",
    ]

    @Test func showsATracebackOnLinesOfItsOwnOnATerminal() {
        #expect(
            line(.error, "failed", trace, .terminal(isColoured: false)) == """
                1970-01-01T00:00:00.000Z error    failed route=chat
                    chat.lua:3: boom
                        chat.lua:3: in upvalue 'f'
                    \\x1b[2J\\r\\n\\t\\tend

                """
        )
    }

    @Test func showsATracebackOnTheSameLineElsewhere() {
        let shown = line(.error, "failed", trace)
        #expect(shown.filter { $0.isNewline } == "\n")
        #expect(shown.contains(#" traceback="chat.lua:3: boom\n\tchat.lua:3: in"#))
    }

    @Test func capsATracebackOnATerminal() {
        let lines = String(repeating: String(repeating: "\t", count: 1000) + "\n", count: 1000)
        let shown = line(.error, "m", ["source": .string(lines)], .terminal(isColoured: false))
        #expect(shown.utf8.count < 1000 && shown.hasSuffix("\n    …\n"))
    }

    @Test func coloursOnlyWhereAsked() {
        let fields: Logger.Metadata = ["k": "v"]
        #expect(
            line(.error, "m", fields, .terminal(isColoured: true))
                == "\u{1b}[2m1970-01-01T00:00:00.000Z\u{1b}[0m \u{1b}[31merror\u{1b}[0m    m \u{1b}[2mk=\u{1b}[0mv\n"
        )
        #expect(!line(.error, "m", fields, .terminal(isColoured: false)).contains("\u{1b}"))
    }

    private func line(
        _ level: Logger.Level,
        _ message: String,
        _ fields: Logger.Metadata = [:],
        _ format: LogFormat = .text
    ) -> String {
        var line: [UInt8] = []
        let entry = LogEntry(time: LogTime(milliseconds: 0), level: level, message: message, fields: fields)
        format.append(entry, to: &line)
        return String(decoding: line, as: UTF8.self)
    }
}
