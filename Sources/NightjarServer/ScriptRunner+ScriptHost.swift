//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
package import LuaRuntime
internal import NIOCore
internal import WebSocketCore

/// What scripts ask of the server. Plain values in and out: nothing here dispatches, raises or touches a socket.
extension ScriptRunner: ScriptHost {
    package func send(_ byteCount: Int, key: UnsafeRawBufferPointer, to id: ConnectionID) -> SendVerdict {
        guard let member = self.member(id), member.phase == .open else { return .closed }
        if let connection = member.connection, !connection.isOpen { return .closed }
        let size = WebSocketConnection.frameSize(byteCount)
        guard self.hasRoom(for: size, key: key, member) else {
            // Asking the kernel has shown that the peer is gone.
            if let connection = member.connection, !connection.isOpen { return .closed }
            // What waits in the outbox was not offered to the kernel, and may be of the same key.
            guard member.pendingOutput == 0 else { return .unsettled }
            switch self.route.configuration.slow {
            case .close: self.overflow(member, byteCount: member.bufferedBytes + size)
            case .drop:
                self.worker.counters.add(.messagesDropped)
                let limit = self.route.configuration.buffered
                self.worker.exceeded(
                    .bufferedDropped,
                    "message dropped: more than \(limit) bytes wait for a peer that reads too slowly",
                    metadata: ["route": "\(self.route.path)", "connection": "\(member.request.publicID)"]
                )
            }
            return .overflow
        }
        member.pendingOutput += size
        return .accepted
    }

    package func sendNow(
        _ payload: UnsafeRawBufferPointer,
        isText: Bool,
        compress: Bool,
        to id: ConnectionID
    ) -> Bool {
        // To who has sent the message, which is the usual case, without counting who uses it.
        if let current = self.current, current._withUnsafeGuaranteedRef({ $0.id.rawValue == id.rawValue }) {
            return current._withUnsafeGuaranteedRef { $0.sendNow(payload, isText: isText, compress: compress) }
        }
        return self.membersByID[id]?.sendNow(payload, isText: isText, compress: compress) ?? false
    }

    package func close(_ id: ConnectionID) -> Bool {
        guard let member = self.member(id), member.phase == .open else { return false }
        self.leaveOpen(member)
        member.takesMessages = false
        return true
    }

    package func isOpen(_ id: ConnectionID) -> Bool {
        self.member(id)?.phase == .open
    }

    package func bufferedBytes(_ id: ConnectionID) -> Int {
        // What this event has sent so far counts where it belongs only once it is applied.
        self.applyEffects()
        return self.member(id)?.bufferedBytes ?? 0
    }

    package func members() -> [ConnectionID] {
        self.membersByID.values.filter { $0.phase == .open }.map(\.id)
    }

    package func connection(named publicID: UnsafeRawBufferPointer) -> ConnectionID? {
        guard let id = PublicID(publicID).flatMap({ self.names[$0] }), self.isOpen(id) else { return nil }
        return id
    }

    package func request(of id: ConnectionID) -> ScriptRequest? {
        self.member(id)?.request.scriptRequest
    }

    package func log(
        _ level: ScriptLogLevel,
        _ message: UnsafeRawBufferPointer,
        connection id: ConnectionID?,
        source: String
    ) {
        let level = Logger.Level(level)
        guard self.logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = ["version": "\(self.version)", "at": "\(source)"]
        if let id, let member = self.member(id) {
            metadata["connection"] = "\(member.request.publicID)"
        }
        self.logger.log(level: level, "\(String(decoding: message, as: UTF8.self))", metadata: metadata)
    }

    package func module(named name: String) -> ModuleSource {
        self.readModule(name)
    }

    package func environment(_ name: String) -> EnvironmentValue {
        self.environment.value(of: name)
    }

    package func sharedIsFull() {
        self.worker.exceeded(
            .shared,
            "a value found no room: what scripts share takes \(self.worker.shared.usedBytes) bytes",
            metadata: ["route": "\(self.route.path)"]
        )
    }

    package func applyEffects() {
        if let vm = self.guest ?? self.vm {
            self.applyEffects(of: vm)
        }
    }

    func applyEffects(of vm: LuaVM) {
        // Most events have sent what they had at once.
        guard vm.hasEffects else { return }
        while let effect = vm.nextEffect() {
            switch effect {
            case .send(let id, let isText, let payload, let options):
                guard let member = self.member(id) else { continue }
                let size = WebSocketConnection.frameSize(payload.count)
                member.pendingOutput -= size
                if let connection = member.connection {
                    connection.send(payload, isText: isText, options: options)
                } else if id.worker != self.worker.index {
                    member.postedOutput += size
                    if let replaced = self.worker.postFrame(payload, isText: isText, options: options, to: id) {
                        member.postedOutput -= WebSocketConnection.frameSize(replaced)
                    }
                }
            case .close(let id, let code, let reason):
                guard let member = self.member(id) else { continue }
                self.worker.close(
                    member,
                    code: code.map(CloseCode.init(rawValue:)) ?? .normal,
                    reason: String(decoding: reason, as: UTF8.self)
                )
            case .broadcast(let isText, let payload, let options, let audience):
                self.fanOut(payload, isText: isText, options: options, to: audience)
            case .join(let id, let room):
                guard let member = self.member(id) else { continue }
                self.worker.join(member, room: room)
            case .leave(let id, let room):
                guard let member = self.member(id) else { continue }
                self.worker.leave(member, room: room)
            case .disconnect(let audience, let code, let reason):
                self.disconnect(audience, code: CloseCode(rawValue: code), reason: reason)
            case .accept(let token, let subprotocol, let fields):
                self.accept(token, subprotocol: subprotocol, fields: fields)
            case .response(let token, let status, let fields, let body):
                let response = HTTPResponse(status: status, fields: Array(fields), body: ByteBuffer(bytes: body))
                self.answer(token, .response(response))
            }
        }
    }

    private func hasRoom(for frameSize: Int, key: UnsafeRawBufferPointer, _ member: Member) -> Bool {
        if let connection = member.connection {
            return connection.hasRoom(for: frameSize, key: key, behind: member.pendingOutput)
        }
        // On another loop part of what is counted may be sent already, and that loop holds the exact limit. Nobody is closed for
        // what may be sent, so there is more room here; but a message that would be dropped there must not count as accepted.
        let limits = self.route.configuration
        let limit = limits.slow == .drop ? limits.buffered : 2 * limits.buffered
        func isWithin(_ buffered: Int) -> Bool { buffered == 0 || buffered + frameSize <= limit }
        if isWithin(member.bufferedBytes) { return true }
        guard !key.isEmpty, let replaced = self.worker.postedSize(ofKey: key, to: member.id) else { return false }
        return isWithin(member.bufferedBytes - WebSocketConnection.frameSize(replaced))
    }

    /// The member with that id, first of all the one whose event runs.
    func member(_ id: ConnectionID) -> Member? {
        if let current = self.current?.takeUnretainedValue(), current.id == id { return current }
        return self.membersByID[id]
    }
}
