//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime

/// What connections that are gone leave in the VM, collected while the loop has time for it.
///
/// Lua collects as scripts allocate. A script that nobody asks any more would keep the objects of all that left: little
/// memory, but strewn over pages that could otherwise go back to the system.
extension ScriptRunner {
    /// So many members gone are worth a collection.
    package static let collectionThreshold = 500

    /// Whether to call ``collect()`` in the turns to come.
    func beginsCollection() -> Bool {
        guard self.forgottenMembers >= Self.collectionThreshold, self.collectionCycles == 0 else { return false }
        self.forgottenMembers = 0
        // What became garbage within the cycle that has begun is found by the next.
        self.collectionCycles = 2
        return true
    }

    /// Collects for some hundreds of microseconds.
    ///
    /// - Returns: true when that was the last time.
    func collect() -> Bool {
        guard let vm = self.vm, !self.isRunning else { return self.vm == nil }
        if vm.collect() {
            self.collectionCycles -= 1
        }
        return self.collectionCycles == 0
    }
}
