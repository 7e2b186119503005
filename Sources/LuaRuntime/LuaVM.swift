//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CLuaRuntime

/// One loaded version of a script: events go in, effects come out.
///
/// Bound to the thread of its clock, until it moves. Its host owns it, and must be there as long as it is. An event may not be
/// dispatched while another runs.
package final class LuaVM {
    /// The handlers that the script has; an event without one costs nothing, so there is no need to look first.
    package let handlers: Handlers

    /// The script that was loaded.
    package let script: Script

    /// What the script's table has beside handlers, in no order.
    package let settings: [ScriptSetting]

    let bridge: HostBridge
    // Keeps the timer running.
    private var clock: CPUClock
    // Keeps the values there.
    private let shared: SharedSpace
    let vm: OpaquePointer

    /// Tells its tasks and timers from those of the other VMs that its host had: ``TaskID/generation``.
    package private(set) var generation: UInt64 = 0

    /// Makes a VM, compiles the script, runs its top level and checks the table that it returns.
    ///
    /// - Throws: ``ScriptError`` of any kind; its handler is `load`.
    package init(
        loading script: Script,
        limits: ScriptLimits,
        productVersion: String,
        clock: CPUClock,
        shared: SharedSpace,
        host: any ScriptHost
    ) throws(ScriptError) {
        let bridge = HostBridge(host: host, script: script)
        var cLimits = nj_limits(limits)
        var functions = bridge.functions
        guard let vm = nj_vm_create(&cLimits, &functions, clock.pointer, shared.pointer, productVersion) else {
            throw ScriptError(memoryFor: script, limit: limits.memory)
        }
        nj_vm_set_instance(vm, UInt32(clamping: script.instance), 0)
        let isLoaded = script.source.withUnsafeBytes { nj_vm_load(vm, script.name, $0.baseAddress, $0.count) }
        guard isLoaded else {
            var error = ScriptError(nj_vm_failure(vm).pointee, in: "load", of: script, sources: bridge.sources)
            if error.kind == .contract { error.settings = ScriptSetting.all(of: vm) }
            nj_vm_destroy(vm)
            throw error
        }
        self.handlers = Handlers(of: vm)
        self.settings = ScriptSetting.all(of: vm)
        self.script = script
        self.bridge = bridge
        self.clock = clock
        self.shared = shared
        self.vm = vm
    }

    deinit {
        nj_vm_destroy(vm)
    }

    /// Names the field of JSON messages by which the script's `on` dispatches; `type` before. At most 64 bytes.
    package func setMessageKey(_ key: String) {
        var key = key
        key.withUTF8 { bytes in
            guard let start = bytes.baseAddress else { return }
            nj_vm_set_key(vm, start, bytes.count)
        }
    }

    /// Gives the VM, which has not started, to another host on the thread of another clock, or of none when it is to be
    /// destroyed.
    package func move(to host: any ScriptHost, clock: CPUClock) {
        nj_vm_set_clock(vm, clock.pointer)
        self.clock = clock
        bridge.host = host
    }

    /// Tells the VM what it may use from here on, and that it is one of `instances` VMs of its script; then runs the
    /// script's `load`.
    ///
    /// To be called before any event.
    ///
    /// - Parameters:
    ///   - former: the version that serves until now; 0 for none.
    ///   - saved: what its ``save()`` answered.
    ///   - generation: greater than that of the host's other VMs; less than 2^23.
    package func start(
        limits: ScriptLimits,
        instances: Int = 1,
        after former: Int = 0,
        saved: [UInt8] = [],
        generation: UInt64 = 0
    ) throws(ScriptError) {
        var cLimits = nj_limits(limits)
        nj_vm_set_limits(vm, &cLimits)
        nj_vm_set_instance(vm, UInt32(clamping: script.instance), UInt32(clamping: instances))
        self.generation = generation
        let isStarted = saved.withUnsafeBytes { saved in
            var start = nj_start(
                from: Int64(former),
                to: Int64(script.version),
                saved: saved.baseAddress,
                saved_length: saved.count,
                number: TaskID.firstNumber(of: generation)
            )
            return nj_vm_start(vm, &start)
        }
        guard isStarted else { throw failure(in: "load") }
    }

    /// Runs `upgrade`; its answer comes as an effect. The state that it returned waits until ``connect(_:after:)`` takes it,
    /// or ``abandonUpgrade(_:)``.
    package func upgrade(_ token: RequestToken) throws(ScriptError) -> Outcome {
        var event = nj_event(.NJ_EVENT_UPGRADE, token)
        return try dispatch(&event)
    }

    /// Runs `request`; its answer comes as an effect. The body goes into Lua once and is not kept here.
    package func request(_ token: RequestToken, body: UnsafeRawBufferPointer) throws(ScriptError) -> Outcome {
        var event = nj_event(.NJ_EVENT_REQUEST, token)
        event.bytes = body.baseAddress
        event.length = body.count
        return try dispatch(&event)
    }

    /// Drops the state of an upgrade that no connection follows; not while an event runs.
    package func abandonUpgrade(_ token: RequestToken) {
        nj_vm_abandon_upgrade(vm, token.rawValue)
    }

    /// Runs `connect`; the connection has the state that the upgrade with that token returned.
    package func connect(_ id: ConnectionID, after upgrade: RequestToken? = nil) throws(ScriptError) -> Outcome {
        var event = nj_event(.NJ_EVENT_CONNECT, id)
        event.token = upgrade?.rawValue ?? 0
        return try dispatch(&event)
    }

    /// Runs `message`. The payload goes into Lua once and is not kept here; text must be valid UTF-8.
    package func message(_ id: ConnectionID, _ payload: UnsafeRawBufferPointer, isText: Bool) throws(ScriptError)
        -> Outcome
    {
        var event = nj_event(.NJ_EVENT_MESSAGE, id)
        event.bytes = payload.baseAddress
        event.length = payload.count
        event.is_text = isText
        return try dispatch(&event)
    }

    /// Runs `close`. The connection's object stays for a report of its error, until ``forget(_:)``.
    package func close(
        _ id: ConnectionID,
        code: UInt16,
        reason: UnsafeRawBufferPointer,
        wasClean: Bool
    ) throws(ScriptError) -> Outcome {
        var event = nj_event(.NJ_EVENT_CLOSE, id)
        event.bytes = reason.baseAddress
        event.length = reason.count
        event.code = code
        event.was_clean = wasClean
        return try dispatch(&event)
    }

    /// Drops the one object of a connection, which stands for it in every event until then.
    ///
    /// To be called once for each connection, after its `close` and the report of an error in that, whether there are
    /// handlers or not; not while an event runs.
    package func forget(_ id: ConnectionID) {
        nj_vm_forget(vm, id.rawValue)
    }

    /// Runs `drain`.
    package func drain(_ id: ConnectionID) throws(ScriptError) -> Outcome {
        var event = nj_event(.NJ_EVENT_DRAIN, id)
        return try dispatch(&event)
    }

    /// Runs the script's own `error` handler for a failure that has been logged.
    package func error(_ id: ConnectionID?, _ error: ScriptError) throws(ScriptError) -> Outcome {
        var event = nj_event(.NJ_EVENT_ERROR, id ?? ConnectionID(rawValue: 0))
        event.has_connection = id != nil
        var (message, traceback, handler) = (error.message, error.traceback, error.handler)
        let outcome = message.withUTF8 { message in
            traceback.withUTF8 { traceback in
                handler.withUTF8 { handler in
                    var report = nj_report(
                        message: message.baseAddress,
                        traceback: traceback.baseAddress,
                        handler: handler.baseAddress,
                        message_length: message.count,
                        traceback_length: traceback.count,
                        handler_length: handler.count,
                        version: Int64(error.version)
                    )
                    return withUnsafePointer(to: &report) { report in
                        event.report = report
                        return nj_vm_dispatch(vm, &event)
                    }
                }
            }
        }
        return try result(outcome, of: .NJ_EVENT_ERROR)
    }

    /// Runs what a timer was given; `elapsed` are the seconds since its last run.
    package func timer(_ timer: TimerID, elapsed: Double, repeats: Bool) throws(ScriptError) -> Outcome {
        var event = nj_event(.NJ_EVENT_TIMER, timer.rawValue)
        event.elapsed = elapsed
        event.repeats = repeats
        return try dispatch(&event)
    }

    /// Runs a body that was spawned.
    package func spawned(_ body: TaskID) throws(ScriptError) -> Outcome {
        var event = nj_event(.NJ_EVENT_SPAWN, body.rawValue)
        return try dispatch(&event)
    }

    /// Goes on with a handler that waits. One that waits again does so as another task.
    ///
    /// - Throws: ``ScriptError``; its handler is `handler`.
    package func resume(_ task: TaskID, with resumption: Resumption, in handler: String) throws(ScriptError) -> Outcome
    {
        var resumption = nj_resumption(resumption)
        let outcome = nj_vm_resume(vm, task.rawValue, &resumption)
        guard outcome != .NJ_FAILED else { throw failure(in: handler) }
        return Outcome(outcome)
    }

    /// Whether ``nextEffect()`` has to be called.
    package var hasEffects: Bool { nj_vm_has_effects(vm) }

    /// The next effect, in the order in which the script asked for them; to be called after every event, also after a
    /// failed one, until nil.
    @inline(__always)
    package func nextEffect() -> Effect? {
        guard let effect = nj_vm_next_effect(vm)?.pointee else { return nil }
        let id = ConnectionID(rawValue: effect.id)
        let bytes = UnsafeRawBufferPointer(start: effect.bytes, count: effect.length)
        switch effect.kind {
        case .NJ_EFFECT_SEND:
            return .send(id, isText: effect.is_text, bytes, SendOptions(effect))
        case .NJ_EFFECT_CLOSE:
            return .close(id, code: effect.code, reason: bytes)
        case .NJ_EFFECT_BROADCAST:
            return Audience.with(effect.audience) {
                .broadcast(isText: effect.is_text, bytes, SendOptions(effect), to: $0)
            }
        case .NJ_EFFECT_JOIN:
            return .join(id, room: bytes)
        case .NJ_EFFECT_LEAVE:
            return .leave(id, room: bytes)
        case .NJ_EFFECT_DISCONNECT:
            return Audience.with(effect.audience) { .disconnect($0, code: effect.code, reason: bytes) }
        case .NJ_EFFECT_ACCEPT:
            return .accept(RequestToken(rawValue: effect.id), subprotocol: bytes, fields: effect.fields)
        case .NJ_EFFECT_RESPONSE:
            let token = RequestToken(rawValue: effect.id)
            return .response(token, status: Int(effect.code), fields: effect.fields, body: bytes)
        }
    }

    /// Collects garbage for half a millisecond, while no handler runs.
    ///
    /// - Returns: true at the end of a cycle: what was garbage at its beginning is free then.
    package func collect() -> Bool { nj_vm_collect(vm) }

    /// Sets how soon Lua itself begins to collect, by how much is in use.
    ///
    /// - Returns: whether half of the room that the last collection left is used up: one now spares the next event one.
    package func paceCollection() -> Bool { nj_vm_pace(vm) }

    /// Bytes in use.
    package var memoryUsed: Int { nj_vm_usage(vm).used }

    /// The most bytes that were in use.
    package var memoryPeak: Int { nj_vm_usage(vm).peak }

    /// How often memory was asked for or grown, ever.
    package var allocations: UInt64 { nj_vm_usage(vm).allocations }

    /// Ticks of 2 ms of CPU time that ended inside this VM, ever; wraps around.
    package var busyTicks: UInt32 { nj_vm_busy_ticks(vm) }

    /// Frees all that the script holds; afterwards there are no handlers to run and no effects. The object's end does
    /// it too.
    package func destroy() {
        nj_vm_close(vm)
    }

    @inline(__always)
    private func dispatch(_ event: inout nj_event) throws(ScriptError) -> Outcome {
        try result(nj_vm_dispatch(vm, &event), of: event.kind)
    }

    @inline(__always)
    private func result(_ outcome: nj_outcome, of kind: nj_event_kind) throws(ScriptError) -> Outcome {
        guard outcome != .NJ_FAILED else { throw failure(in: kind.handler) }
        return Outcome(outcome)
    }

    func failure(in handler: String) -> ScriptError {
        ScriptError(nj_vm_failure(vm).pointee, in: handler, of: script, sources: bridge.sources)
    }
}

@available(*, unavailable)
extension LuaVM: Sendable {}
