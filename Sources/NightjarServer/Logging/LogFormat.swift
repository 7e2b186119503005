//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging

/// How a log line looks.
package enum LogFormat: Sendable, Equatable {
    /// One line an event: time, level, message, `key=value` fields.
    case text

    /// As `text`, and a traceback or source excerpt follows on indented lines of its own.
    case terminal(isColoured: Bool)

    /// One JSON object an event, on one line.
    case json

    /// Appends `entry` with its line feed.
    package func append(_ entry: LogEntry, to bytes: inout [UInt8]) {
        switch self {
        case .text: LogText(isTerminal: false, isColoured: false).append(entry, to: &bytes)
        case .terminal(let isColoured): LogText(isTerminal: true, isColoured: isColoured).append(entry, to: &bytes)
        case .json: LogJSON.append(entry, to: &bytes)
        }
        bytes.append(UInt8(ascii: "\n"))
    }
}
