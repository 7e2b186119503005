//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime
internal import NIOPosix
internal import Synchronization
package import WebSocketCore

/// The VMs of this loop: how they come and go, and what they tell its connections.
extension Worker {
    /// Gives this loop the VM of a route.
    package func add(_ runner: ScriptRunner) {
        self.runners[runner.route.index] = runner
    }

    /// Closes a VM that nothing runs in, elsewhere if there is a thread for that: a large one takes half a second.
    func close(_ vm: LuaVM) {
        guard let closing = self.closing else { return vm.destroy() }
        let box = OwnedVM(vm)
        closing.submit { _ in box.vm.destroy() }
    }

    /// A route comes that was not there at the start.
    package func makeRoom(forRoute index: Int) {
        while self.rooms.count <= index {
            self.audiences.append([])
            self.rooms.append(RoomTable(loop: self.index))
        }
    }

    /// Closes the connections of a route that serves nobody any more.
    package func closeConnections(ofRoute index: Int, code: CloseCode, reason: String) {
        for connection in self.connections.all where connection.route.index == index {
            connection.close(code: code, reason: reason)
        }
    }

    /// Ends the VM of a route that nobody is connected to any more.
    ///
    /// - Returns: false while there is somebody.
    func remove(route index: Int) -> Bool {
        guard let runner = self.runners[index] else { return true }
        guard runner.membersByID.isEmpty else { return false }
        guard runner.isIdle else {
            // Nobody is left for whom it could wait.
            runner.beginEnding()
            return false
        }
        runner.unload()
        self.runners[index] = nil
        return true
    }

    /// The route as the next version of its script serves it.
    package func exchange(_ route: Route, router: Router) {
        self.router = router
        for connection in self.connections.all where connection.route.index == route.index {
            connection.take(route)
        }
    }

    // MARK: - What runners tell connections

    package func close(_ member: Member, code: CloseCode, reason: String) {
        if let connection = member.connection {
            connection.close(code: code, reason: reason)
        } else if member.id.worker != self.index {
            self.post(.close(member.id, code: code, reason: reason), to: member.id.worker)
        }
    }

    package func inputTaken(_ member: Member, byteCount: Int) {
        if let connection = member.connection {
            connection.inputTaken(messages: 1, byteCount: byteCount)
        } else if member.id.worker != self.index {
            self.post(.inputTaken(member.id, messages: 1, byteCount: byteCount), to: member.id.worker)
        }
    }

    /// Whether more waits for the VM of this loop's connections to the route than it may hold.
    func isCongested(_ route: Route) -> Bool {
        route.isPerCore
            ? self.runners[route.index]?.isCongested ?? false : route.census.isCongested.load(ordering: .relaxed)
    }

    /// The VM of a route has room again: on every loop whose connections it serves they go on reading.
    package func congestionOver(of route: Route) {
        for peer in self.peers.indices where peer != self.index && !route.isPerCore {
            self.post(.congestionOver(route: route.index), to: peer)
        }
        self.resumeReading(route: route.index)
    }

    func resumeReading(route: Int) {
        for connection in self.connections.all where connection.route.index == route {
            connection.congestionOver()
        }
    }
}

/// A VM on its way from one thread to another.
struct OwnedVM: @unchecked Sendable {
    // Unchecked: whoever sends it keeps none.

    let vm: LuaVM

    init(_ vm: LuaVM) {
        self.vm = vm
    }
}
