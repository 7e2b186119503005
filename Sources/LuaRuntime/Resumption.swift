//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What became of an event.
package enum Outcome: Equatable, Sendable {
    /// The handler has run.
    case finished

    /// The script has nothing for the event.
    case unhandled

    /// The handler waits, as the task of which ``ScriptHost/suspend(_:for:)`` was told.
    case suspended
}

/// Why a handler that waits goes on.
package enum Resumption {
    /// The time has passed: what was slept for, or the patience of `receive` and `wait`.
    case timedOut

    /// The message that `receive` waits for.
    case message(UnsafeRawBufferPointer, isText: Bool)

    /// Another version of the script serves now: `receive` waits no more.
    case reloaded

    /// The connection of `receive` has ended.
    case closed

    /// Plain data, as ``ScriptHost/wake(_:value:)`` was given it.
    case value(UnsafeRawBufferPointer)

    /// The handler is older than it may get: it is ended, whatever it catches.
    case expired

    /// The server shuts down, or what waits belongs to a version that is replaced: the same.
    case ending
}

@available(*, unavailable)
extension Resumption: Sendable {}
