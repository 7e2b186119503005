//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Decides when changed scripts are loaded, from one look at the files after the other.
///
/// A change counts once a look finds it as the look before did, so that a burst of saves is one reload, and a file that is being
/// written is not read.
package struct ScriptWatch<Stamp: Equatable> {
    private var loaded: [String: Stamp]
    private var changed: [String: Stamp]?

    /// - Parameter stamps: the state of the files that is in use.
    package init(_ stamps: [String: Stamp]) {
        self.loaded = stamps
    }

    /// Takes in the state of the files.
    ///
    /// - Returns: whether to load what has changed; then that is the state in use.
    package mutating func look(_ stamps: [String: Stamp]) -> Bool {
        guard stamps != self.loaded else {
            self.changed = nil
            return false
        }
        guard stamps == self.changed else {
            self.changed = stamps
            return false
        }
        self.loaded = stamps
        self.changed = nil
        return true
    }
}

extension ScriptWatch: Sendable where Stamp: Sendable {}
