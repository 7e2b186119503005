//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import NightjarServer
import Testing

struct LogTimeTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_355_467_123, "2026-11-22T13:51:07.123Z"),
        (951_782_400_009, "2000-02-29T00:00:00.009Z"),
        (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        (-1, "1970-01-01T00:00:00.000Z"),
    ])
    func isShownAsUTC(milliseconds: Int64, text: String) {
        var line: [UInt8] = []
        let time = LogTime(milliseconds: milliseconds)
        LogFormat.text.append(LogEntry(time: time, level: .info, message: "", fields: [:]), to: &line)
        #expect(String(decoding: line, as: UTF8.self).hasPrefix(text + " "))
    }

    @Test func followsTheClock() {
        let (first, second) = (LogTime.now(), LogTime.now())
        #expect(first.milliseconds > 1_700_000_000_000)
        #expect(first.milliseconds <= second.milliseconds)
    }
}
