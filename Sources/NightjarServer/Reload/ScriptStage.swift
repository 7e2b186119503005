//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import LuaRuntime
internal import NIOPosix

/// Where the next version of a script is loaded, and VMs of former ones are closed: on a thread that serves nobody.
final class ScriptStage: @unchecked Sendable {
    // Unchecked: the clock is made and used on the one thread.

    /// A version that is loaded and has not started.
    struct Loaded: @unchecked Sendable {
        // Unchecked: whoever has it is the only one.

        let source: ScriptSource
        /// One for each loop that owns a VM of the route, in the order of their instances.
        let vms: [LuaVM]
        let pattern: PathPattern
        let configuration: RouteConfiguration
        /// Answers the scripts' questions until the VMs move.
        fileprivate let hosts: [StagingHost]
    }

    let thread = NIOThreadPool(numberOfThreads: 1)
    private let loader: RouteLoader
    private let shared: SharedSpace
    private var clock: CPUClock?

    init(_ loader: RouteLoader, shared: SharedSpace) {
        self.loader = loader
        self.shared = shared
        self.thread.start()
    }

    func stop() async {
        try? await self.thread.shutdownGracefully()
    }

    /// Reads a script and what it is made of, as far as `known` tells.
    func read(_ file: String, route: String?, known: ScriptSource?) async throws -> ScriptSource {
        let folder = self.loader.folder
        return try await self.thread.runIfActive {
            let text = try folder.read(file)
            let script = Script(name: file, source: text, route: route, version: known?.script.version ?? 1)
            var modules: [String: [UInt8]?] = [:]
            if let known {
                for file in known.modules.keys {
                    let text: [UInt8]? = try? folder.read(file)
                    modules.updateValue(text, forKey: file)
                }
            }
            return ScriptSource(script, modules: modules)
        }
    }

    /// Compiles a script, runs its top level and checks what it returns, once for each of its VMs.
    ///
    /// - Parameters:
    ///   - source: of which the modules count when `isKept`; otherwise they are read again.
    ///   - instances: how many VMs a route with one for each loop has.
    /// - Throws: ``ScriptError`` or ``ServerStartError``.
    func load(_ source: ScriptSource, isKept: Bool, instances: Int) async throws -> Loaded {
        try await self.thread.runIfActive { try self.loadHere(source, isKept: isKept, instances: instances) }
    }

    /// What is wrong, with its line, a mark and the remedy.
    static func text(of error: any Error) -> String {
        guard let error = error as? ScriptError else { return "\(error)" }
        return "\(ServerStartError(Diagnosis.all(of: error).map(ServerStartError.Problem.script)))"
    }

    private func loadHere(_ source: ScriptSource, isKept: Bool, instances: Int) throws -> Loaded {
        let clock = try self.clock ?? CPUClock()
        self.clock = clock
        let name = String(source.script.name.dropLast(".lua".count))
        let limits = ScriptLimits(self.loader.configuration.configuration(ofRoute: name))
        var (vms, hosts): ([LuaVM], [StagingHost]) = ([], [])
        var settings: (pattern: PathPattern, configuration: RouteConfiguration)?
        repeat {
            var script = source.script
            script.instance = vms.count + 1
            let folder = self.loader.folder
            let host = StagingHost(
                script,
                environment: ScriptEnvironment(self.loader.configuration.environment),
                logger: self.loader.logger,
                readModule: { isKept ? source.module(named: $0) : folder.module(named: $0) }
            )
            hosts.append(host)
            do throws(ScriptError) {
                let vm = try LuaVM(
                    loading: script,
                    limits: limits,
                    productVersion: self.loader.version,
                    clock: clock,
                    shared: self.shared,
                    host: host
                )
                vms.append(vm)
            } catch {
                throw StagingFailure(source: host.source, reason: Self.text(of: error))
            }
            do throws(ServerStartError) {
                if settings == nil {
                    settings = try self.loader.settings(vms[0].settings, of: script)
                }
            } catch {
                throw StagingFailure(source: host.source, reason: error.description)
            }
        } while settings?.configuration.instances == .perCore && vms.count < instances
        guard let settings, let first = hosts.first else { preconditionFailure("a script has at least one VM") }
        return Loaded(
            source: first.source,
            vms: vms,
            pattern: settings.pattern,
            configuration: settings.configuration,
            hosts: hosts
        )
    }
}

/// A version could not be loaded.
struct StagingFailure: Error, CustomStringConvertible {
    /// What it is made of, as far as it came: a change of any of it may mend it.
    let source: ScriptSource
    let reason: String

    var description: String { self.reason }
}
