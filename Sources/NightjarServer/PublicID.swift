//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The name by which scripts know a connection: 128 random bits as 22 of `[0-9A-Za-z]`.
///
/// Unique over restarts and nodes, and no secret.
package struct PublicID: Hashable, Sendable {
    /// Characters in the written form.
    package static let length = 22

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    private let bits: UInt128

    /// A new id from the system's random number generator.
    package init() {
        self.bits = UInt128.random(in: .min ... .max)
    }

    /// Reads the written form.
    ///
    /// - Returns: nil for anything that ``description`` would not have written.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.length else { return nil }
        var bits: UInt128 = 0
        for byte in bytes {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - UInt8(ascii: "A") + 10
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - UInt8(ascii: "a") + 36
            default: return nil
            }
            let (product, overflow) = bits.multipliedReportingOverflow(by: 62)
            let (sum, carry) = product.addingReportingOverflow(UInt128(digit))
            guard !overflow, !carry else { return nil }
            bits = sum
        }
        self.bits = bits
    }
}

extension PublicID: CustomStringConvertible {
    package var description: String {
        String(unsafeUninitializedCapacity: Self.length) { buffer in
            var rest = self.bits
            for index in (0..<Self.length).reversed() {
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 62)
                buffer[index] = Self.alphabet[Int(digit)]
                rest = quotient
            }
            return Self.length
        }
    }
}
