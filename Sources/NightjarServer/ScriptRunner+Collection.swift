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

    /// Begins to collect once enough members are gone.
    func collectIfWorthwhile() {
        guard self.forgottenMembers >= Self.collectionThreshold, self.collectionCycles == 0 else { return }
        self.forgottenMembers = 0
        // What became garbage within the cycle that has begun is found by the next.
        self.collectionCycles = 2
        self.collectLater()
    }

    private func collectLater() {
        self.worker.doLater { [weak self] in self?.collectSlice() }
    }

    private func collectSlice() {
        guard let vm = self.vm else {
            self.collectionCycles = 0
            return
        }
        if vm.collect() {
            self.collectionCycles -= 1
        }
        if self.collectionCycles > 0 {
            self.collectLater()
        }
    }
}
