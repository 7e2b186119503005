//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import Logging
package import LuaRuntime

/// Answers a script whose top level runs before it serves anything: there are no connections, and nothing has an effect.
package final class StagingHost: ScriptHost {
    /// What the script is made of, as far as it has asked.
    package private(set) var source: ScriptSource

    private let environment: ScriptEnvironment
    private let logger: Logger
    private let readModule: (String) -> ModuleSource

    /// - Parameter readModule: finds what the script requires.
    package init(
        _ script: Script,
        environment: ScriptEnvironment,
        logger: Logger,
        readModule: @escaping (String) -> ModuleSource
    ) {
        self.source = ScriptSource(script)
        self.environment = environment
        self.readModule = readModule
        var logger = logger
        logger[metadataKey: "route"] = "\(script.route ?? "/")"
        logger[metadataKey: "version"] = "\(script.version)"
        self.logger = logger
    }

    package func module(named name: String) -> ModuleSource {
        let module = self.readModule(name)
        let file = ScriptFolder.file(ofModule: name)
        if case .found(let text) = module {
            self.source.modules[file] = text
        } else {
            self.source.modules[file] = .some(nil)
        }
        return module
    }

    package func environment(_ name: String) -> EnvironmentValue {
        self.environment.value(of: name)
    }

    package func log(
        _ level: ScriptLogLevel,
        _ message: UnsafeRawBufferPointer,
        connection: ConnectionID?,
        source: String
    ) {
        let level = Logger.Level(level)
        self.logger.log(level: level, "\(String(decoding: message, as: UTF8.self))", metadata: ["at": "\(source)"])
    }

    package func route(named name: UnsafeRawBufferPointer) -> RouteReference {
        .missing("other routes are not known while the script loads")
    }

    package func send(_ byteCount: Int, key: UnsafeRawBufferPointer, to id: ConnectionID) -> SendVerdict { .closed }
    package func close(_ id: ConnectionID) -> Bool { false }
    package func broadcast(_ byteCount: Int, to audience: inout Audience) -> Int { 0 }
    package func isOpen(_ id: ConnectionID) -> Bool { false }
    package func bufferedBytes(_ id: ConnectionID) -> Int { 0 }
    package func members() -> [ConnectionID] { [] }
    package func connection(named publicID: UnsafeRawBufferPointer) -> ConnectionID? { nil }
    package func join(_ id: ConnectionID, room: UnsafeRawBufferPointer) -> RoomMove { .notOpen }
    package func leave(_ id: ConnectionID, room: UnsafeRawBufferPointer) -> RoomMove { .notOpen }
    package func disconnect(room: UnsafeRawBufferPointer, note: inout UInt64) -> Int { 0 }
    package func forEachRoom(of id: ConnectionID, _ body: (UnsafeRawBufferPointer) -> Void) {}
    package func forEachRoom(_ body: (UnsafeRawBufferPointer) -> Void) {}
    package func roomCount(_ name: UnsafeRawBufferPointer, route: Int?) -> Int { 0 }
    package func members(ofRoom name: UnsafeRawBufferPointer) -> [ConnectionID] { [] }
    package func request(of id: ConnectionID) -> ScriptRequest? { nil }
    package func request(of token: RequestToken) -> ScriptRequest? { nil }
    package func judge(protocol name: UnsafeRawBufferPointer, for token: RequestToken) -> ProtocolVerdict { .fine }
    package func sharedIsFull() {}
    package func applyEffects() {}
    package func suspend(_ task: TaskID, for wait: Wait) -> Bool { false }
    package func setTimer(_ timer: TimerID, after delay: Int64, every interval: Int64) -> Bool { false }
    package func cancelTimer(_ timer: TimerID) {}
    package func spawn(_ body: TaskID) -> Bool { false }
    package func wake(_ name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Int { 0 }
    package func stateHolder(of id: ConnectionID) -> StateHolder? { nil }
    package func stateIsLeftOut(of id: ConnectionID, because reason: String) {}
}

@available(*, unavailable)
extension StagingHost: Sendable {}
