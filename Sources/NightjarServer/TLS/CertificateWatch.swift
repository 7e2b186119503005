//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Decides when changed files are loaded, from one look at them after the other.
///
/// Who replaces a certificate and its key writes two files, often in several steps: a change is loaded once a look finds it as the
/// look before did, so that a burst is one load. What cannot be loaded is tried again, because the other file may still be to come.
package struct CertificateWatch: Sendable {
    /// Loads of one state of the files that may fail before it is an error.
    package static let attempts = 3

    private var loaded: [FileStamp?]
    private var changed: [FileStamp?]?
    private var failures = 0

    /// - Parameter stamps: the state of the files that is in use.
    package init(_ stamps: [FileStamp?]) {
        self.loaded = stamps
    }

    /// Takes in the state of the files.
    ///
    /// - Returns: whether to load them now, and tell with ``succeeded()`` or ``failed()`` how it went.
    package mutating func look(_ stamps: [FileStamp?]) -> Bool {
        if stamps == self.changed { return true }
        self.changed = stamps == self.loaded ? nil : stamps
        self.failures = 0
        return false
    }

    /// The files were loaded.
    package mutating func succeeded() {
        self.settle()
    }

    /// The files could not be loaded.
    ///
    /// - Returns: whether that is final, and an error, until they change again.
    package mutating func failed() -> Bool {
        self.failures += 1
        guard self.failures == Self.attempts else { return false }
        self.settle()
        return true
    }

    private mutating func settle() {
        if let changed = self.changed {
            self.loaded = changed
        }
        self.changed = nil
        self.failures = 0
    }
}
