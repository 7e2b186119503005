//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import Logging

/// The `swift-log` backend: formats an event on the caller's thread and leaves the writing to a `LogSink`.
///
/// A level that is off costs a comparison, before the message exists.
package struct QueuedLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let sink: LogSink

    package init(sink: LogSink, level: Logger.Level) {
        self.sink = sink
        self.logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata
        for more in [metadataProvider?.get(), event.error.map { ["error": "\($0)"] }, event.metadata] {
            if let more { fields.merge(more) { $1 } }
        }
        let message = event.message.description
        var line: [UInt8] = []
        line.reserveCapacity(256 + message.utf8.count)
        sink.format.append(LogEntry(time: .now(), level: event.level, message: message, fields: fields), to: &line)
        sink.write(line)
    }
}
