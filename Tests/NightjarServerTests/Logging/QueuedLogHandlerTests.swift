//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import NightjarServer
import Testing

struct QueuedLogHandlerTests {
    private let pipe = TestPipe()

    @Test func logsFromItsLevelUp() {
        let logger = logger(level: .warning)
        logger.info("no")
        logger.warning("yes")
        logger.debug("no")
        logger.critical("yes")
        #expect(messages(2) == ["warning  yes", "critical yes"])
    }

    /// A level that is off costs nothing: neither message nor metadata is made.
    @Test func makesNoMessageBelowItsLevel() {
        var made = 0
        func count() -> String {
            made += 1
            return ""
        }
        let logger = logger(level: .info)
        logger.debug("\(count())", metadata: ["k": "\(count())"])
        #expect(made == 0)
        logger.info("\(count())")
        #expect(made == 1)
        #expect(messages(1) == ["info     "])
    }

    @Test func mergesMetadata() {
        var logger = logger(level: .info, provider: Logger.MetadataProvider { ["a": "provider", "b": "provider"] })
        logger[metadataKey: "a"] = "logger"
        logger[metadataKey: "c"] = "logger"
        logger[metadataKey: "d"] = "logger"
        #expect(logger[metadataKey: "a"] == "logger")
        logger.info("m", metadata: ["b": "event", "c": "event"])
        #expect(messages(1) == ["info     m a=provider b=event c=event d=logger"])
    }

    @Test func logsErrors() {
        struct Failure: Error, CustomStringConvertible { let description = "no\nway" }
        logger(level: .info).error("m", error: Failure())
        #expect(messages(1) == [#"error    m error="no\nway""#])
    }

    @Test func stampsTheTime() {
        let before = LogTime.now()
        logger(level: .info).info("m")
        let line = pipe.readLines(1).first ?? ""
        var stamp: [UInt8] = []
        LogFormat.text.append(LogEntry(time: before, level: .info, message: "m", fields: [:]), to: &stamp)
        #expect(line >= String(decoding: stamp.dropLast(), as: UTF8.self))
    }

    private func logger(level: Logger.Level, provider: Logger.MetadataProvider? = nil) -> Logger {
        var handler = QueuedLogHandler(sink: LogSink(descriptor: pipe.writeEnd, format: .text), level: level)
        handler.metadataProvider = provider
        return Logger(label: "test") { _ in handler }
    }

    private func messages(_ count: Int) -> [String] {
        pipe.readLines(count).map { String($0.dropFirst("1970-01-01T00:00:00.000Z ".count)) }
    }
}
