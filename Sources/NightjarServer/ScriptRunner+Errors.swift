//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import LuaRuntime
internal import NIOCore

/// What becomes of a handler's error.
extension ScriptRunner {
    /// Logs a handler's error, then hands it to the script's own `error` handler.
    func report(_ error: ScriptError, from member: Member?) {
        // What is ended for the server's end is no mistake of the script.
        if self.isEnding || self.endsQuietly, error.kind == .wall { return }
        self.log(error, member)
        self.note(error, from: member)
        self.noteBreach(error)
        guard let vm = self.guest ?? self.vm, vm.handlers.contains(.error) else { return }
        // Should it wait, then for itself: the connection's next event does not.
        (self.current, self.resumed, self.backgroundSubject) = (nil, nil, .background)
        do {
            _ = try vm.error(member?.id, error)
        } catch {
            self.log(error, member)
            self.noteBreach(error)
        }
    }

    /// Counts the connection, and has a version taken back in whose probation there are too many.
    private func note(_ error: ScriptError, from member: Member?) {
        guard let member, error.version == self.vm?.script.version else { return }
        let now = self.worker.eventLoop.now
        self.errorCensus.note(member.id, now: now)
        guard var probation = self.probation else { return }
        self.probation = nil
        guard !probation.isOver(now: now) else { return }
        if probation.note(member.id, open: self.openCount, former: self.formerFailures) {
            self.takeBack?(self.route.index, error.version)
        } else {
            self.probation = probation
        }
    }

    /// The version that has begun is on probation.
    package func beginProbation() {
        let now = self.worker.eventLoop.now
        self.formerFailures = self.errorCensus.take(now: now)
        self.probation = Probation(now: now)
    }

    private func log(_ error: ScriptError, _ member: Member?) {
        self.worker.counters.add(.scriptError(error.kind))
        // Told below each time, with the traceback that shows where.
        switch error.kind {
        case .deadline: self.worker.counters.add(.exceeded(.scriptCPU))
        case .memory: self.worker.counters.add(.exceeded(.scriptMemory))
        case .wall, .syntax, .runtime, .contract: break
        }
        var metadata: Logger.Metadata = [
            "script": "\(self.route.script)", "version": "\(error.version)", "handler": "\(error.handler)",
            "error": "\(error.message)",
        ]
        if let member {
            metadata["connection"] = "\(member.request.publicID)"
        }
        if self.worker.isDevelopment {
            // Taking the source apart for each error is for its author only: clients may cause many.
            let diagnosis = Diagnosis(error)
            metadata["source"] = diagnosis.excerpt.map { "\($0)" }
            metadata["help"] = diagnosis.help.map { "\($0)" }
        } else if let source = error.sourceLine {
            metadata["source"] = "\(source)"
        }
        if !error.traceback.isEmpty {
            metadata["traceback"] = "\(error.traceback)"
        }
        self.logger.error("script error", metadata: metadata)
    }
}
