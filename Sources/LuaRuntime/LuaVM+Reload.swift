//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CLuaRuntime

/// What goes from one version of a script to the next.
extension LuaVM {
    /// The script and every module that it has loaded, by file.
    package var sources: [String: [UInt8]] { bridge.sources }

    /// Runs the script's `save`; what it returned is plain data, and empty when there is none.
    ///
    /// - Throws: ``ScriptError``; its handler is `save`.
    package func save() throws(ScriptError) -> [UInt8] {
        var start: UnsafeRawPointer?
        var count = 0
        guard nj_vm_save(vm, &start, &count) else { throw failure(in: "save") }
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Has the VM take the state of a connection over from the one that ``ScriptHost/stateHolder(of:)`` names, unless it has
    /// one; not while an event runs.
    ///
    /// - Throws: ``ScriptError`` when there was no memory for it.
    package func takeState(of id: ConnectionID) throws(ScriptError) {
        guard nj_vm_take_state(vm, id.rawValue) else { throw failure(in: "reload") }
    }

    /// Looks whether the state of a connection can be kept over a reload; tables that two states have in common are
    /// found among those since ``endCheck()``. Not while an event runs.
    package func checkState(of id: ConnectionID) throws(ScriptError) {
        guard nj_vm_check_state(vm, id.rawValue) else { throw failure(in: "reload") }
    }

    package func endCheck() {
        nj_vm_end_check(vm)
    }

    /// Appends the state of a connection, or that which its upgrade returned, as plain data. Runs nothing of the script, so
    /// another VM may be running.
    ///
    /// - Returns: a sentence that says why it cannot be, or nil.
    func write(stateOf id: ConnectionID, upgrade: RequestToken?, to answer: OpaquePointer) -> String? {
        guard !nj_vm_write_state(vm, id.rawValue, upgrade?.rawValue ?? 0, answer) else { return nil }
        return failure(in: "reload").message
    }
}
