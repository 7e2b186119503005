//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime

/// A script with one connection, which is handed a message and sends its results.
final class FuzzScript: ScriptHost {
    private static let connection = ConnectionID(rawValue: 1)

    private var vm: LuaVM?
    private var sent: [[UInt8]] = []

    /// - Throws: ``ScriptError`` when the script does not load.
    init(source: [UInt8], limits: ScriptLimits) throws {
        let vm = try LuaVM(
            loading: Script(name: "fuzz.lua", source: source, route: "/fuzz", version: 1),
            limits: limits,
            productVersion: "0",
            clock: CPUClock(),
            shared: SharedSpace(capacity: 1 << 20),
            host: self
        )
        try vm.start(limits: limits)
        self.vm = vm
    }

    convenience init(_ source: String) throws(PropertyFailure) {
        let limits = ScriptLimits(memory: 64 << 20, eventCPU: .seconds(5), loadCPU: .seconds(5))
        do {
            try self.init(source: Array(source.utf8), limits: limits)
        } catch {
            throw PropertyFailure(description: "the script does not load: \(error)")
        }
    }

    /// Hands the script a text.
    func take(_ text: UnsafeRawBufferPointer) throws(ScriptError) {
        defer { applyEffects() }
        _ = try vm?.message(Self.connection, text, isText: true)
    }

    /// What the script sends for a message of these bytes.
    ///
    /// - Throws: A failure when its handler ends with an error.
    func results(of bytes: UnsafeRawBufferPointer) throws(PropertyFailure) -> [[UInt8]] {
        sent = []
        do throws(ScriptError) {
            _ = try vm?.message(Self.connection, bytes, isText: false)
        } catch {
            throw PropertyFailure(description: "\(error)")
        }
        applyEffects()
        return sent
    }

    func applyEffects() {
        while let effect = vm?.nextEffect() {
            if case .send(_, _, let bytes, _) = effect { sent.append(Array(bytes)) }
        }
    }

    func send(_ byteCount: Int, key: UnsafeRawBufferPointer, to id: ConnectionID) -> SendVerdict { .accepted }
    func isOpen(_ id: ConnectionID) -> Bool { true }

    // The scripts of the properties ask for nothing else.
    func close(_ id: ConnectionID) -> Bool { false }
    func broadcast(_ byteCount: Int, to audience: inout Audience) -> Int { 0 }
    func bufferedBytes(_ id: ConnectionID) -> Int { 0 }
    func members() -> [ConnectionID] { [] }
    func connection(named publicID: UnsafeRawBufferPointer) -> ConnectionID? { nil }
    func route(named name: UnsafeRawBufferPointer) -> RouteReference { .missing("no other routes") }
    func join(_ id: ConnectionID, room: UnsafeRawBufferPointer) -> RoomMove { .notOpen }
    func leave(_ id: ConnectionID, room: UnsafeRawBufferPointer) -> RoomMove { .notOpen }
    func disconnect(room: UnsafeRawBufferPointer, note: inout UInt64) -> Int { 0 }
    func forEachRoom(of id: ConnectionID, _ body: (UnsafeRawBufferPointer) -> Void) {}
    func forEachRoom(_ body: (UnsafeRawBufferPointer) -> Void) {}
    func roomCount(_ name: UnsafeRawBufferPointer, route: Int?) -> Int { 0 }
    func members(ofRoom name: UnsafeRawBufferPointer) -> [ConnectionID] { [] }
    func request(of token: RequestToken) -> ScriptRequest? { nil }
    func judge(protocol name: UnsafeRawBufferPointer, for token: RequestToken) -> ProtocolVerdict { .notOffered }
    func request(of id: ConnectionID) -> ScriptRequest? { nil }
    func log(_ level: ScriptLogLevel, _ message: UnsafeRawBufferPointer, connection: ConnectionID?, source: String) {}
    func module(named name: String) -> ModuleSource { .missing("no modules") }
    func environment(_ name: String) -> EnvironmentValue { .refused }
    func sharedIsFull() {}
    func suspend(_ task: TaskID, for wait: Wait) -> Bool { false }
    func setTimer(_ timer: TimerID, after delay: Int64, every interval: Int64) -> Bool { false }
    func cancelTimer(_ timer: TimerID) {}
    func spawn(_ body: TaskID) -> Bool { false }
    func wake(_ name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Int { 0 }
    func stateHolder(of id: ConnectionID) -> StateHolder? { nil }
    func stateIsLeftOut(of id: ConnectionID, because reason: String) {}
}
