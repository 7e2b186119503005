//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime

/// Garbage that is collected between events, in slices, while the loop serves others.
///
/// Lua collects as scripts allocate. A script that nobody asks any more would keep the objects of all that left: little
/// memory, but strewn over pages that could otherwise go back to the system. And one that allocates faster than Lua collects
/// would have to collect all at once when it reaches its limit, within an event and for as long as that takes.
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

    /// Collects a slice if the script is about to reach its limit of memory.
    ///
    /// - Returns: whether there is more to collect before the VM takes another event.
    func collectsFirst() -> Bool {
        guard let vm = self.vm, self.urgentCycles > 0 || vm.paceCollection() else {
            self.urgentCycles = 0
            return false
        }
        if self.urgentCycles == 0 {
            self.urgentCycles = 2
        }
        if vm.collect() {
            self.urgentCycles -= 1
        }
        return self.urgentCycles > 0
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
