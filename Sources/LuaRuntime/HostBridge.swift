//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CLuaRuntime

/// The C functions that bring a script's calls to its host: plain values in and out, nothing raised, nothing captured.
final class HostBridge {
    // The host owns the VM and this object with it, so it is there as long as a script can call.
    unowned(unsafe) var host: any ScriptHost

    /// The modules by file name, for the excerpts in errors.
    private(set) var sources: [String: [UInt8]]

    init(host: any ScriptHost, script: Script) {
        self.host = host
        sources = [script.name: script.source]
    }

    /// The table of functions; its context is this object, unretained.
    var functions: nj_host {
        nj_host(
            context: Unmanaged.passUnretained(self).toOpaque(),
            send: { context, id, length, key, keyLength in
                let key = UnsafeRawBufferPointer(start: key, count: keyLength)
                return HostBridge.with(context) {
                    $0.host.send(length, key: key, to: ConnectionID(rawValue: id))
                }.verdict
            },
            send_now: { context, id, bytes, length, isText, compress in
                let payload = UnsafeRawBufferPointer(start: bytes, count: length)
                return HostBridge.with(context) {
                    $0.host.sendNow(payload, isText: isText, compress: compress, to: ConnectionID(rawValue: id))
                }
            },
            close: { context, id in HostBridge.with(context) { $0.host.close(ConnectionID(rawValue: id)) } },
            broadcast: { context, length, audience in
                HostBridge.with(context) { bridge in
                    Audience.with(audience.pointee) { view in
                        let count = bridge.host.broadcast(length, to: &view)
                        audience.pointee.note = view.note
                        return count
                    }
                }
            },
            route: { context, name, length, answer in
                let name = UnsafeRawBufferPointer(start: name, count: length)
                switch HostBridge.with(context, { $0.host.route(named: name) }) {
                case .own: return NJ_OWN_ROUTE
                case .other(let number): return Int32(number)
                case .missing(var sentence):
                    sentence.withUTF8 { nj_answer_append(answer, $0.baseAddress, $0.count) }
                    return NJ_NO_ROUTE
                }
            },
            join: { context, id, name, length in
                let name = UnsafeRawBufferPointer(start: name, count: length)
                return HostBridge.with(context) { $0.host.join(ConnectionID(rawValue: id), room: name) }.move
            },
            leave: { context, id, name, length in
                let name = UnsafeRawBufferPointer(start: name, count: length)
                return HostBridge.with(context) { $0.host.leave(ConnectionID(rawValue: id), room: name) }.move
            },
            disconnect: { context, name, length, note in
                let name = UnsafeRawBufferPointer(start: name, count: length)
                return HostBridge.with(context) { $0.host.disconnect(room: name, note: &note.pointee) }
            },
            rooms_of: { context, id, answer in
                HostBridge.with(context) { bridge in
                    bridge.host.forEachRoom(of: ConnectionID(rawValue: id)) { append($0, to: answer) }
                }
            },
            rooms: { context, answer in
                HostBridge.with(context) { bridge in bridge.host.forEachRoom { append($0, to: answer) } }
            },
            room_count: { context, route, name, length in
                let name = UnsafeRawBufferPointer(start: name, count: length)
                let route = route == NJ_OWN_ROUTE ? nil : Int(route)
                return HostBridge.with(context) { $0.host.roomCount(name, route: route) }
            },
            room_members: { context, name, length, answer in
                let name = UnsafeRawBufferPointer(start: name, count: length)
                let members = HostBridge.with(context) { $0.host.members(ofRoom: name) }
                members.withUnsafeBytes { nj_answer_append(answer, $0.baseAddress, $0.count) }
            },
            is_open: { context, id in HostBridge.with(context) { $0.host.isOpen(ConnectionID(rawValue: id)) } },
            buffered: { context, id in HostBridge.with(context) { $0.host.bufferedBytes(ConnectionID(rawValue: id)) } },
            members: { context, answer in
                let members = HostBridge.with(context) { $0.host.members() }
                members.withUnsafeBytes { nj_answer_append(answer, $0.baseAddress, $0.count) }
            },
            find: { context, name, length, id in
                let name = UnsafeRawBufferPointer(start: name, count: length)
                guard let found = HostBridge.with(context, { $0.host.connection(named: name) }) else { return false }
                id.pointee = found.rawValue
                return true
            },
            public_id: { context, id, name in
                guard let request = HostBridge.with(context, { $0.host.request(of: ConnectionID(rawValue: id)) }) else {
                    return false
                }
                return request.copyPublicID(to: name)
            },
            request: { context, id, answer in
                guard let request = HostBridge.with(context, { $0.host.request(of: ConnectionID(rawValue: id)) }) else {
                    return false
                }
                request.append(to: answer)
                return true
            },
            pending_request: { context, token, answer in
                let token = RequestToken(rawValue: token)
                guard let request = HostBridge.with(context, { $0.host.request(of: token) }) else { return false }
                request.append(to: answer)
                return true
            },
            judge_protocol: { context, token, name, length in
                let name = UnsafeRawBufferPointer(start: name, count: length)
                let token = RequestToken(rawValue: token)
                return HostBridge.with(context) { $0.host.judge(protocol: name, for: token) }.verdict
            },
            log: { context, level, message, length, id, source in
                let message = UnsafeRawBufferPointer(start: message, count: length)
                let connection = id.map { ConnectionID(rawValue: $0.pointee) }
                let source = String(cString: source)
                HostBridge.with(context) { $0.host.log(level.level, message, connection: connection, source: source) }
            },
            module: { context, name, answer in
                let name = String(cString: name)
                return HostBridge.with(context) { $0.appendModule(named: name, to: answer) }
            },
            variable: { context, name, answer in
                let name = String(cString: name)
                switch HostBridge.with(context, { $0.host.environment(name) }) {
                case .set(var value):
                    value.withUTF8 { nj_answer_append(answer, $0.baseAddress, $0.count) }
                    return .NJ_VARIABLE_SET
                case .unset: return .NJ_VARIABLE_UNSET
                case .refused: return .NJ_VARIABLE_REFUSED
                }
            },
            shared_is_full: { context in HostBridge.with(context) { $0.host.sharedIsFull() } },
            apply_effects: { context in HostBridge.with(context) { $0.host.applyEffects() } },
            suspend: { context, task, wait in
                HostBridge.with(context) { $0.host.suspend(TaskID(rawValue: task), for: Wait(wait.pointee)) }
            },
            set_timer: { context, timer, delay, interval in
                HostBridge.with(context) { $0.host.setTimer(TimerID(rawValue: timer), after: delay, every: interval) }
            },
            cancel_timer: { context, timer in
                HostBridge.with(context) { $0.host.cancelTimer(TimerID(rawValue: timer)) }
            },
            spawn: { context, body in HostBridge.with(context) { $0.host.spawn(TaskID(rawValue: body)) } },
            wake: { context, name, nameLength, value, valueLength in
                let name = UnsafeRawBufferPointer(start: name, count: nameLength)
                let value = UnsafeRawBufferPointer(start: value, count: valueLength)
                return HostBridge.with(context) { $0.host.wake(name, value: value) }
            },
            state: { context, id, answer in
                HostBridge.with(context) { $0.appendState(of: ConnectionID(rawValue: id), to: answer) }
            }
        )
    }

