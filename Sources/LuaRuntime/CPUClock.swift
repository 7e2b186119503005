//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CLuaRuntime

#if canImport(Glibc)
internal import Glibc
#else
internal import Darwin
#endif

/// The timer that ends scripts which run too long: it counts the CPU time of the thread that made it, and costs nothing
/// while that thread is idle.
///
/// One for each thread that runs VMs, made on that thread. It must outlive its VMs.
package final class CPUClock {
    /// The system refused a timer.
    package struct Unavailable: Error, CustomStringConvertible {
        package let description: String
    }

    /// Whether a signal watches the thread.
    ///
    /// Under the thread sanitizer, and on other systems than Linux, Lua looks at the time by itself instead: scripts
    /// are slower there, and one that is stuck in a C function is not noticed.
    package static var isSignalled: Bool { nj_clock_is_signalled() }

    let pointer: OpaquePointer

    /// Starts a timer for the calling thread.
    ///
    /// - Throws: ``Unavailable`` with the system's reason.
    package init() throws(Unavailable) {
        guard let pointer = nj_clock_create() else {
            throw Unavailable(description: "no CPU timer for scripts: \(String(cString: strerror(errno)))")
        }
        self.pointer = pointer
    }

    deinit {
        nj_clock_destroy(pointer)
    }
}

@available(*, unavailable)
extension CPUClock: Sendable {}
