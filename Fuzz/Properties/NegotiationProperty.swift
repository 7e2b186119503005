//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import WebSocketCore

/// Lines of Sec-WebSocket-Extensions mean the same in one line, and what is agreed keeps to the policy and to RFC 7692.
///
/// The first byte of the input is the policy; the rest is text, one field a line.
enum NegotiationProperty {
    static func check(_ input: UnsafeRawBufferPointer) throws(PropertyFailure) {
        guard let first = input.first else { return }
        let policy = DeflatePolicy(
            serverTakeover: first & 1 != 0,
            clientTakeover: first & 2 != 0,
            serverWindowBits: 9 + (first >> 2 & 7),
            clientWindowBits: 9 + (first >> 5 & 7)
        )
        let lines = input.dropFirst().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let agreement: DeflateNegotiation.Agreement?
        do throws(HandshakeRejection) {
            agreement = try DeflateNegotiation.negotiate(lines: lines, policy: policy)
        } catch {
            try PropertyFailure.unless(error == .extensions, "refused with \(error)")
            return
        }
        // Only what is well-formed line by line: a quoted string may not go on in the next line.
        let joined: DeflateNegotiation.Agreement?
        do throws(HandshakeRejection) {
            joined = try DeflateNegotiation.negotiate(lines: [lines.joined(separator: ",")], policy: policy)
        } catch {
            throw PropertyFailure(description: "the lines are refused in one: \(error)")
        }
        try PropertyFailure.unless(
            joined?.parameters == agreement?.parameters && joined?.response == agreement?.response,
            "in one line: \(String(describing: joined)), before: \(String(describing: agreement))"
        )
        guard let agreement else { return }
        try check(agreement.parameters, agreement.response, lines, policy)
    }

    private static func check(
        _ parameters: DeflateParameters,
        _ response: String,
        _ lines: [String],
        _ policy: DeflatePolicy
    ) throws(PropertyFailure) {
        let agreed = "\(parameters), \(response)"
        let names = response.split(separator: ";").map { part in
            String(part.prefix { $0 != "=" }.drop { $0 == " " })
        }
        try PropertyFailure.unless(names.first == "permessage-deflate", agreed)
        try PropertyFailure.unless(Set(names).count == names.count, "a parameter is there twice: \(agreed)")
        try PropertyFailure.unless(DeflateParameters.windowBits.contains(parameters.serverMaxWindowBits), agreed)
        try PropertyFailure.unless(DeflateParameters.windowBits.contains(parameters.clientMaxWindowBits), agreed)
        try PropertyFailure.unless(parameters.serverMaxWindowBits <= policy.serverWindowBits, agreed)
        try PropertyFailure.unless(policy.serverTakeover || parameters.serverNoContextTakeover, agreed)
        // A client that does not know the parameter must not be sent it (section 7.1.2.2).
        let offered = lines.contains { $0.lowercased().contains("client_max_window_bits") }
        let isAnswered = names.contains("client_max_window_bits")
        try PropertyFailure.unless(offered || !isAnswered, "not offered: \(agreed)")
        try PropertyFailure.unless(isAnswered || parameters.clientMaxWindowBits == 15, "not told: \(agreed)")
        // What the client must keep to has to be in the answer (section 7.1.1.2).
        let isTold = names.contains("client_no_context_takeover")
        try PropertyFailure.unless(!parameters.clientNoContextTakeover || isTold, "not told: \(agreed)")
    }
}
