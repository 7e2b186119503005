//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime

/// What each event loop counts. Closed, as every label value is: nothing that a client made can become a metric's name.
package enum Counter: Hashable, Sendable {
    case accepted
    /// Sockets that are no WebSockets yet; goes up and down.
    case handshakes
    /// WebSocket connections that are there; goes up and down.
    case open
    case upgraded
    case messagesReceived
    case bytesReceived
    case messagesSent
    case bytesSent
    case messagesDropped
    /// For which the script has no handler.
    case messagesUnhandled
    case broadcasts
    case mail
    case closed(CloseClass)
    case exceeded(Limit)
    case violation(ViolationKind)
    case refused(Refusal)
    case scriptError(ScriptError.Kind)
    /// HTTP requests that had a response: a script's, or a page of the console.
    case request(StatusClass)
    case reload(ReloadResult)

    /// The slots of one loop: a block of ``blockSize`` for the plain counters and one for each label.
    static let slotCount = 8 * blockSize

    /// More than any label has values.
    static let blockSize = 64

    /// Where the count stands. The plain counters' are constants: the path of a message uses them.
    var slot: Int {
        switch self {
        case .accepted: 0
        case .upgraded: 1
        case .messagesReceived: 2
        case .bytesReceived: 3
        case .messagesSent: 4
        case .bytesSent: 5
        case .messagesDropped: 6
        case .broadcasts: 7
        case .mail: 8
        case .handshakes: 9
        case .open: 10
        case .messagesUnhandled: 11
        case .closed(let value): Self.blockSize + Self.place(of: value)
        case .exceeded(let limit): 2 * Self.blockSize + limit.rawValue
        case .violation(let value): 3 * Self.blockSize + Self.place(of: value)
        case .refused(let value): 4 * Self.blockSize + Self.place(of: value)
        case .scriptError(let value): 5 * Self.blockSize + Self.place(of: value)
        case .request(let value): 6 * Self.blockSize + Self.place(of: value)
        case .reload(let value): 7 * Self.blockSize + Self.place(of: value)
        }
    }

    private static func place<Value: CaseIterable & Equatable>(of value: Value) -> Int {
        var place = 0
        for other in Value.allCases {
            if other == value { break }
            place += 1
        }
        return place
    }

    /// The values of one metric: plain, or one for each value of its label.
    package struct Family: Sendable {
        /// The Prometheus name.
        package let name: String
        package let help: String

        /// Whether the value can go down.
        package let isGauge: Bool

        /// The label's name; nil for one plain value.
        package let label: String?
        package let series: [(value: String, counter: Counter)]

        fileprivate init(_ name: String, _ help: String, _ counter: Counter, isGauge: Bool = false) {
            self.name = name
            self.help = help
            self.isGauge = isGauge
            self.label = nil
            self.series = [("", counter)]
        }

        fileprivate init(_ name: String, _ help: String, by label: String, _ series: [(String, Counter)]) {
            self.name = name
            self.help = help
            self.isGauge = false
            self.label = label
            self.series = series
        }
    }

    /// Every metric, in the order in which they are told.
    package static let families = [
        Family("nightjar_connections_accepted_total", "Sockets accepted.", .accepted),
        Family("nightjar_handshakes", "Sockets that are no WebSockets yet.", .handshakes, isGauge: true),
        Family("nightjar_connections", "WebSocket connections that are there.", .open, isGauge: true),
        Family("nightjar_connections_upgraded_total", "Handshakes that became WebSocket connections.", .upgraded),
        Family(
            "nightjar_connections_closed_total",
            "WebSocket connections that ended, by the close code that the script saw.",
            by: "code",
            CloseClass.allCases.map { ($0.rawValue, .closed($0)) }
        ),
        Family(
            "nightjar_handshakes_refused_total",
            "Requests refused for what they asked; those that passed a limit are counted there.",
            by: "reason",
            Refusal.allCases.map { ($0.rawValue, .refused($0)) }
        ),
        Family(
            "nightjar_requests_total",
            "HTTP requests that scripts answered, or under --dev the console.",
            by: "status",
            StatusClass.allCases.map { ($0.rawValue, .request($0)) }
        ),
        Family(
            "nightjar_limit_exceeded_total",
            "How often each limit acted; docs/limits.md lists them.",
            by: "limit",
            Limit.allCases.map { ($0.label, .exceeded($0)) }
        ),
        Family(
            "nightjar_protocol_violations_total",
            "Connections closed because the client broke a rule of RFC 6455.",
            by: "rule",
            ViolationKind.allCases.map { ($0.rawValue, .violation($0)) }
        ),
        Family("nightjar_messages_received_total", "Messages from clients.", .messagesReceived),
        Family("nightjar_received_bytes_total", "Bytes read from WebSocket connections.", .bytesReceived),
        Family(
            "nightjar_messages_sent_total",
            "Messages queued for clients.",
            .messagesSent
        ),
        Family("nightjar_sent_bytes_total", "Bytes that the kernel took for WebSocket connections.", .bytesSent),
        Family("nightjar_messages_dropped_total", "Messages for clients that were given up.", .messagesDropped),
        Family(
            "nightjar_messages_unhandled_total",
            "Messages for which the script has no handler.",
            .messagesUnhandled
        ),
        Family("nightjar_broadcasts_total", "Broadcasts by scripts.", .broadcasts),
        Family("nightjar_mail_total", "Events and effects that crossed from one event loop to another.", .mail),
        Family(
            "nightjar_script_errors_total",
            "Handlers of scripts that ended with an error.",
            by: "kind",
            ScriptError.Kind.allCases.map { ($0.rawValue, .scriptError($0)) }
        ),
        Family(
            "nightjar_script_reloads_total",
            "Versions of scripts that were to serve, by what became of them.",
            by: "result",
            ReloadResult.allCases.map { ($0.rawValue, .reload($0)) }
        ),
    ]
}
