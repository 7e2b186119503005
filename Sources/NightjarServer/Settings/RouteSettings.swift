//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Every setting that a route can have of its own. The configuration and the tables of scripts are read by these.
package enum RouteSettings {
    private static let sizes = 1...1024 * 1024 * 1024
    private static let delays = Duration.milliseconds(10)...Duration.seconds(3600)

    /// CPU time is counted in steps of 2 ms, and a script that runs for 30 s ends the process.
    private static let budgets = Duration.milliseconds(10)...Duration.seconds(20)

    /// The keys of what only a single route can have.
    package static let single: Set<String> = ["path"]

    /// The keys of what a script's own table cannot set, with the reason.
    package static let notInScripts = [
        "limits.load": "it holds before the script can say anything: set it in the configuration"
    ]

    package static let table = SettingTable<RouteConfiguration>([
        Setting(
            "path",
            .string(.at(\.path), atMost: PathPattern.lengthLimit),
            "The paths that are served: `:name` is one segment, a `*` at the end the rest; its file's path without."
        ),
        Setting(
            "instances",
            .choice(.at(\.instances)),
            "How many VMs a script has: `1` that all its connections share, or with `per-core` one on each I/O thread."
        ),
        Setting(
            "origins",
            .list(
                Setting.List(
                    .at(\.origins),
                    of: "`same`, `*`, `null`, `a.example`, `https://a.example:8443` or `*.example.com`",
                    example: "same, https://app.example.com",
                    check: RouteConfiguration.complaint(aboutOrigin:)
                )
            ),
            "The web pages that may connect, by the origin that their browser tells; others are answered with 403."
        ),
        Setting(
            "protocols",
            .list(
                Setting.List(
                    .at(\.protocols),
                    of: "sub-protocol names",
                    example: "chat.v2, chat.v1",
                    check: RouteConfiguration.complaint(aboutProtocol:)
                )
            ),
            "The sub-protocols that are spoken: the first of a client's list that is among them is answered."
        ),
        Setting(
            "key",
            .string(.at(\.messageKey), atMost: 64),
            "The field of a JSON message that names the script's function for it."
        ),
        Setting(
            "limits.message",
            .size(.at(\.messageBytes), sizes),
            "Bytes of one message; beyond it the connection is closed with 1009."
        ),
        Setting(
            "limits.fragments",
            .integer(.at(\.messageFragments), 1...1_000_000),
            "Frames of one message, empty ones too; beyond it the connection is closed with 1008."
        ),
        Setting(
            "limits.control_frames",
            .integer(.at(\.controlFrames), 0...1_000_000),
            "Control frames of a client in 10 s; beyond it the connection is closed with 1008. 0 sets no limit."
        ),
        Setting(
            "limits.message_time",
            .duration(.at(\.messageTime), delays),
            "Time from a message's first frame to its last; beyond it the connection is closed with 1008."
        ),
        Setting(
            "limits.buffered",
            .size(.at(\.buffered), sizes),
            "Bytes that may wait to be sent to one client; beyond it `slow` decides."
        ),
        Setting(
            "limits.buffered_soft",
            .size(.at(\.bufferedSoft), sizes),
            "Bytes waiting to be sent above which reading pauses and the script's `drain` will follow."
        ),
        Setting(
            "limits.rate",
            .integer(.at(\.messageRate), 0...1_000_000),
            "Messages of one client in a second; beyond it `limits.flood` decides. 0 sets no limit."
        ),
        Setting(
            "limits.burst",
            .integer(.at(\.messageBurst), 0...1_000_000),
            "Messages of one client that may come at once; 0 means twice `limits.rate`."
        ),
        Setting(
            "limits.flood",
            .choice(.at(\.flood)),
            "What a client beyond `limits.rate` gets: `close` ends it with 1008, `slow` stops reading for a while."
        ),
        Setting(
            "limits.close",
            .duration(.at(\.closeTimeout), Duration.milliseconds(10)...Duration.seconds(60)),
            "Time that the close handshake may take before the connection is reset."
        ),
        Setting(
            "limits.queue",
            .integer(.at(\.queueMessages), 1...65_536),
            "Messages of one connection that may wait for its script before reading pauses."
        ),
        Setting(
            "limits.queue_bytes",
            .size(.at(\.queueBytes), sizes),
            "Bytes of one connection's messages that may wait for its script before reading pauses."
        ),
        Setting(
            "limits.script_queue",
            .size(.at(\.scriptQueueBytes), sizes),
            "Bytes of messages that may wait for one script before its connections pause."
        ),
        Setting(
            "limits.cpu",
            .duration(.at(\.eventCPU), budgets),
            "CPU time of one event in the script; beyond it the event ends with an error."
        ),
        Setting(
            "limits.load",
            .duration(.at(\.loadCPU), budgets),
            "CPU time of loading the script; beyond it loading ends with an error."
        ),
        Setting(
            "limits.memory",
            .size(.at(\.memory), 1024 * 1024...16 * 1024 * 1024 * 1024),
            "Memory of one script; beyond it the event ends with an error."
        ),
        Setting(
            "limits.wall",
            .duration(.at(\.wall), delays),
            "Time of one handler from its start to its end, waits included; beyond it the handler ends with an error."
        ),
        Setting(
            "limits.rooms",
            .integer(.at(\.rooms), 1...1_000_000),
            "Rooms that one connection may be in; beyond it `conn:join` gives `nil, \"full\"`."
        ),
        Setting(
            "limits.timers",
            .integer(.at(\.timers), 1...1_000_000),
            "Timers that one script may have; beyond it making another is an error."
        ),
        Setting(
            "limits.handlers",
            .integer(.at(\.handlers), 1...1_000_000),
            "Handlers of one script that may wait at once; beyond it waiting is an error."
        ),
        Setting(
            "limits.breaches",
            .integer(.at(\.breaches), 0...1000),
            "Handlers that may pass limits.cpu or limits.memory in a minute before the route is quarantined; 0 never does that."
        ),
        Setting(
            "compress",
            .boolean(.at(\.compress)),
            "Whether clients that offer compression (permessage-deflate) get it."
        ),
        Setting(
            "deflate.min_size",
            .size(.at(\.deflateMinimum), 0...1024 * 1024 * 1024),
            "Bytes of a message from which on it is compressed for clients that agreed to it."
        ),
        Setting(
            "deflate.level",
            .integer(.at(\.deflateLevel), 1...9),
            "How hard messages are compressed, from 1 (fast) to 9 (small)."
        ),
        Setting(
            "deflate.server_takeover",
            .boolean(.at(\.deflateServerTakeover)),
            "Whether what is sent may refer to earlier messages, which costs each connection up to 256 KiB."
        ),
        Setting(
            "deflate.client_takeover",
            .boolean(.at(\.deflateClientTakeover)),
            "Whether clients may refer to earlier messages, which costs each connection up to 40 KiB."
        ),
        Setting(
            "deflate.server_window_bits",
            .integer(.at(\.deflateServerWindowBits), 9...15),
            "The window that messages are compressed with, as a power of two."
        ),
        Setting(
            "deflate.client_window_bits",
            .integer(.at(\.deflateClientWindowBits), 9...15),
            "The window that clients are asked to compress with, as a power of two."
        ),
        Setting(
            "slow",
            .choice(.at(\.slow)),
            "What a client beyond `limits.buffered` gets: `close` ends it with 1013, `drop` drops the new frame."
        ),
        Setting(
            "keep_alive.interval",
            .duration(.at(\.keepAliveInterval), delays),
            "Silence of a client after which it is sent a ping."
        ),
        Setting(
            "keep_alive.timeout",
            .duration(.at(\.keepAliveTimeout), delays),
            "Silence after that ping after which the client counts as gone."
        ),
    ])
}