    @inline(__always)
    private static func with<Result>(
        _ context: UnsafeMutableRawPointer,
        _ body: (HostBridge) -> Result
    ) -> Result {
        Unmanaged<HostBridge>.fromOpaque(context)._withUnsafeGuaranteedRef { body($0) }
    }

    private func appendState(of id: ConnectionID, to answer: OpaquePointer) -> nj_state {
        guard let holder = host.stateHolder(of: id) else { return .NJ_STATE_ABSENT }
        if let why = holder.vm.write(stateOf: id, upgrade: holder.upgrade, to: answer), !holder.isInUse {
            host.stateIsLeftOut(of: id, because: why)
        }
        return holder.isInUse ? .NJ_STATE_COPIED : .NJ_STATE_MOVED
    }

    private func appendModule(named name: String, to answer: OpaquePointer) -> Bool {
        switch host.module(named: name) {
        case .found(let source):
            sources[ScriptFolder.file(ofModule: name)] = source
            source.withUnsafeBytes { nj_answer_append(answer, $0.baseAddress, $0.count) }
            return true
        case .missing(var sentence):
            sentence.withUTF8 { nj_answer_append(answer, $0.baseAddress, $0.count) }
            return false
        }
    }
}

/// A view of C's ids as connection ids, which have the same layout.
@inline(__always)
func withConnectionIDs<Result>(
    _ ids: UnsafePointer<UInt64>?,
    _ count: Int,
    _ body: (UnsafeBufferPointer<ConnectionID>) -> Result
) -> Result {
    guard let ids else { return body(UnsafeBufferPointer(start: nil, count: 0)) }
    return ids.withMemoryRebound(to: ConnectionID.self, capacity: count) {
        body(UnsafeBufferPointer(start: $0, count: count))
    }
}

