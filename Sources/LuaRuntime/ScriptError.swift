//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Why a script could not be loaded, or why one of its handlers was ended.
package struct ScriptError: Error, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        /// The text is not Lua.
        case syntax

        /// The script raised an error, or used a function in a way that does.
        case runtime

        /// It needed more memory than it may have.
        case memory

        /// It needed more CPU time than it may have.
        case deadline

        /// It waited longer than it may.
        case wall

        /// What it returned is not a table of handlers that this version knows.
        case contract
    }

    package var kind: Kind

    /// One sentence with the place, such as `chat.lua:12: attempt to index a nil value (local 'x')`; at most 4 KiB.
    /// Without the place when the script raised it so, as `error("text", 0)` does.
    package var message: String

    /// The file below the scripts folder, which may be a module; the script itself when there is no better.
    package var file: String

    /// From 1; 0 when there is none.
    package var line: Int

    /// The text of that line.
    package var sourceLine: String?

    /// The whole text of the file, for a diagnosis.
    package var source: [UInt8]?

    /// What else is wrong with the table that the script returned, each like ``message``.
    package var others: [String] = []

    /// What the table has beside handlers, when that is why it was refused; the rest of it may be wrong too.
    package var settings: [ScriptSetting] = []

    /// A line for each function that was running, the innermost first; may be empty.
    package var traceback: String

    /// The handler that was running, or `load`.
    package var handler: String

    /// The version of the script.
    package var version: Int

    package init(
        kind: Kind,
        message: String,
        file: String,
        line: Int,
        sourceLine: String? = nil,
        source: [UInt8]? = nil,
        traceback: String = "",
        handler: String,
        version: Int
    ) {
        self.kind = kind
        self.message = message
        self.file = file
        self.line = line
        self.sourceLine = sourceLine
        self.source = source
        self.traceback = traceback
        self.handler = handler
        self.version = version
    }
}

extension ScriptError: CustomStringConvertible {
    /// What to do about it, where that is known.
    package var help: String? {
        switch kind {
        case _ where handler == "save":
            """
            this is the version that serves, and what it hands over: `nightjar rollback` goes back to the one before it; where there is \
            none, take the file away for 5 s and put the new one there, which closes the route's connections
            """
        case .deadline where handler == "load":
            "do less at the top level, or raise `limits.load` in the configuration; a `load` handler has `limits.cpu`"
        case .deadline: "handle less in one event, or raise the script's CPU limit"
        case .wall: "wait less in one handler, leave long work to ws.spawn, or raise the script's limit `wall`"
        case .memory: "keep less, or raise the script's memory limit"
        case .syntax, .runtime, .contract: nil
        }
    }

    /// The place and the message. What people are shown is a diagnosis, with more.
    package var description: String {
        if message.utf8.starts(with: "\(file):".utf8) { return message }
        return line > 0 ? "\(file):\(line): \(message)" : "\(file): \(message)"
    }
}
