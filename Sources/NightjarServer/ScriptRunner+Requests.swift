//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime
package import NIOCore

/// The HTTP requests that the script is asked about: `upgrade` and `request`.
///
/// A request is pending until it has its one answer, or until nobody waits for it any more; what the script says later is
/// dropped. An upgrade's state stays in the VM until its connection comes and takes it, or it is abandoned.
extension ScriptRunner {
    /// A client wants to become a connection of the route.
    package func upgrade(_ token: RequestToken, _ request: ClientRequest) {
        self.requests[token] = request
        self.enqueue(.upgrade(token))
    }

    /// A plain HTTP request has come, with its whole body.
    package func request(_ token: RequestToken, _ request: ClientRequest, body: ByteBuffer) {
        self.requests[token] = request
        self.enqueue(.request(token, body))
    }

    /// Nobody waits for the answer any more, and if it was to let the client in, no connection follows.
    package func abandoned(_ token: RequestToken) {
        self.requests[token] = nil
        self.acceptedUpgrades[token] = nil
        self.abandonedUpgrades.append(token)
        if !self.isRunning {
            self.dropAbandoned()
        }
    }

    /// Asks the script, unless nobody waits for it any more.
    func ask(_ token: RequestToken, _ question: Question, _ body: (LuaVM) throws(ScriptError) -> Outcome) {
        guard self.requests[token] != nil else { return }
        self.perform(.request(token, question), body)
    }

    /// Gives a request its answer, once.
    ///
    /// - Returns: false when nobody waits for it.
    @discardableResult
    func answer(_ token: RequestToken, _ answer: @autoclosure () -> ScriptAnswer) -> Bool {
        guard self.requests.removeValue(forKey: token) != nil else { return false }
        self.worker.answer(token, answer())
        return true
    }

    /// The script lets a client in, as an effect.
    func accept(_ token: RequestToken, subprotocol: UnsafeRawBufferPointer, fields: UnsafeRawBufferPointer) {
        let isWaitedFor = self.answer(
            token,
            .accept(
                subprotocol: subprotocol.isEmpty ? nil : String(decoding: subprotocol, as: UTF8.self),
                fields: Array(fields)
            )
        )
        if isWaitedFor {
            self.acceptedUpgrades[token] = (self.guest ?? self.vm)?.generation
        } else {
            self.abandonedUpgrades.append(token)
        }
    }

    /// Has the VM forget states that no connection will take; not while it runs.
    func dropAbandoned() {
        while let token = self.abandonedUpgrades.popLast() {
            self.vm?.abandonUpgrade(token)
            for retired in self.retired.values {
                retired.vm.abandonUpgrade(token)
            }
        }
    }

    package func request(of token: RequestToken) -> ScriptRequest? {
        self.requests[token]?.scriptRequest
    }

    package func judge(protocol name: UnsafeRawBufferPointer, for token: RequestToken) -> ProtocolVerdict {
        // The choice for a client that has left goes nowhere.
        guard let request = self.requests[token] else { return .fine }
        let name = String(decoding: name, as: UTF8.self)
        guard request.offeredProtocols.contains(name) else { return .notOffered }
        let listed = self.route.configuration.protocols
        return listed.isEmpty || listed.contains(name) ? .fine : .notListed
    }
}