extension SendVerdict {
    fileprivate var verdict: nj_verdict {
        switch self {
        case .accepted: .NJ_ACCEPTED
        case .closed: .NJ_CLOSED
        case .overflow: .NJ_OVERFLOW
        case .unsettled: .NJ_UNSETTLED
        }
    }
}

extension ProtocolVerdict {
    fileprivate var verdict: nj_protocol_verdict {
        switch self {
        case .fine: .NJ_PROTOCOL_FINE
        case .notOffered: .NJ_PROTOCOL_NOT_OFFERED
        case .notListed: .NJ_PROTOCOL_NOT_LISTED
        }
    }
}

extension Wait {
    fileprivate init(_ wait: nj_wait) {
        let timeout = wait.timeout < 0 ? nil : wait.timeout
        switch wait.kind {
        case .NJ_WAIT_SLEEP: self = .sleep(nanoseconds: wait.timeout)
        case .NJ_WAIT_RECEIVE: self = .message(timeout: timeout)
        case .NJ_WAIT_NAME:
            self = .name(UnsafeRawBufferPointer(start: wait.name, count: wait.name_length), timeout: timeout)
        }
    }
}

extension RoomMove {
    fileprivate var move: nj_move {
        switch self {
        case .moved: .NJ_MOVED
        case .stayed: .NJ_STAYED
        case .notOpen: .NJ_NOT_OPEN
        case .refused: .NJ_REFUSED
        }
    }
}

private func append(_ name: UnsafeRawBufferPointer, to answer: OpaquePointer) {
    guard let start = name.baseAddress else { return }
    nj_answer_name(answer, start, name.count)
}

extension nj_log_level {
    fileprivate var level: ScriptLogLevel {
        switch self {
        case .NJ_DEBUG: .debug
        case .NJ_INFO: .info
        case .NJ_WARNING: .warning
        case .NJ_ERROR: .error
        }
    }
}

extension ScriptRequest {
    /// False unless the name has the length that C has room for.
    fileprivate func copyPublicID(to name: UnsafeMutablePointer<CChar>) -> Bool {
        var publicID = publicID
        return publicID.withUTF8 { bytes in
            guard bytes.count == Int(NJ_PUBLIC_ID_LENGTH), let base = bytes.baseAddress else { return false }
            UnsafeMutableRawPointer(name).copyMemory(from: base, byteCount: bytes.count)
            return true
        }
    }

    fileprivate func append(to answer: OpaquePointer) {
        func add(_ field: nj_field, _ name: String, _ value: String) {
            var name = name
            var value = value
            name.withUTF8 { name in
                value.withUTF8 { value in
                    nj_answer_field(answer, field, name.baseAddress, name.count, value.baseAddress, value.count)
                }
            }
        }
        add(.NJ_METHOD, "", method)
        add(.NJ_PATH, "", path)
        add(.NJ_TARGET, "", target)
        add(.NJ_IP, "", ip)
        add(.NJ_HOST, "", host)
        add(.NJ_SECURE, "", secure ? "1" : "")
        for name in protocols { add(.NJ_PROTOCOL, "", name) }
        if let subprotocol { add(.NJ_SUBPROTOCOL, "", subprotocol) }
        for (name, value) in params { add(.NJ_PARAM, name, value) }
        for (name, value) in query { add(.NJ_QUERY, name, value) }
        for (name, value) in headers { add(.NJ_HEADER, name, value) }
        for (name, value) in cookies { add(.NJ_COOKIE, name, value) }
    }
}
