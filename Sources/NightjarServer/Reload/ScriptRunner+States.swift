//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
package import LuaRuntime
package import NIOCore

/// The states of connections over a reload: looked at before it, moved when they are used or when the loop has time.
extension ScriptRunner {
    /// How long the loop looks at states, or moves them, before it looks at its sockets again.
    private static let stateSlice: TimeAmount = .milliseconds(2)

    // MARK: - Where they are

    /// The member's `connect` begins: its state is where its upgrade ran, or in the VM that serves.
    func settle(_ member: Member, in upgrade: UInt64?) {
        self.setHome(of: member, to: upgrade ?? self.vm?.generation ?? 0, isNew: true)
        if upgrade != nil, member.home != self.vm?.generation {
            self.moving.append(member.id)
            self.scheduleMoving()
        }
    }

    func leaveHome(_ member: Member) {
        guard member.phase != .waiting else { return }
        self.count(-1, in: member.home)
    }

    private func setHome(of member: Member, to generation: UInt64, isNew: Bool = false) {
        if !isNew { self.count(-1, in: member.home) }
        member.home = generation
        self.count(1, in: generation)
    }

    private func count(_ change: Int, in generation: UInt64) {
        let count = (self.homes[generation] ?? 0) + change
        self.homes[generation] = count > 0 ? count : nil
    }

    package func stateHolder(of id: ConnectionID) -> StateHolder? {
        // What an older version asks for has gone on, or never was there.
        guard !self.isRetiredRunning, let member = self.member(id), member.phase != .waiting else { return nil }
        let running = self.guest ?? self.vm
        guard member.home != running?.generation else { return nil }
        // While the next version loads, the one that serves has the states.
        let holder = member.home == self.vm?.generation ? self.vm : self.retired[member.home]?.vm
        // Until the version is there to stay, too, nothing leaves the other.
        let isInUse = member.held != nil || self.isPaused
        return holder.map { StateHolder(vm: $0, upgrade: member.request.upgrade, isInUse: isInUse) }
    }

    package func stateIsLeftOut(of id: ConnectionID, because reason: String) {
        var metadata: Logger.Metadata = ["version": "\(self.version)", "reason": "\(reason)"]
        if let member = self.member(id) {
            metadata["connection"] = "\(member.request.publicID)"
        }
        self.logger.warning("a connection's state was left out of the reload", metadata: metadata)
    }

    // MARK: - Moving

    /// Moves the states of all members to the VM that serves, a slice at a time.
    func moveStates() {
        self.moving = self.membersByID.values.filter { $0.home != self.vm?.generation }.map(\.id)
        self.scheduleMoving()
    }

    private func scheduleMoving() {
        guard !self.moving.isEmpty, !self.isMoving else { return }
        self.isMoving = true
        self.worker.doLater { [weak self] in self?.moveSlice() }
    }

    private func moveSlice() {
        self.isMoving = false
        guard self.vm != nil else { return }
        if !self.isPaused {
            let end = NIODeadline.now() + Self.stateSlice
            repeat {
                guard let id = self.moving.popLast() else { break }
                if let member = self.membersByID[id], member.held == nil {
                    self.moveState(of: member)
                }
            } while NIODeadline.now() < end
            self.closeRetired()
        }
        self.scheduleMoving()
    }

    /// Moves the state of a member that no handler uses.
    func moveState(of member: Member) {
        guard let vm = self.vm, member.phase != .waiting, member.home != vm.generation else { return }
        do throws(ScriptError) {
            try vm.takeState(of: member.id)
        } catch {
            self.stateIsLeftOut(of: member.id, because: error.message)
        }
        self.setHome(of: member, to: vm.generation)
    }

    // MARK: - The check

    /// Looks whether all states can be kept, a slice at a time.
    ///
    /// - Returns: fails with ``RefusedState`` for the first that cannot.
    package func checkStates() -> EventLoopFuture<Void> {
        let promise = self.worker.eventLoop.makePromise(of: Void.self)
        let members = self.membersByID.values.filter { $0.home == self.vm?.generation && $0.phase != .waiting }
        self.checkSlice(of: members.map(\.id), from: 0, promise)
        return promise.futureResult
    }

    private func checkSlice(of ids: [ConnectionID], from start: Int, _ promise: EventLoopPromise<Void>) {
        guard let vm = self.vm else { return promise.succeed(()) }
        let end = NIODeadline.now() + Self.stateSlice
        var next = start
        repeat {
            guard next < ids.count else {
                vm.endCheck()
                return promise.succeed(())
            }
            let id = ids[next]
            next += 1
            do throws(ScriptError) {
                try vm.checkState(of: id)
            } catch {
                // For want of memory nothing is said of the state.
                guard error.kind != .memory else { continue }
                vm.endCheck()
                let name = self.membersByID[id].map { "\($0.request.publicID)" } ?? "?"
                return promise.fail(RefusedState(connection: name, reason: error.message))
            }
        } while NIODeadline.now() < end
        self.worker.doLater { [weak self] in
            guard let self else { return promise.succeed(()) }
            self.checkSlice(of: ids, from: next, promise)
        }
    }
}

/// The state of a connection cannot be kept over a reload.
package struct RefusedState: Error, CustomStringConvertible {
    package let connection: String
    package let reason: String

    package var description: String { "connection \(self.connection): \(self.reason)" }
}
