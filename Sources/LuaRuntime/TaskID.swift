//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// A handler of one VM that waits, or a body that it has spawned; never used twice.
package struct TaskID: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// ``LuaVM/generation`` of its VM.
    package var generation: UInt64 { rawValue >> Self.serialBits }

    /// Enough for 100,000 a second over a hundred days.
    private static let serialBits: UInt64 = 40

    static func firstNumber(of generation: UInt64) -> UInt64 { generation << serialBits }
}

/// A timer of one VM; never used twice.
package struct TimerID: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// ``LuaVM/generation`` of its VM.
    package var generation: UInt64 { TaskID(rawValue: rawValue).generation }
}
