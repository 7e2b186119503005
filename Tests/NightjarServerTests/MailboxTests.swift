//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NIOCore
import NightjarServer
import Testing
import WebSocketCore

struct MailboxTests {
    private let one = ConnectionID(rawValue: 1)
    private let other = ConnectionID(rawValue: 2)

    /// Appends a frame with a key.
    private func append(_ text: String, key: String, to id: ConnectionID, in mailbox: inout Mailbox) -> Int? {
        Array(text.utf8).withUnsafeBytes { payload in
            Array(key.utf8).withUnsafeBytes {
                mailbox.append(payload, isText: true, compress: true, key: $0, to: id)
            }
        }
    }

    /// The frames with a key, and the closes, in order.
    private func texts(of mailbox: Mailbox) -> [String] {
        mailbox.envelopes.compactMap { envelope in
            switch envelope {
            case .sendKeyed(let id, _, let payload, _, let key):
                "\(id.rawValue) \(String(decoding: key, as: UTF8.self)) \(String(buffer: payload))"
            case .close(let id, _, _): "\(id.rawValue) close"
            default: nil
            }
        }
    }

    /// A message across loops is moved from box to box, as is the room that the largest envelope would need.
    @Test func envelopesAreSmall() {
        #expect(MemoryLayout<Envelope?>.size <= 32)
    }

    @Test func keepsTheLatestFrameOfAKeyForEachConnection() {
        var mailbox = Mailbox()
        #expect(append("first", key: "k", to: one, in: &mailbox) == nil)
        #expect(append("", key: "m", to: one, in: &mailbox) == nil)
        #expect(append("theirs", key: "k", to: other, in: &mailbox) == nil)
        mailbox.append(.close(other, code: .normal, reason: ""))
        #expect(append("second", key: "k", to: one, in: &mailbox) == 5)
        #expect(append("full", key: "m", to: one, in: &mailbox) == 0)
        #expect(texts(of: mailbox) == ["2 k theirs", "2 close", "1 k second", "1 m full"])
        #expect(mailbox.count == 4 && mailbox.byteCount == 16)
        let size = Array("k".utf8).withUnsafeBytes { mailbox.payloadSize(ofKey: $0, to: one) }
        #expect(size == 6)
    }

    /// However often frames are replaced, neither they nor their places are kept.
    @Test func staysSmall() {
        var mailbox = Mailbox()
        var largest = 0
        for index in 0..<10_000 {
            _ = append("\(100_000 + index)", key: "\(index % 10)", to: one, in: &mailbox)
            largest = max(largest, mailbox.envelopes.count)
        }
        #expect(largest <= 43)
        #expect(mailbox.byteCount == 60 && mailbox.count == 10)
        #expect(texts(of: mailbox) == (0..<10).map { "1 \($0) \(109_990 + $0)" })
    }
}
