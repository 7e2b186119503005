//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging

/// The format for machines: `{"time":"2026-11-22T13:51:07.123Z","level":"info","message":"a client connected","id":17}`.
enum LogJSON {
    private static let reserved: Set<String> = ["time", "level", "message"]

    /// Appends `entry` without its line feed.
    static func append(_ entry: LogEntry, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: #"{"time":""#.utf8)
        entry.time.append(to: &bytes)
        bytes.append(contentsOf: #"","level":"\#(entry.level.rawValue)","message":"#.utf8)
        LogEscape.appendJSON(entry.message, limit: LogEntry.messageLimit, to: &bytes)
        for (key, value) in entry.sortedFields {
            bytes.append(UInt8(ascii: ","))
            // A field must not shadow what every line has.
            let name = reserved.contains(key) ? "\(key)_" : key
            LogEscape.appendJSON(name, limit: LogEntry.fieldLimit, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            append(value, limit: LogEntry.limit(of: key), to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// Appends an integer or a truth value as such, all else as a string.
    private static func append(_ value: Logger.MetadataValue, limit: Int, to bytes: inout [UInt8]) {
        if case .stringConvertible(let value) = value, value is any BinaryInteger || value is Bool {
            bytes.append(contentsOf: value.description.utf8)
        } else {
            LogEscape.appendJSON("\(value)", limit: limit, to: &bytes)
        }
    }
}
