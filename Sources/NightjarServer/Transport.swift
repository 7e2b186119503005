//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NIOCore

/// What carries the bytes of a ``Connection``: a TCP channel, and in tests memory.
///
/// Calls come on the connection's event loop, only when the connection's own state is settled: an implementation may call
/// back ``Connection/laterWriteEnded(succeeded:)`` and ``Connection/transportClosed()`` from within any of them but
/// ``write(_:)``.
package protocol Transport: AnyObject {
    /// Offers bytes for sending at once.
    ///
    /// - Returns: how many were taken, fewer than offered when there is no room; nil when the connection is broken.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int?

    /// Bytes that the kernel has taken and the peer has not; what a slow reader makes smaller.
    var unacknowledgedBytes: Int { get }

    /// Sends a chunk as soon as there is room, then calls ``Connection/laterWriteEnded(succeeded:)``.
    ///
    /// Until then nothing else may be written.
    func writeLater(_ chunk: ByteBuffer)

    /// Starts or stops reading.
    func setReading(_ isReading: Bool)

    /// Tells the peer that nothing more will be sent; its bytes are still read.
    func shutdownOutput()

    /// Ends the connection without waiting for anything that is unsent.
    func reset()
}
