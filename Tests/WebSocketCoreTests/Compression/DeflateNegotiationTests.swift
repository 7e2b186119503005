//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct DeflateNegotiationTests {
    enum Verdict: Equatable {
        case agreed(DeflateParameters, String)
        case declined
        case malformed
    }

    struct Offer: Hashable {
        let lines: [String]
        let policy: DeflatePolicy
    }

    /// An offer and its answer.
    struct Row: CustomTestStringConvertible {
        let offer: Offer
        let expected: Verdict

        init(_ lines: [String], _ expected: Verdict, under policy: DeflatePolicy = DeflatePolicy()) {
            self.offer = Offer(lines: lines, policy: policy)
            self.expected = expected
        }

        init(_ line: String, _ expected: Verdict, under policy: DeflatePolicy = DeflatePolicy()) {
            self.init([line], expected, under: policy)
        }

        var testDescription: String { offer.lines.map { $0.prefix(70).debugDescription }.joined(separator: " | ") }
    }

    static let name = "permessage-deflate"
    static let plain = agreed()

    static func agreed(
        _ rest: String = "",
        serverTakeover: Bool = false,
        clientTakeover: Bool = false,
        server: UInt8 = 15,
        client: UInt8 = 15
    ) -> Verdict {
        let parameters = DeflateParameters(
            serverNoContextTakeover: !serverTakeover,
            clientNoContextTakeover: !clientTakeover,
            serverMaxWindowBits: server,
            clientMaxWindowBits: client
        )
        let takeover =
            (serverTakeover ? "" : "; server_no_context_takeover")
            + (clientTakeover ? "" : "; client_no_context_takeover")
        return .agreed(parameters, name + takeover + rest)
    }

    private func verdict(_ lines: [String], _ policy: DeflatePolicy = DeflatePolicy()) -> Verdict {
        do {
            guard let agreement = try DeflateNegotiation.negotiate(lines: lines, policy: policy) else {
                return .declined
            }
            return .agreed(agreement.parameters, agreement.response)
        } catch {
            #expect(error == .extensions)
            return .malformed
        }
    }

    @Test(arguments: table)
    func answersAsTheTableSays(row: Row) {
        #expect(verdict(row.offer.lines, row.offer.policy) == row.expected)
    }

    @Test func theTableHasEachOfferOnce() {
        #expect(Set(Self.table.map(\.offer)).count == Self.table.count)
        #expect(Self.table.count >= 200)
    }

    /// A declined offer spoils nothing: the next is taken, on the same line or on another one.
    @Test func looksAtTheNextOffer() {
        for row in Self.table where row.expected == .declined && !row.offer.lines.isEmpty {
            let lines = row.offer.lines
            #expect(verdict(lines + [Self.name]) == Self.plain, "\(row.testDescription)")
            #expect(
                verdict([(lines + ["x", Self.name]).joined(separator: ", ")]) == Self.plain,
                "\(row.testDescription)"
            )
        }
    }

    /// What is no list of extensions fails the handshake, whatever good offer stands before or behind it.
    @Test func refusesWhateverElseIsOffered() {
        for row in Self.table where row.expected == .malformed {
            // Of empty elements alone a list only lacks an extension.
            guard !row.offer.lines.joined().allSatisfy({ ", \t".contains($0) }) else { continue }
            #expect(verdict([Self.name] + row.offer.lines) == .malformed, "\(row.testDescription)")
            #expect(verdict(row.offer.lines + [Self.name]) == .malformed, "\(row.testDescription)")
        }
    }

    /// Spaces and tabs between the words of a list mean nothing.
    @Test func readsTheSameWithOtherSpaces() {
        for row in Self.table where row.expected != .malformed {
            let tight = row.offer.lines.map { $0.filter { !" \t".contains($0) } }
            #expect(verdict(tight, row.offer.policy) == row.expected, "\(row.testDescription)")
            let wide = tight.map { line in
                line.reduce(into: "") { $0 += ",;=".contains($1) ? " \t\($1)\t " : String($1) }
            }
            #expect(verdict(wide, row.offer.policy) == row.expected, "\(row.testDescription)")
        }
    }

    /// Each byte is looked at once: a line of 1 MiB, which no head has room for, takes no time to speak of.
    @Test func readsLongLinesInOneGo() {
        let commas = String(repeating: ",", count: 1 << 20)
        #expect(verdict([commas]) == .malformed)
        #expect(verdict([commas + Self.name]) == Self.plain)
        let parameters = String(repeating: ";a=\"\\b\"", count: 1 << 17)
        #expect(verdict([Self.name + parameters]) == .declined)
        #expect(verdict([Self.name + "; x=\"" + String(repeating: "\\y", count: 1 << 19)]) == .malformed)
    }

    /// Whatever becomes of an offer under way, it gets a verdict.
    @Test func neverCrashes() {
        var generator = SeededGenerator(seed: 11)
        let offers = Self.table.compactMap(\.offer.lines.first).filter { $0.utf8.count < 200 }.map(Array.init)
        let pieces = [
            Self.name, "server_max_window_bits", ";", "=", ",", "\"", "\\", " ", "10", "client_max_window_bits", "é",
        ]
        for _ in 0..<20_000 {
            var line = offers[Int.random(in: 0..<offers.count, using: &generator)]
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let start = Int.random(in: 0...line.count, using: &generator)
                let end = Int.random(in: start...min(start + 3, line.count), using: &generator)
                line.replaceSubrange(start..<end, with: pieces[Int.random(in: 0..<pieces.count, using: &generator)])
            }
            _ = verdict([String(line)])
        }
    }
}
