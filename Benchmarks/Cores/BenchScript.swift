//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NIOCore
import WebSocketCore

/// A script whose ten connections are there without a server: what it sends becomes frames in one buffer.
final class BenchScript: ScriptHost {
    private static let connections = (1...10).map { ConnectionID(rawValue: UInt64($0)) }

    private var vm: LuaVM?
    private var output = ByteBuffer()

    init(_ source: String) throws {
        let limits = ScriptLimits(memory: 64 << 20, eventCPU: .seconds(10), loadCPU: .seconds(10))
        let script = Script(name: "bench.lua", source: Array(source.utf8), route: "/bench", version: 1)
        let shared = try SharedSpace(capacity: 1 << 20)
        let vm = try LuaVM(
            loading: script,
            limits: limits,
            productVersion: "0",
            clock: CPUClock(),
            shared: shared,
            host: self
        )
        try vm.start(limits: limits)
        self.vm = vm
    }

    /// Has the first connection say this, and applies what comes of it.
    func message(_ bytes: UnsafeRawBufferPointer) throws {
        output.clear()
        _ = try vm?.message(Self.connections[0], bytes, isText: true)
        applyEffects()
    }

    func applyEffects() {
        guard let vm, vm.hasEffects else { return }
        while let effect = vm.nextEffect() {
            guard case .send(_, let isText, let bytes, _) = effect else { continue }
            WebSocketConnection.writeFrame(isText ? .text : .binary, payload: bytes, into: &output)
        }
    }

    // As the server does: at once to the connection that is read, by an effect to the others.
    func sendNow(_ payload: UnsafeRawBufferPointer, isText: Bool, compress: Bool, to id: ConnectionID) -> Bool {
        guard id == Self.connections[0] else { return false }
        WebSocketConnection.writeFrame(isText ? .text : .binary, payload: payload, into: &output)
        return true
    }

    func send(_ byteCount: Int, key: UnsafeRawBufferPointer, to id: ConnectionID) -> SendVerdict { .accepted }
    func isOpen(_ id: ConnectionID) -> Bool { true }
    func members() -> [ConnectionID] { Self.connections }

    // The scripts of the benches ask for nothing else.
    func close(_ id: ConnectionID) -> Bool { false }
    func broadcast(_ byteCount: Int, to audience: inout Audience) -> Int { 0 }
    func bufferedBytes(_ id: ConnectionID) -> Int { 0 }
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
