//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Names of rooms behind each other, each behind its length: a view of bytes, which cross between event loops as they are.
package struct RoomNames: Sequence {
    /// The bytes of the longest name; the shortest has one.
    package static let longestName = 256

    /// The list as it was written.
    package let list: UnsafeRawBufferPointer

    /// - Parameter list: what C wrote, or ``append(_:to:)``.
    package init(list: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)) {
        self.list = list
    }

    package var isEmpty: Bool { self.list.isEmpty }

    /// The name, if there is one and no other.
    package var only: UnsafeRawBufferPointer? {
        var iterator = self.makeIterator()
        guard let first = iterator.next(), iterator.next() == nil else { return nil }
        return first
    }

    package func makeIterator() -> Iterator {
        Iterator(rest: self.list)
    }

    package struct Iterator: IteratorProtocol {
        fileprivate var rest: UnsafeRawBufferPointer

        package mutating func next() -> UnsafeRawBufferPointer? {
            let head = MemoryLayout<UInt16>.size
            guard self.rest.count >= head else { return nil }
            let end = head + Int(self.rest.loadUnaligned(as: UInt16.self))
            guard end <= self.rest.count else { return nil }
            defer { self.rest = UnsafeRawBufferPointer(rebasing: self.rest[end...]) }
            return UnsafeRawBufferPointer(rebasing: self.rest[head..<end])
        }
    }

    /// Appends a name of at most ``longestName`` bytes to a list.
    package static func append(_ name: UnsafeRawBufferPointer, to list: inout [UInt8]) {
        withUnsafeBytes(of: UInt16(truncatingIfNeeded: name.count)) { list.append(contentsOf: $0) }
        list.append(contentsOf: name)
    }
}

@available(*, unavailable)
extension RoomNames: Sendable {}
