//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CLuaRuntime

// How the C values of the VM become Swift's, and back.

extension nj_limits {
    init(_ limits: ScriptLimits) {
        self.init(
            memory: limits.memory,
            event_ticks: limits.eventCPU.ticks,
            load_ticks: limits.loadCPU.ticks,
            stuck_ticks: limits.stuckCPU.ticks,
            wall: UInt32(clamping: Int(limits.wall / .milliseconds(1))),
            is_development: limits.checksStates,
            response: limits.response,
            fail_from: limits.failingAllocations.lowerBound,
            fail_count: limits.failingAllocations.upperBound - limits.failingAllocations.lowerBound
        )
    }
}

extension Duration {
    /// The ticks of a clock, rounded up, at least one.
    fileprivate var ticks: UInt32 {
        let ticks = (self / .milliseconds(Int(NJ_TICK_MILLISECONDS))).rounded(.up)
        return UInt32(max(1, min(ticks, Double(Int32.max))))
    }
}

extension nj_event {
    init(_ kind: nj_event_kind, _ id: ConnectionID) {
        self.init()
        self.kind = kind
        self.id = id.rawValue
        self.has_connection = true
    }

    init(_ kind: nj_event_kind, _ token: RequestToken) {
        self.init()
        self.kind = kind
        self.token = token.rawValue
    }
}

extension nj_effect {
    /// The header fields of an answer.
    var fields: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: key, count: key_length) }
}

extension nj_event {
    /// Of a timer or a spawned body.
    init(_ kind: nj_event_kind, _ number: UInt64) {
        self.init()
        self.kind = kind
        self.number = number
    }
}

extension Outcome {
    /// Of an event that has not failed.
    @inline(__always)
    init(_ outcome: nj_outcome) {
        switch outcome {
        case .NJ_FINISHED, .NJ_FAILED: self = .finished
        case .NJ_UNHANDLED: self = .unhandled
        case .NJ_SUSPENDED: self = .suspended
        }
    }
}

extension nj_resumption {
    init(_ resumption: Resumption) {
        self.init()
        switch resumption {
        case .timedOut: wakening = .NJ_TIMED_OUT
        case .reloaded: wakening = .NJ_RELOADED
        case .closed: wakening = .NJ_CLOSED_FIRST
        case .expired: wakening = .NJ_EXPIRED
        case .ending: wakening = .NJ_ENDING
        case .message(let payload, let isText):
            wakening = .NJ_WOKEN
            bytes = payload.baseAddress
            length = payload.count
            is_text = isText
        case .value(let value):
            wakening = .NJ_WOKEN
            bytes = value.baseAddress
            length = value.count
        }
    }
}

extension SendOptions {
    @inline(__always)
    init(_ effect: nj_effect) {
        self.init(
            compress: effect.compress,
            key: UnsafeRawBufferPointer(start: effect.key, count: effect.key_length)
        )
    }
}

extension nj_event_kind {
    var handler: String {
        switch self {
        case .NJ_EVENT_CONNECT: "connect"
        case .NJ_EVENT_MESSAGE: "message"
        case .NJ_EVENT_CLOSE: "close"
        case .NJ_EVENT_DRAIN: "drain"
        case .NJ_EVENT_ERROR: "error"
        case .NJ_EVENT_TIMER: "timer"
        case .NJ_EVENT_SPAWN: "spawn"
        case .NJ_EVENT_UPGRADE: "upgrade"
        case .NJ_EVENT_REQUEST: "request"
        }
    }
}

extension Handlers {
    init(of vm: OpaquePointer) {
        self = []
        if nj_vm_handles(vm, .NJ_EVENT_CONNECT) { insert(.connect) }
        if nj_vm_handles(vm, .NJ_EVENT_MESSAGE) { insert(.message) }
        if nj_vm_handles(vm, .NJ_EVENT_CLOSE) { insert(.close) }
        if nj_vm_handles(vm, .NJ_EVENT_DRAIN) { insert(.drain) }
        if nj_vm_handles(vm, .NJ_EVENT_ERROR) { insert(.error) }
        if nj_vm_handles(vm, .NJ_EVENT_UPGRADE) { insert(.upgrade) }
        if nj_vm_handles(vm, .NJ_EVENT_REQUEST) { insert(.request) }
    }
}

