//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What `make fuzz` feeds with bytes, and what `make test` replays: one property each, of the protocol core or of
/// the Lua runtime.
///
/// A property never traps, whatever the bytes, and throws when it does not hold.
package enum FuzzTarget: String, CaseIterable, Sendable {
    /// The request head of a handshake.
    case handshake
    /// Frames, cut into reads in any way.
    case frames
    /// The extensions that a client offers.
    case negotiation
    /// Frames on a connection that has agreed to permessage-deflate.
    case inflate
    /// Messages, compressed by one side and read by the other.
    case roundtrip
    /// JSON, as scripts read and write it.
    case json
    /// Lua's patterns, ours against its own.
    case pattern
    /// The file of a script.
    case script

    /// Checks the property for this input.
    package func check(_ input: UnsafeRawBufferPointer) throws(PropertyFailure) {
        switch self {
        case .handshake: try HandshakeProperty.check(input)
        case .frames: try FramesProperty.check(input)
        case .negotiation: try NegotiationProperty.check(input)
        case .inflate: try InflateProperty.check(input)
        case .roundtrip: try RoundTripProperty.check(input)
        case .json: try JSONProperty.check(input)
        case .pattern: try PatternProperty.check(input)
        case .script: try ScriptProperty.check(input)
        }
    }

    package func check(_ input: [UInt8]) throws(PropertyFailure) {
        // The memory is no larger than the input, so that a sanitizer sees a byte read too far.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: input.count, alignment: 1)
        defer { memory.deallocate() }
        memory.copyBytes(from: input)
        try check(UnsafeRawBufferPointer(memory))
    }
}

/// A property that did not hold.
package struct PropertyFailure: Error, CustomStringConvertible {
    package var description: String

    /// - Throws: A failure with this sentence unless the condition holds.
    static func unless(_ condition: Bool, _ sentence: @autoclosure () -> String) throws(PropertyFailure) {
        guard condition else { throw PropertyFailure(description: sentence()) }
    }
}
