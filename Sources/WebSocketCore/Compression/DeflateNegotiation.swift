//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// A server's answer to the extensions that a client offers (RFC 6455 section 9.1, RFC 7692 section 5).
///
/// A pure function of the Sec-WebSocket-Extensions lines, linear in their length.
package enum DeflateNegotiation {
    /// What is agreed, and the Sec-WebSocket-Extensions of the answer; nil when no offer can be accepted.
    package typealias Agreement = (parameters: DeflateParameters, response: String)

    private static let name = "permessage-deflate"

    /// Takes the first offer of permessage-deflate that can be accepted; other extensions are declined.
    ///
    /// An offer with an unknown or repeated parameter or with a bad value is declined, and the next is looked at
    /// (RFC 7692 section 7.1).
    ///
    /// - Throws: ``HandshakeRejection/extensions`` when the lines are no list of extensions: a recipient must fail the
    ///   handshake then (RFC 6455 section 9.1).
    package static func negotiate(
        lines: [String],
        policy: DeflatePolicy
    ) throws(HandshakeRejection) -> Agreement? {
        var agreement: Agreement?
        var count = 0
        for line in lines {
            var reader = ExtensionReader(line)
            while let offered = try reader.nextExtension() {
                count += 1
                var offer: DeflateOffer? = Self.equal(offered, Self.name) ? DeflateOffer() : nil
                var isBad = offer == nil
                while let parameter = try reader.nextParameter() {
                    // What follows a bad parameter still has to be well-formed.
                    if !isBad, offer?.add(parameter.name, parameter.value) != true { isBad = true }
                }
                if agreement == nil, !isBad, let offer { agreement = offer.answer(policy) }
            }
        }
        guard count > 0 || lines.isEmpty else { throw .extensions }
        return agreement
    }

    fileprivate static func equal(_ bytes: Substring.UTF8View, _ text: String) -> Bool {
        bytes.elementsEqual(text.utf8)
    }
}

/// The parameters of one offer.
private struct DeflateOffer {
    private enum Bits {
        case absent
        /// `client_max_window_bits` alone: any size will do.
        case any
        case atMost(UInt8)
    }

    private var serverNoContextTakeover = false
    private var clientNoContextTakeover = false
    private var serverMaxWindowBits = Bits.absent
    private var clientMaxWindowBits = Bits.absent

    /// - Returns: False when the parameter makes the offer one that must be declined.
    mutating func add(_ name: Substring.UTF8View, _ value: ExtensionReader.Value?) -> Bool {
        if DeflateNegotiation.equal(name, "server_no_context_takeover") {
            guard value == nil, !serverNoContextTakeover else { return false }
            serverNoContextTakeover = true
        } else if DeflateNegotiation.equal(name, "client_no_context_takeover") {
            guard value == nil, !clientNoContextTakeover else { return false }
            clientNoContextTakeover = true
        } else if DeflateNegotiation.equal(name, "server_max_window_bits") {
            guard case .absent = serverMaxWindowBits, let bits = value.flatMap(Self.bits) else { return false }
            serverMaxWindowBits = .atMost(bits)
        } else if DeflateNegotiation.equal(name, "client_max_window_bits") {
            guard case .absent = clientMaxWindowBits else { return false }
            if let value {
                guard let bits = Self.bits(value) else { return false }
                clientMaxWindowBits = .atMost(bits)
            } else {
                clientMaxWindowBits = .any
            }
        } else {
            return false
        }
        return true
    }

    func answer(_ policy: DeflatePolicy) -> DeflateNegotiation.Agreement? {
        var parameters = DeflateParameters(
            serverNoContextTakeover: serverNoContextTakeover || !policy.serverTakeover,
            clientNoContextTakeover: clientNoContextTakeover || !policy.clientTakeover,
            serverMaxWindowBits: policy.serverWindowBits
        )
        if case .atMost(let bits) = serverMaxWindowBits {
            // The answer may not be larger (section 7.1.2.1), and zlib writes no raw stream with a window of 2^8.
            guard bits >= DeflateParameters.windowBits.lowerBound else { return nil }
            parameters.serverMaxWindowBits = min(bits, policy.serverWindowBits)
        }
        var response = "permessage-deflate"
        if parameters.serverNoContextTakeover { response += "; server_no_context_takeover" }
        if parameters.clientNoContextTakeover { response += "; client_no_context_takeover" }
        switch serverMaxWindowBits {
        case .absent where parameters.serverMaxWindowBits == 15: break
        default: response += "; server_max_window_bits=\(parameters.serverMaxWindowBits)"
        }
        switch clientMaxWindowBits {
        case .absent:
            // It cannot be told to use less (section 7.1.2.2).
            break
        case .any:
            parameters.clientMaxWindowBits = policy.clientWindowBits
            if policy.clientWindowBits < 15 { response += "; client_max_window_bits=\(policy.clientWindowBits)" }
        case .atMost(let bits):
            // What the client says that it will not pass is a hint: we may answer 9 to its 8.
            parameters.clientMaxWindowBits = max(min(bits, policy.clientWindowBits), 9)
            response += "; client_max_window_bits=\(parameters.clientMaxWindowBits)"
        }
        return (parameters, response)
    }

    /// A decimal number from 8 to 15 without leading zeros.
    private static func bits(_ value: ExtensionReader.Value) -> UInt8? {
        switch value.text {
        case "8": 8
        case "9": 9
        case "10": 10
        case "11": 11
        case "12": 12
        case "13": 13
        case "14": 14
        case "15": 15
        default: nil
        }
    }
}
