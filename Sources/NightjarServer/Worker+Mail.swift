//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime
internal import NIOCore

/// What this loop tells the others, and what they tell it.
extension Worker {
    package func post(_ envelope: Envelope, to worker: Int) {
        self.account(envelope.byteCount)
        self.outgoing[worker].append(envelope)
        self.scheduleEndOfTick()
    }

    /// Posts a frame for a connection of another loop, in the place of one of its key that has not left yet.
    ///
    /// - Returns: the bytes of the payload that it replaces; nil when there is none.
    func postFrame(
        _ payload: UnsafeRawBufferPointer,
        isText: Bool,
        options: SendOptions,
        to id: ConnectionID
    ) -> Int? {
        guard !options.key.isEmpty else {
            let envelope = Envelope.send(id, isText: isText, length: payload.count, compress: options.compress)
            self.post(envelope, payload: payload, to: id.worker)
            return nil
        }
        let replaced = self.outgoing[id.worker].append(
            payload,
            isText: isText,
            compress: options.compress,
            key: options.key,
            to: id
        )
        self.account(payload.count - (replaced ?? 0))
        self.scheduleEndOfTick()
        return replaced
    }

    /// The bytes of the payload that ``postFrame(_:isText:options:to:)`` would replace.
    func postedSize(ofKey key: UnsafeRawBufferPointer, to id: ConnectionID) -> Int? {
        self.outgoing[id.worker].payloadSize(ofKey: key, to: id)
    }

    package func post(_ envelope: Envelope, payload: UnsafeRawBufferPointer, to worker: Int) {
        self.account(payload.count)
        self.outgoing[worker].append(envelope, payload: payload)
        self.scheduleEndOfTick()
    }

    /// One task, and so one wake-up, for each loop that has mail.
    func sendMail() {
        for index in self.outgoing.indices where !self.outgoing[index].isEmpty {
            let mail = self.outgoing[index]
            self.counters.add(.mail, mail.count)
            self.outgoing[index] = Mailbox()
            guard index < self.peers.count else { continue }
            let (peer, sender) = (self.peers[index], self.index)
            peer.eventLoop.execute { peer.receive(mail, from: sender) }
        }
    }

    func receive(_ mail: Mailbox, from sender: Int) {
        // Under way it was on the sender's account.
        self.account(-mail.byteCount, worker: sender)
        var payloads = mail.payloads
        for case let envelope? in mail.envelopes {
            switch envelope {
            case .opened(let id, let route, let request):
                self.runners[route]?.opened(id, request: request, connection: nil)
            case .message(let id, let route, let length, let isText):
                guard let payload = payloads.readSlice(length: length) else { return }
                self.runners[route]?.message(payload, isText: isText, from: id)
            case .drained(let id, let route):
                self.runners[route]?.drained(id)
            case .closed(let id, let route, let report):
                self.runners[route]?.closed(id, report)
            case .outputChanged(let id, let route, let change):
                self.runners[route]?.outputChanged(id, by: change)
            case .upgrade(let token, let route, let request):
                self.runners[route]?.upgrade(token, request)
            case .request(let token, let route, let request, let body):
                self.runners[route]?.request(token, request, body: body)
            case .abandoned(let token, let route):
                self.runners[route]?.abandoned(token)
            case .woken(let route, let name, let value):
                self.runners[route]?.woken(name, value: value)
            case .answered(let token, let answer):
                self.deliver(answer, to: token)
            case .admitted(let id):
                if let connection = self.connections[id] {
                    self.admit(connection)
                }
            case .send(let id, let isText, let length, let compress):
                guard let payload = payloads.readSlice(length: length) else { return }
                if let connection = self.connections[id] {
                    let options = SendOptions(compress: compress)
                    payload.withUnsafeReadableBytes { connection.send($0, isText: isText, options: options) }
                }
            case .sendKeyed(let id, let isText, let payload, let compress, let key):
                if let connection = self.connections[id] {
                    key.withUnsafeBytes { key in
                        let options = SendOptions(compress: compress, key: key)
                        payload.withUnsafeReadableBytes { connection.send($0, isText: isText, options: options) }
                    }
                }
            case .close(let id, let code, let reason):
                self.connections[id]?.close(code: code, reason: reason)
            case .broadcast(let route, let frames, let compress, let key, let recipients):
                key.withUnsafeBytes { key in
                    let options = SendOptions(compress: compress, key: key)
                    recipients.withAudience { self.broadcast(frames, to: route, options: options, audience: $0) }
                }
            case .joined(let id, let length):
                guard let name = payloads.readSlice(length: length) else { return }
                if let connection = self.connections[id] {
                    name.withUnsafeReadableBytes { self.join(connection, room: $0) }
                }
            case .left(let id, let length):
                guard let name = payloads.readSlice(length: length) else { return }
                if let connection = self.connections[id] {
                    name.withUnsafeReadableBytes { self.leave(connection, room: $0) }
                }
            case .disconnect(let route, let room, let code, let reason):
                room.withUnsafeBytes { self.disconnect(route: route, room: $0, code: code, reason: reason) }
            case .inputTaken(let id, let messages, let byteCount):
                self.connections[id]?.inputTaken(messages: messages, byteCount: byteCount)
            case .congestionOver(let route):
                self.resumeReading(route: route)
            }
        }
    }
}