extension ScriptSetting {
    /// What a loaded script's table has beside handlers; to be asked once.
    static func all(of vm: OpaquePointer) -> [ScriptSetting] {
        var settings: [ScriptSetting] = []
        var next = nj_setting()
        while nj_vm_next_setting(vm, &next) {
            let key = UnsafeRawBufferPointer(start: next.key, count: next.key_length)
            settings.append(
                ScriptSetting(
                    key: String(decoding: key, as: UTF8.self),
                    index: next.index > 0 ? Int(clamping: next.index) : nil,
                    value: Value(next)
                )
            )
        }
        return settings
    }
}

extension ScriptSetting.Value {
    fileprivate init(_ setting: nj_setting) {
        let bytes = UnsafeRawBufferPointer(start: setting.bytes, count: setting.length)
        switch setting.type {
        case .NJ_SETTING_BOOLEAN: self = .boolean(setting.boolean)
        case .NJ_SETTING_INTEGER: self = .integer(Int(setting.integer))
        case .NJ_SETTING_NUMBER: self = .number(setting.number)
        case .NJ_SETTING_STRING:
            let text = String(validating: bytes, as: UTF8.self)
            self = text.map { .string($0) } ?? .other("string that is not UTF-8")
        case .NJ_SETTING_EMPTY_TABLE: self = .emptyTable
        case .NJ_SETTING_OTHER: self = .other(String(decoding: bytes, as: UTF8.self))
        }
    }
}

extension ScriptError {
    init(_ failure: nj_failure, in handler: String, of script: Script, sources: [String: [UInt8]]) {
        let message = withUnsafeBytes(of: failure.message) {
            String(decoding: $0.prefix(failure.message_length), as: UTF8.self)
        }
        let traceback = withUnsafeBytes(of: failure.traceback) {
            String(decoding: $0.prefix(failure.traceback_length), as: UTF8.self)
        }
        let file = withUnsafeBytes(of: failure.file) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        let kind = Kind(failure.kind)
        var messages = [message]
        if kind == .contract {
            messages = message.split(separator: "\n").map(String.init)
            if failure.message_length == NJ_MESSAGE_CAPACITY, messages.count > 1 { messages.removeLast() }
            // Lua goes through a table in no order.
            messages.sort()
        }
        self.init(
            kind: kind,
            message: messages.first ?? message,
            file: file.isEmpty ? script.name : file,
            line: Int(failure.line),
            sourceLine: sources[file].flatMap { Self.line(Int(failure.line), of: $0) },
            source: sources[file.isEmpty ? script.name : file],
            traceback: traceback,
            handler: handler,
            version: script.version
        )
        self.others = Array(messages.dropFirst())
    }

    /// There was not even memory for an empty VM.
    init(memoryFor script: Script, limit: Int) {
        self.init(
            kind: .memory,
            message: "\(script.name): not enough memory: the limit is \(limit) bytes",
            file: script.name,
            line: 0,
            sourceLine: nil,
            traceback: "",
            handler: "load",
            version: script.version
        )
    }

    private static func line(_ number: Int, of source: [UInt8]) -> String? {
        let lines = source.split(separator: UInt8(ascii: "\n"), maxSplits: number, omittingEmptySubsequences: false)
        guard number > 0, number <= lines.count else { return nil }
        let line = lines[number - 1].prefix(200)
        return String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }
}

extension ScriptError.Kind {
    fileprivate init(_ kind: nj_failure_kind) {
        switch kind {
        case .NJ_RUNTIME: self = .runtime
        case .NJ_SYNTAX: self = .syntax
        case .NJ_MEMORY: self = .memory
        case .NJ_DEADLINE: self = .deadline
        case .NJ_WALL: self = .wall
        case .NJ_CONTRACT: self = .contract
        }
    }
}
