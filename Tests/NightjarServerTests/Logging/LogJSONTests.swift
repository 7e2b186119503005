//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import Logging
import NightjarServer
import Testing

struct LogJSONTests {
    @Test func showsOneObject() {
        let fields: Logger.Metadata = [
            "route": "chat", "id": .stringConvertible(17), "clean": .stringConvertible(true),
            "ratio": .stringConvertible(0.5),
        ]
        #expect(
            line(.warning, "closed", fields)
                == #"{"time":"1970-01-01T00:00:00.000Z","level":"warning","message":"closed","#
                + #""clean":true,"id":17,"ratio":"0.5","route":"chat"}"# + "\n"
        )
    }

    /// Security: a line stays one line and valid, and says what was logged.
    @Test func keepsHostileTextReadable() throws {
        for control in LogEscapeTests.controls + ["\"", "\\", "/", "é", "🌙"] {
            let text = "a\(control)b"
            let line = line(.info, text, [text: .string(text), "traceback": .string(text)])
            let controls = line.dropLast().unicodeScalars.filter(LogEscapeTests.controls.contains)
            #expect(line.last == "\n" && controls.isEmpty, "U+\(String(control.value, radix: 16))")
            let object = try parse(line)
            #expect(object["message"] as? String == text)
            #expect(object[text] as? String == text)
            #expect(object["traceback"] as? String == text)
        }
    }

    @Test func capsMessagesAndFields() throws {
        let long = String(repeating: "\u{1b}", count: 1_048_576)
        let object = try parse(line(.info, long, ["k": .string(long), "traceback": .string(long)]))
        let field = String(repeating: "\u{1b}", count: 1024) + "…(1047552 bytes more)"
        let message = String(repeating: "\u{1b}", count: 4096) + "…(1044480 bytes more)"
        #expect(object["message"] as? String == message)
        #expect(object["k"] as? String == field)
        #expect(object["traceback"] as? String == message)
    }

    @Test func keepsItsOwnNames() throws {
        let object = try parse(line(.info, "m", ["time": "t", "level": "l", "message": "x"]))
        #expect(object["message"] as? String == "m")
        #expect(object["level"] as? String == "info")
        #expect(object["time_"] as? String == "t")
        #expect(object["level_"] as? String == "l")
        #expect(object["message_"] as? String == "x")
        #expect(object.count == 6)
    }

    @Test func writesNoNumberThatJSONLacks() throws {
        let object = try parse(line(.info, "m", ["k": .stringConvertible(Double.nan), "n": ["a": "b"]]))
        #expect(object["k"] as? String == "nan")
        #expect(object["n"] as? String == #"["a": "b"]"#)
    }

    private func line(_ level: Logger.Level, _ message: String, _ fields: Logger.Metadata = [:]) -> String {
        var line: [UInt8] = []
        let entry = LogEntry(time: LogTime(milliseconds: 0), level: level, message: message, fields: fields)
        LogFormat.json.append(entry, to: &line)
        return String(decoding: line, as: UTF8.self)
    }

    private func parse(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
}
