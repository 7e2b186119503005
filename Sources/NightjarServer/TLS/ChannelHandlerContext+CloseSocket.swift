//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NIOCore
internal import NIOSSL

extension ChannelHandlerContext {
    /// Closes the socket at once; with TLS, past the exchange of close_notify, for which a hostile peer would let us wait.
    func closeSocket() {
        if let tls = try? self.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) {
            tls.close(promise: nil)
        } else {
            self.close(promise: nil)
        }
    }
}
