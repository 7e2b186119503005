//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime
internal import NIOCore

/// The HTTP requests of this loop's sockets that wait for a script, and the way of their answers.
extension Worker {
    /// HTTP requests of this loop's sockets that wait for a script's answer.
    package var waitingRequests: Int { self.waiting.count }

    /// A new token, whose answer goes to `handler`, at the end of the tick or later.
    func makeToken(for handler: HandshakeHandler) -> RequestToken {
        self.lastRequest += 1
        let token = RequestToken(worker: self.index, number: self.lastRequest)
        self.waiting[token] = handler
        return token
    }

    /// Asks the route's script whether a client may become a connection.
    func ask(_ token: RequestToken, toUpgrade request: ClientRequest, of route: Route) {
        if let runner = self.runners[route.index] {
            runner.upgrade(token, request)
        } else {
            self.post(.upgrade(token, route: route.index, request), to: route.owner)
        }
    }

    /// Asks the route's script for the answer to a plain request.
    func ask(_ token: RequestToken, toAnswer request: ClientRequest, body: ByteBuffer, of route: Route) {
        if let runner = self.runners[route.index] {
            runner.request(token, request, body: body)
        } else {
            self.post(.request(token, route: route.index, request, body: body), to: route.owner)
        }
    }

    /// Nobody waits for the answer any more, and no connection will take the state that an upgrade returned.
    func abandon(_ token: RequestToken, of route: Route) {
        self.waiting[token] = nil
        if let runner = self.runners[route.index] {
            runner.abandoned(token)
        } else {
            self.post(.abandoned(token, route: route.index), to: route.owner)
        }
    }

    /// A script of this loop has answered.
    ///
    /// The answer leaves at the end of the tick: it is given while effects are applied, and may call back from a socket.
    func answer(_ token: RequestToken, _ answer: ScriptAnswer) {
        if token.worker == self.index {
            self.answers.append((token, answer))
            self.scheduleEndOfTick()
        } else {
            self.post(.answered(token, answer), to: token.worker)
        }
    }

    /// Gives the answers of this tick to those who wait for them.
    func deliverAnswers() {
        guard !self.answers.isEmpty else { return }
        let answers = self.answers
        self.answers = []
        for (token, answer) in answers {
            self.deliver(answer, to: token)
        }
    }

    /// Gives an answer to who waits for it. Who has left has said so, and the script's loop drops what that leaves behind.
    func deliver(_ answer: ScriptAnswer, to token: RequestToken) {
        self.waiting.removeValue(forKey: token)?.answered(answer)
    }
}
