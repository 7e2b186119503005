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
    /// What `upgrade` and `request` are asked about.
    var pending: [RequestToken: ScriptRequest] = [:]
    /// The sub-protocols of the route; empty for any.
    var spoken: [String] = []
    var modules: [String: String] = [:]
    var environment: [String: EnvironmentValue] = [:]
    var fullCount = 0
    var log: [String] = []
    var buffered = 0
    var bufferLimit = Int.max
    /// What is answered before the buffer counts, the last first.
    var unsettledAnswers: [SendVerdict] = []
    var requestCount = 0
    /// Who is in which room, and in which rooms those were that have closed.
    var rooms: [String: Set<ConnectionID>] = [:]
    var formerRooms: [ConnectionID: Set<String>] = [:]
    var roomLimit = Int.max
    /// Other routes by name, and how many are in their rooms.
    var routes: [String: Int] = [:]
    var otherRooms: [Int: [String: Int]] = [:]
    var effects: [String] = []
    /// What handlers wait for, in words, and whether one more may.
    var waits: [TaskID: String] = [:]
    var lastTask: TaskID?
    var mayWait = true
    var timers: [TimerID: String] = [:]
    var lastTimer: TimerID?
    var mayHaveTimers = true
    var spawned: [TaskID] = []
    var woken: [(name: String, value: [UInt8])] = []
    /// The VM of an older version, whether handlers still run in it, and what did not come over from there.
    var older: LuaVM?
    var isOlderInUse = false
    var leftOut: [String] = []
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
        guard open.remove(id) != nil else { return false }
        formerRooms[id] = rooms(of: id)
        for name in rooms(of: id) {
            rooms[name]?.remove(id)
        }
        return true
    }

    func broadcast(_ byteCount: Int, to audience: inout Audience) -> Int {
        audience.note = 42
        if let route = audience.route {
            return names(of: audience.rooms).reduce(0) { $0 + (otherRooms[route]?[$1] ?? 0) }
        }
        var receivers = open
        if audience.rooms != nil {
            receivers = names(of: audience.rooms).reduce(into: []) { $0.formUnion(rooms[$1] ?? []) }
        }
        for name in names(of: audience.exceptRooms) {
            receivers.subtract(rooms[name] ?? [])
        }
        return receivers.subtracting(audience.except).count
    }

    func route(named name: UnsafeRawBufferPointer) -> RouteReference {
        let name = String(decoding: name, as: UTF8.self)
        if name == "test" { return .own }
        return routes[name].map { .other($0) } ?? .missing("there is no route \"\(name)\"")
    }

    func join(_ id: ConnectionID, room: UnsafeRawBufferPointer) -> RoomMove {
        let name = String(decoding: room, as: UTF8.self)
        guard open.contains(id) else { return .notOpen }
        guard !rooms(of: id).contains(name) else { return .stayed }
        guard rooms(of: id).count < roomLimit else { return .refused }
        rooms[name, default: []].insert(id)
        return .moved
    }

    func leave(_ id: ConnectionID, room: UnsafeRawBufferPointer) -> RoomMove {
        guard open.contains(id) else { return .notOpen }
        return rooms[String(decoding: room, as: UTF8.self)]?.remove(id) == nil ? .stayed : .moved
    }

    func disconnect(room: UnsafeRawBufferPointer, note: inout UInt64) -> Int {
        note = 43
        let members = rooms[String(decoding: room, as: UTF8.self)] ?? []
        for id in members {
            _ = close(id)
        }
        return members.count
    }

    func forEachRoom(of id: ConnectionID, _ body: (UnsafeRawBufferPointer) -> Void) {
        for name in (open.contains(id) ? rooms(of: id) : formerRooms[id] ?? []).sorted() {
            Array(name.utf8).withUnsafeBytes(body)
        }
    }

    func forEachRoom(_ body: (UnsafeRawBufferPointer) -> Void) {
        for name in rooms.keys.sorted() where rooms[name]?.isEmpty == false {
            Array(name.utf8).withUnsafeBytes(body)
        }
    }

    func roomCount(_ name: UnsafeRawBufferPointer, route: Int?) -> Int {
        let name = String(decoding: name, as: UTF8.self)
        if let route { return otherRooms[route]?[name] ?? 0 }
        return rooms[name]?.count ?? 0
    }

    func members(ofRoom name: UnsafeRawBufferPointer) -> [ConnectionID] {
        (rooms[String(decoding: name, as: UTF8.self)] ?? []).sorted { $0.rawValue < $1.rawValue }
    }

    private func rooms(of id: ConnectionID) -> Set<String> {
        Set(rooms.keys.filter { rooms[$0]?.contains(id) == true })
    }

    private func names(of list: RoomNames?) -> [String] {
        list.map { $0.map { String(decoding: $0, as: UTF8.self) } } ?? []
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

    func request(of token: RequestToken) -> ScriptRequest? {
        pending[token]
    }

    func judge(protocol name: UnsafeRawBufferPointer, for token: RequestToken) -> ProtocolVerdict {
        let name = String(decoding: name, as: UTF8.self)
        guard pending[token]?.protocols.contains(name) == true else { return .notOffered }
        return spoken.isEmpty || spoken.contains(name) ? .fine : .notListed
    }

    func log(_ level: ScriptLogLevel, _ message: UnsafeRawBufferPointer, connection: ConnectionID?, source: String) {
        let connection = connection.map { " #\($0.rawValue)" } ?? ""
        log.append("\(level) \(source)\(connection) \(String(decoding: message, as: UTF8.self))")
    }

    func module(named name: String) -> ModuleSource {
        modules[name].map { .found(Array($0.utf8)) } ?? .missing("no such file")
    }

    func environment(_ name: String) -> EnvironmentValue {
        environment[name] ?? .refused
    }

    func sharedIsFull() {
        fullCount += 1
    }

    func applyEffects() {
        guard let vm else { return }
        while let effect = vm.nextEffect() {
            effects.append(describe(effect))
        }
    }

    func suspend(_ task: TaskID, for wait: Wait) -> Bool {
        guard mayWait else { return false }
        lastTask = task
        func text(_ timeout: Int64?) -> String { timeout.map { " \($0 / 1_000_000) ms" } ?? "" }
        waits[task] =
            switch wait {
            case .sleep(let nanoseconds): "sleep\(text(nanoseconds))"
            case .message(let timeout): "message\(text(timeout))"
            case .name(let name, let timeout): "name \(String(decoding: name, as: UTF8.self))\(text(timeout))"
            }
        return true
    }

    func setTimer(_ timer: TimerID, after delay: Int64, every interval: Int64) -> Bool {
        guard mayHaveTimers else { return false }
        lastTimer = timer
        timers[timer] = "after \(delay / 1_000_000) ms every \(interval / 1_000_000) ms"
        return true
    }

    func cancelTimer(_ timer: TimerID) {
        timers[timer] = nil
    }

    func spawn(_ body: TaskID) -> Bool {
        guard mayWait else { return false }
        spawned.append(body)
        return true
    }

    func wake(_ name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Int {
        woken.append((String(decoding: name, as: UTF8.self), Array(value)))
        return waits.values.count { $0.hasPrefix("name \(String(decoding: name, as: UTF8.self))") }
    }

    func stateHolder(of id: ConnectionID) -> StateHolder? {
        older.map { StateHolder(vm: $0, upgrade: nil, isInUse: isOlderInUse) }
    }

    func stateIsLeftOut(of id: ConnectionID, because reason: String) {
        leftOut.append(reason)
    }

    private func describe(_ effect: Effect) -> String {
        func text(_ bytes: UnsafeRawBufferPointer) -> String {
            bytes.count > 200 ? "\(bytes.count) bytes" : String(decoding: bytes, as: UTF8.self)
        }
        func lines(_ fields: UnsafeRawBufferPointer) -> String {
            text(fields).split(separator: "\r\n", omittingEmptySubsequences: false).dropLast().sorted().joined(
                separator: "|"
            )
        }
        switch effect {
        case .send(let id, let isText, let bytes, let options):
            return "send #\(id.rawValue) \(isText ? "text" : "binary") \(text(bytes))\(describe(options))"
        case .close(let id, let code, let reason):
            return "close #\(id.rawValue) \(code ?? 0) \(text(reason))"
        case .broadcast(let isText, let bytes, let options, let audience):
            return "broadcast \(isText ? "text" : "binary") \(text(bytes))\(describe(audience))\(describe(options))"
        case .join(let id, let room):
            return "join #\(id.rawValue) \(text(room))"
        case .leave(let id, let room):
            return "leave #\(id.rawValue) \(text(room))"
        case .disconnect(let audience, let code, let reason):
            return "disconnect \(names(of: audience.rooms)) \(code) \(text(reason)) note \(audience.note)"
        case .accept(let token, let subprotocol, let fields):
            return "accept \(token.rawValue) [\(text(subprotocol))] \(lines(fields))"
        case .response(let token, let status, let fields, let body):
            return "response \(token.rawValue) \(status) \(lines(fields)) \(text(body))"
        }
    }

    private func describe(_ audience: Audience) -> String {
        let route = audience.route.map { " route \($0)" } ?? ""
        let rooms = audience.rooms == nil ? "" : " to \(names(of: audience.rooms))"
        let exceptRooms = audience.exceptRooms.isEmpty ? "" : " and \(names(of: audience.exceptRooms))"
        return "\(route)\(rooms) except \(audience.except.map(\.rawValue))\(exceptRooms)"
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
    let shared: SharedSpace
    let vm: LuaVM

    init(
        _ source: String,
        name: String = "test.lua",
        instance: Int = 1,
        instances: Int = 1,
        modules: [String: String] = [:],
        limits: ScriptLimits = .test,
        shared: SharedSpace? = nil,
        connections: ClosedRange<UInt64> = 1...1
    ) throws {
        self.shared = try shared ?? SharedSpace(capacity: 1 << 20)
        clock = try CPUClock()
        host.modules = modules
        for number in connections {
            _ = host.connect(number)
        }
        var script = Script(name: name, source: Array(source.utf8), route: "/test", version: 3)
        script.instance = instance
        vm = try LuaVM(
            loading: script,
            limits: limits,
            productVersion: "1.2.3",
            clock: clock,
            shared: self.shared,
            host: host
        )
        host.vm = vm
        try vm.start(limits: limits, instances: instances)
    }

    /// A script whose message handler is this body.
    convenience init(
        handler body: String,
        limits: ScriptLimits = .test,
        shared: SharedSpace? = nil,
        connections: ClosedRange<UInt64> = 1...1
    ) throws {
        try self.init(
            "return { message = function(conn, data, kind) \(body) end }",
            limits: limits,
            shared: shared,
            connections: connections
        )
    }

    @discardableResult
    func connect(_ number: UInt64 = 1) throws -> Outcome {
        try vm.connect(host.connect(number))
    }

    /// Runs `upgrade` for a request with this number.
    @discardableResult
    func upgrade(_ number: UInt64 = 7, protocols: [String] = []) throws -> Outcome {
        let token = RequestToken(rawValue: number)
        host.pending[token] = .sample(number)
        host.pending[token]?.protocols = protocols
        defer { host.applyEffects() }
        return try vm.upgrade(token)
    }

    /// Runs `request` for a request with this number.
    @discardableResult
    func request(_ number: UInt64 = 7, body: String = "") throws -> Outcome {
        let token = RequestToken(rawValue: number)
        host.pending[token] = .sample(number)
        var body = body
        let result = body.withUTF8 { bytes in
            Result { try vm.request(token, body: UnsafeRawBufferPointer(bytes)) }
        }
        host.applyEffects()
        return try result.get()
    }

    /// Goes on with the handler that began to wait last.
    @discardableResult
    func resume(with resumption: Resumption) throws -> Outcome {
        let task = try #require(host.lastTask)
        host.waits[task] = nil
        defer { host.applyEffects() }
        return try vm.resume(task, with: resumption, in: "message")
    }

    /// Lets the timer that was set last run.
    @discardableResult
    func ring(elapsed: Double = 1, repeats: Bool = false) throws -> Outcome {
        let timer = try #require(host.lastTimer)
        defer { host.applyEffects() }
        return try vm.timer(timer, elapsed: elapsed, repeats: repeats)
    }

    /// Runs the bodies that were spawned.
    func runSpawned() throws {
        while !host.spawned.isEmpty {
            _ = try vm.spawned(host.spawned.removeFirst())
            host.applyEffects()
        }
    }

    @discardableResult
    func message(_ text: String = "", from number: UInt64 = 1, isText: Bool = true) throws -> Outcome {
        var text = text
        let id = ConnectionID(rawValue: number)
        let result = text.withUTF8 { bytes in
            Result { try vm.message(id, UnsafeRawBufferPointer(bytes), isText: isText) }
        }
        host.applyEffects()
        return try result.get()
    }

    func close(_ number: UInt64 = 1, code: UInt16 = 1000, reason: String = "", wasClean: Bool = true) throws {
        let id = ConnectionID(rawValue: number)
        _ = host.close(id)
        var reason = reason
        defer { forget(number) }
        _ = try reason.withUTF8 { try vm.close(id, code: code, reason: UnsafeRawBufferPointer($0), wasClean: wasClean) }
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
