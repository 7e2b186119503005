//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The frames of one queue that a later frame of the same key replaces: those of which not a byte is sent.
final class Conflation {
    var frames: [ConflationKey: ConflatedFrame] = [:]

    /// Bytes of removed frames that still lie in the queue.
    var removedBytes = 0
}

/// A frame with a key, as its chunk and the index by key see it.
final class ConflatedFrame {
    let key: ConflationKey
    /// The index of its first byte in its chunk.
    var start: Int
    let byteCount: Int
    var isRemoved = false

    init(key: ConflationKey, start: Int, byteCount: Int) {
        self.key = key
        self.start = start
        self.byteCount = byteCount
    }
}

/// The bytes of a key.
struct ConflationKey: Hashable {
    private let bytes: [UInt8]

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = Array(bytes)
    }
}
