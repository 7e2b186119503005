//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CLuaRuntime

/// The values behind `ws.shared`: one key space for all VMs of a process, on whatever threads they run.
///
/// It never evicts: what finds no room is refused, after what has expired made way.
package final class SharedSpace: @unchecked Sendable {
    /// There was no memory, or the system had no random bytes.
    package struct Unavailable: Error, CustomStringConvertible {
        package let description = "no memory, or no random bytes, for the values that scripts share"
    }

    // What is behind it has locks of its own.
    let pointer: OpaquePointer

    /// - Parameter capacity: bytes of all keys and values together, with what it takes to find them.
    /// - Throws: ``Unavailable``.
    package init(capacity: Int) throws(Unavailable) {
        guard let pointer = nj_shared_create(capacity) else { throw Unavailable() }
        self.pointer = pointer
    }

    deinit {
        nj_shared_destroy(pointer)
    }

    /// Bytes in use; what has expired counts until its room is needed.
    package var usedBytes: Int { nj_shared_used(pointer) }

    /// For tests: moves the clock by which values expire.
    package func advance(by duration: Duration) {
        nj_shared_advance(pointer, Int64(duration / .nanoseconds(1)))
    }
}
