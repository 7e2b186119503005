//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

/// A host in memory: its connections are open until they are closed, and it writes down what it is asked.
final class FakeHost: ScriptHost {
    var open: Set<ConnectionID> = []
    var requests: [ConnectionID: ScriptRequest] = [:]
    var modules: [String: String] = [:]
    var log: [String] = []
    var buffered = 0
    var bufferLimit = Int.max
    /// What is answered before the buffer counts, the last first.
    var unsettledAnswers: [SendVerdict] = []
    var requestCount = 0
    var effects: [String] = []
    weak var vm: LuaVM?

    func connect(_ number: UInt64) -> ConnectionID {
        let id = ConnectionID(rawValue: number)
        open.insert(id)
        requests[id] = .sample(number)
        return id
    }

    func send(_ byteCount: Int, key: UnsafeRawBufferPointer, to id: ConnectionID) -> SendVerdict {
        guard open.contains(id) else { return .closed }
        if let answer = unsettledAnswers.popLast() { return answer }
        guard buffered + byteCount <= bufferLimit else { return .overflow }
        buffered += byteCount
        return .accepted
    }

    func close(_ id: ConnectionID) -> Bool {
        open.remove(id) != nil
    }

    func broadcast(_ byteCount: Int, except: UnsafeBufferPointer<ConnectionID>) -> Int {
        open.subtracting(except).count
    }

    func isOpen(_ id: ConnectionID) -> Bool {
        open.contains(id)
    }

    func bufferedBytes(_ id: ConnectionID) -> Int {
        buffered
    }

    func members() -> [ConnectionID] {
        open.sorted { $0.rawValue < $1.rawValue }
    }

    func connection(named publicID: UnsafeRawBufferPointer) -> ConnectionID? {
        let name = String(decoding: publicID, as: UTF8.self)
        return open.first { requests[$0]?.publicID == name }
    }

    func request(of id: ConnectionID) -> ScriptRequest? {
        requestCount += 1
        return requests[id]
    }

    func log(_ level: ScriptLogLevel, _ message: UnsafeRawBufferPointer, connection: ConnectionID?, source: String) {
        let connection = connection.map { " #\($0.rawValue)" } ?? ""
        log.append("\(level) \(source)\(connection) \(String(decoding: message, as: UTF8.self))")
    }

    func module(named name: String) -> ModuleSource {
        modules[name].map { .found(Array($0.utf8)) } ?? .missing("no such file")
    }

    func applyEffects() {
        guard let vm else { return }
        while let effect = vm.nextEffect() {
            effects.append(describe(effect))
        }
    }

    private func describe(_ effect: Effect) -> String {
        func text(_ bytes: UnsafeRawBufferPointer) -> String {
            bytes.count > 200 ? "\(bytes.count) bytes" : String(decoding: bytes, as: UTF8.self)
        }
        switch effect {
        case .send(let id, let isText, let bytes, let options):
            return "send #\(id.rawValue) \(isText ? "text" : "binary") \(text(bytes))\(describe(options))"
        case .close(let id, let code, let reason):
            return "close #\(id.rawValue) \(code ?? 0) \(text(reason))"
        case .broadcast(let isText, let bytes, let options, let except):
            let kind = isText ? "text" : "binary"
            return "broadcast \(kind) \(text(bytes)) except \(except.map(\.rawValue))\(describe(options))"
        }
    }

    private func describe(_ options: SendOptions) -> String {
        let key = options.key.isEmpty ? "" : " key \(String(decoding: options.key, as: UTF8.self))"
        return (options.compress ? "" : " plain") + key
    }
}

extension ScriptRequest {
    static func sample(_ number: UInt64) -> ScriptRequest {
        let digits = String(number)
        return ScriptRequest(
            publicID: String(repeating: "c", count: 22 - digits.count) + digits,
            method: "GET",
            path: "/chat",
            target: "/chat?name=ada",
            ip: "127.0.0.1",
            host: "localhost:8080",
            secure: true,
            params: [("room", "blue")],
            query: [("name", "ada"), ("name", "second"), ("empty", "")],
            headers: [("user-agent", "test"), ("x-two", "a, b")],
            cookies: [("session", "s3")],
            protocols: ["v2", "v1"],
            subprotocol: "v1"
        )
    }
}

/// A script with its host, and the shortest way to make it do something.
final class Fixture {
    let host = FakeHost()
    let clock: CPUClock
    let vm: LuaVM

    init(
        _ source: String,
        name: String = "test.lua",
        modules: [String: String] = [:],
        limits: ScriptLimits = .test,
        connections: ClosedRange<UInt64> = 1...1
    ) throws {
        clock = try CPUClock()
        host.modules = modules
        for number in connections {
            _ = host.connect(number)
        }
        let script = Script(name: name, source: Array(source.utf8), route: "/test", version: 3)
        vm = try LuaVM(loading: script, limits: limits, productVersion: "1.2.3", clock: clock, host: host)
        host.vm = vm
    }

    /// A script whose message handler is this body.
    convenience init(
        handler body: String,
        limits: ScriptLimits = .test,
        connections: ClosedRange<UInt64> = 1...1
    ) throws {
        try self.init(
            "return { message = function(conn, data, kind) \(body) end }",
            limits: limits,
            connections: connections
        )
    }

    func connect(_ number: UInt64 = 1) throws {
        try vm.connect(host.connect(number))
    }

    func message(_ text: String = "", from number: UInt64 = 1, isText: Bool = true) throws {
        var text = text
        let id = ConnectionID(rawValue: number)
        let result = text.withUTF8 { bytes in
            Result { try vm.message(id, UnsafeRawBufferPointer(bytes), isText: isText) }
        }
        host.applyEffects()
        try result.get()
    }

    func close(_ number: UInt64 = 1, code: UInt16 = 1000, reason: String = "", wasClean: Bool = true) throws {
        let id = ConnectionID(rawValue: number)
        _ = host.close(id)
        var reason = reason
        defer { forget(number) }
        try reason.withUTF8 { try vm.close(id, code: code, reason: UnsafeRawBufferPointer($0), wasClean: wasClean) }
        host.applyEffects()
    }

    func forget(_ number: UInt64 = 1) {
        let id = ConnectionID(rawValue: number)
        vm.forget(id)
        host.requests[id] = nil
    }
}

extension ScriptLimits {
    static var test: ScriptLimits {
        ScriptLimits(memory: 4 << 20, eventCPU: .seconds(5), loadCPU: .seconds(5))
    }
}

/// What `print` logs when a handler prints the values of the Lua expressions.
func printed(_ expressions: String, after body: String = "") throws -> String {
    let fixture = try Fixture(handler: "\(body) print(\(expressions))")
    try fixture.message("data")
    let line = try #require(fixture.host.log.last)
    return String(line.dropFirst("info test.lua:1 #1 ".count))
}

/// The error of a handler with this body.
func failure(of body: String) throws -> ScriptError {
    let fixture = try Fixture(handler: body)
    let error = #expect(throws: ScriptError.self) { try fixture.message("data") }
    return try #require(error)
}

/// The error of loading this script.
func loadFailure(
    of source: String,
    modules: [String: String] = [:],
    limits: ScriptLimits = .test
) throws -> ScriptError {
    let error = #expect(throws: ScriptError.self) { try Fixture(source, modules: modules, limits: limits) }
    return try #require(error)
}
