//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import Logging

/// One event of the log, before it has a format.
package struct LogEntry {
    /// When it happened.
    package var time: LogTime

    /// How much it matters.
    package var level: Logger.Level

    /// What happened, in a sentence.
    package var message: String

    /// With whom and with what.
    package var fields: Logger.Metadata

    package init(time: LogTime, level: Logger.Level, message: String, fields: Logger.Metadata) {
        self.time = time
        self.level = level
        self.message = message
        self.fields = fields
    }

    /// Fields that hold several lines by nature: a terminal shows them as such, below the event.
    static let blocks: Set<String> = ["source", "traceback"]

    /// Bytes shown of the message, and of a block.
    static let messageLimit = 4096

    /// Bytes shown of any other field.
    static let fieldLimit = 1024

    /// The fields in the order in which they are shown.
    var sortedFields: [(key: String, value: Logger.MetadataValue)] {
        fields.sorted { $0.key < $1.key }
    }

    /// How many bytes are shown of the field `key`.
    static func limit(of key: String) -> Int {
        blocks.contains(key) ? messageLimit : fieldLimit
    }
}
