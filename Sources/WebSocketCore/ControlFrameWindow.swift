//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Counts control frames in windows of `WebSocketConnection.Limits.controlFrameWindow`.
///
/// A window begins with its first frame. So a peer gets at most twice the limit through in any such span of time, for
/// the price of one number and one point in time.
struct ControlFrameWindow {
    private static let length = WebSocketConnection.Limits.controlFrameWindow.clampedNanoseconds

    private var end = MonotonicTime(nanoseconds: 0)
    private var count: UInt32 = 0

    mutating func add(now: MonotonicTime, limit: Int) throws(ProtocolViolation) {
        guard limit > 0 else { return }
        if now >= end {
            end = now.advanced(byNanoseconds: Self.length)
            count = 0
        }
        count &+= 1
        guard count <= limit else { throw .tooManyControlFrames(limit: limit) }
    }
}
