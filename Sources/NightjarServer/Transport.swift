//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NIOCore

/// What carries the bytes of a ``Connection``: a TCP channel, and in tests memory.
///
/// Calls come on the connection's event loop. ``write(_:_:)`` and ``writeLater(_:)`` may come while a script runs, so an
/// implementation calls nobody back from within them; from within the others it may call
/// ``Connection/transportClosed()``, as they come only when the connection's own state is settled.
package protocol Transport: AnyObject {
    /// Whether ``write(_:_:)`` reaches the kernel. Where something lies between, such as TLS, bytes go by
    /// ``writeLater(_:)`` only.
    var writesDirectly: Bool { get }

    /// Offers bytes, and those behind them, for sending at once.
    ///
    /// - Returns: how many of all were taken, fewer than offered when there is no room; nil when the connection is broken.
    func write(_ bytes: UnsafeRawBufferPointer, _ rest: UnsafeRawBufferPointer) -> Int?

    /// Bytes that the kernel has taken and the peer has not; what a slow reader makes smaller.
    var unacknowledgedBytes: Int { get }

    /// Sends a chunk as soon as there is room. If that is not now, ``Connection/laterWriteEnded(succeeded:)`` is called
    /// when it is done, and until then nothing else may be written.
    func writeLater(_ chunk: ByteBuffer) -> LaterWrite

    /// Starts or stops reading.
    func setReading(_ isReading: Bool)

    /// Tells the peer that nothing more will be sent; its bytes are still read.
    func shutdownOutput()

    /// Ends the connection without waiting for anything that is unsent.
    func reset()
}

extension Transport {
    /// Offers bytes for sending at once.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int? {
        self.write(bytes, UnsafeRawBufferPointer(start: nil, count: 0))
    }
}

/// What has become of a chunk at the end of ``Transport/writeLater(_:)``.
package enum LaterWrite {
    /// The kernel has it.
    case sent
    /// It waits for room.
    case underWay
    /// The connection is broken.
    case failed
}
