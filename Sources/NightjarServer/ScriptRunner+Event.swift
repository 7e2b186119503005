//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime
internal import NIOCore

extension ScriptRunner {
    /// What waits for the script.
    enum Event {
        case connect(Member)
        case message(Member, ByteBuffer, isText: Bool)
        case drain(Member)
        case close(Member, CloseReport)
        case timer(TimerID)
        case spawned(TaskID)
        case resume(TaskID, Cause)
        case upgrade(RequestToken)
        case request(RequestToken, ByteBuffer)

        /// Why a handler that waits goes on; its message is what waits behind it.
        enum Cause {
            case timedOut, message, reloaded, closed, expired, ending
            case value(ByteBuffer)
        }
    }
}

extension ScriptRunner.Event {
    /// What a message takes that waits, beside its payload: its place in the queue, and the buffer.
    private static let messageOverhead = 128

    /// The bytes that the event holds while it waits; those of a request's head are taken as one kilobyte.
    var cost: Int {
        switch self {
        case .message(_, let payload, _): Self.messageOverhead + payload.readableBytes
        case .connect, .upgrade: 1024
        case .request(_, let body): 1024 + body.readableBytes
        case .resume(_, .value(let value)): value.readableBytes
        case .drain, .close, .timer, .spawned, .resume: 0
        }
    }

    /// Whose event it is, if that must not come before the end of an earlier one.
    var member: Member? {
        switch self {
        case .connect(let member), .message(let member, _, _), .drain(let member), .close(let member, _): member
        case .timer, .spawned, .resume, .upgrade, .request: nil
        }
    }
}
