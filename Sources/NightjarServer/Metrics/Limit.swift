//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import WebSocketCore

/// Everything that a client or a script can use too much of (`docs/limits.md` has the table).
///
/// The set is closed: a metric is labelled with it, and each log line about one carries the label.
package enum Limit: Int, CaseIterable, Sendable {
    case message
    case fragments
    case messageTime
    case controlFrames
    case handshakeTime
    case target
    case headers
    case connections
    case connectionsPerIP
    case openFiles
    case bufferedSoft
    case buffered
    case bufferedDropped
    case rate
    case rateSlowed
    case inflaterMemory
    case total
    case queue
    case queueDropped
    case scriptQueue
    case scriptQueueRefused
    case rooms
    case keepAlive
    case closeTime
    case ignoredInput
    case scriptCPU
    case scriptMemory
    case wall
    case quarantine
    case quarantineRefused
    case versions
    case timers
    case handlers
    case shared
    case body
    case bodyTime
    case answerTime
    case responseTime

    /// What happens when a limit is passed.
    package enum Outcome: Hashable, Sendable {
        /// The connection is closed with this code.
        case close(CloseCode)
        /// The connection ends without a Close frame; the script sees 1006.
        case drop
        /// The connection is reset, and the script sees this code.
        case reset(CloseCode)
        /// The handshake is refused with this HTTP status.
        case refuse(Int)
        /// Reading, or accepting, pauses until there is room.
        case pause
        /// The message is dropped, and the connection lives.
        case discard
        /// The event ends with an error; the connection and the script live on.
        case error
        /// The script's call answers `nil` and why.
        case answer
    }

    /// The name in metrics and logs.
    package var label: String {
        switch self {
        case .message: "message"
        case .fragments: "fragments"
        case .messageTime: "message_time"
        case .controlFrames: "control_frames"
        case .handshakeTime: "handshake"
        case .target: "target"
        case .headers: "headers"
        case .connections: "connections"
        case .connectionsPerIP: "connections_per_ip"
        case .openFiles: "open_files"
        case .bufferedSoft: "buffered_soft"
        case .buffered: "buffered"
        case .bufferedDropped: "buffered_dropped"
        case .rate: "rate"
        case .rateSlowed: "rate_slowed"
        case .inflaterMemory: "inflater_memory"
        case .total: "total"
        case .queue: "queue"
        case .queueDropped: "queue_dropped"
        case .scriptQueue: "script_queue"
        case .scriptQueueRefused: "script_queue_refused"
        case .rooms: "rooms"
        case .keepAlive: "keep_alive"
        case .closeTime: "close"
        case .ignoredInput: "ignored_input"
        case .scriptCPU: "cpu"
        case .scriptMemory: "memory"
        case .wall: "wall"
        case .quarantine: "quarantine"
        case .quarantineRefused: "quarantine_refused"
        case .versions: "versions"
        case .timers: "timers"
        case .handlers: "handlers"
        case .shared: "shared"
        case .body: "body"
        case .bodyTime: "body_time"
        case .answerTime: "answer_time"
        case .responseTime: "response_time"
        }
    }

    /// The keys of the settings that move it; none for what is fixed, or the system's.
    package var settings: [String] {
        switch self {
        case .message, .body: ["limits.message"]
        case .fragments: ["limits.fragments"]
        case .messageTime, .bodyTime, .responseTime: ["limits.message_time"]
        case .answerTime: ["limits.wall"]
        case .controlFrames: ["limits.control_frames"]
        case .handshakeTime: ["limits.handshake"]
        case .target: ["limits.target"]
        case .headers: ["limits.header_fields", "limits.header", "limits.headers"]
        case .connections: ["limits.connections"]
        case .connectionsPerIP: ["limits.connections_per_ip"]
        case .bufferedSoft: ["limits.buffered_soft"]
        case .buffered, .bufferedDropped: ["limits.buffered", "slow"]
        case .rate, .rateSlowed: ["limits.rate", "limits.burst", "limits.flood"]
        case .total: ["limits.total"]
        case .queue, .queueDropped: ["limits.queue", "limits.queue_bytes"]
        case .scriptQueue, .scriptQueueRefused: ["limits.script_queue"]
        case .rooms: ["limits.rooms"]
        case .keepAlive: ["keep_alive.interval", "keep_alive.timeout"]
        case .closeTime: ["limits.close"]
        case .scriptCPU: ["limits.cpu"]
        case .scriptMemory: ["limits.memory"]
        case .wall: ["limits.wall"]
        case .quarantine, .quarantineRefused: ["limits.breaches"]
        case .timers: ["limits.timers"]
        case .handlers: ["limits.handlers"]
        case .shared: ["shared.size"]
        case .openFiles, .ignoredInput, .inflaterMemory, .versions: []
        }
    }

    package var outcome: Outcome {
        switch self {
        case .message: .close(.messageTooBig)
        case .fragments, .messageTime, .controlFrames, .rate: .close(.policyViolation)
        case .buffered, .inflaterMemory, .quarantine: .close(.tryAgainLater)
        case .bufferedDropped: .discard
        case .total: .reset(.tryAgainLater)
        case .target: .refuse(414)
        case .headers: .refuse(431)
        case .body: .refuse(413)
        case .bodyTime: .refuse(408)
        case .connections, .connectionsPerIP, .scriptQueueRefused, .quarantineRefused, .answerTime: .refuse(503)
        case .handshakeTime, .responseTime, .queueDropped, .keepAlive, .closeTime, .ignoredInput: .drop
        case .openFiles, .bufferedSoft, .queue, .scriptQueue, .rateSlowed: .pause
        case .scriptCPU, .scriptMemory, .wall, .versions, .timers, .handlers: .error
        case .rooms, .shared: .answer
        }
    }
}

extension ProtocolViolation {
    /// The limit that was passed; nil when a rule of the protocol was broken.
    package var limit: Limit? {
        switch self {
        case .messageTooBig: .message
        case .tooManyFragments: .fragments
        case .messageTooSlow: .messageTime
        case .tooManyControlFrames: .controlFrames
        case .tooManyMessages: .rate
        case .inflaterUnavailable: .inflaterMemory
        case .unmaskedFrame, .maskedFrame, .reservedBits, .reservedOpcode, .lengthNotMinimal, .lengthOutOfRange,
            .controlFrameTooLong, .controlFrameFragmented, .continuationUnexpected, .continuationExpected,
            .textNotUTF8, .compressedDataCorrupt, .closeBodyTooShort, .closeCodeInvalid, .closeReasonNotUTF8:
            nil
        }
    }
}
