//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NightjarServer

/// Every setting there is. Reading, checking and the commented file are all made from this table.
package enum Schema {
    /// Two sizes of which one must not exceed the other.
    package struct Order: Sendable {
        package let lesser: String
        package let greater: String

        /// Why, after a colon.
        package let reason: String
    }

    private static let sizes = 1...1024 * 1024 * 1024
    private static let delays = Duration.milliseconds(10)...Duration.seconds(3600)

    /// CPU time is counted in steps of 10 ms, and a script that runs for 30 s ends the process.
    private static let budgets = Duration.milliseconds(10)...Duration.seconds(20)

    /// The settings in the order of the file; those of one section stand together.
    package static let settings = [
        Setting(
            "host",
            .string(.server(\.server.host)),
            "The address to listen on: an IPv4 or IPv6 literal, or a name that resolves to one."
        ),
        Setting("port", .integer(.server(\.server.port), 0...65_535), "The TCP port; 0 takes any free one."),
        Setting(
            "listen",
            .list(
                Setting.List(
                    .server(\.server.listenTexts),
                    of: "addresses: `ws://HOST:PORT`, `wss://HOST:PORT` or `unix:PATH`",
                    example: "ws://127.0.0.1:8080, wss://[::]:8443",
                    check: ListenAddress.complaint(about:)
                )
            ),
            "Where to listen instead of `host` and `port`."
        ),
        Setting(
            "tls.certificate",
            .file(.server(\.server.tlsCertificate)),
            "The PEM file of the certificate chain for wss:// addresses, the server's own first."
        ),
        Setting(
            "tls.key",
            .file(.server(\.server.tlsKey)),
            "The PEM file of that certificate's private key, without a password."
        ),
        Setting(
            "backlog",
            .integer(.server(\.server.backlog), 1...65_535),
            "How many connections the kernel keeps waiting to be accepted."
        ),
        Setting(
            "scripts",
            .string(.server(\.server.scripts)),
            "The folder that holds the route scripts, seen from where the server is started."
        ),
        Setting(
            "dev",
            .boolean(.server(\.server.isDevelopment)),
            "Development conveniences: an answer with status 404 names the routes."
        ),
        Setting(
            "admin",
            .admin(.server(\.server.admin)),
            "Where metrics and health are told: `auto` is a Unix socket that only the server's user can open."
        ),
        Setting(
            "trusted_proxies",
            .list(
                Setting.List(
                    .server(\.server.trustedProxies),
                    of: "addresses, blocks of addresses, and `unix`",
                    example: "127.0.0.1, 10.0.0.0/8, unix",
                    check: TrustedProxies.complaint(about:)
                )
            ),
            "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."
        ),
        Setting(
            "origins",
            .list(
                Setting.List(
                    .route(\.origins),
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
                    .route(\.protocols),
                    of: "sub-protocol names",
                    example: "chat.v2, chat.v1",
                    check: RouteConfiguration.complaint(aboutProtocol:)
                )
            ),
            "The sub-protocols that are spoken: the first of a client's list that is among them is answered."
        ),
        Setting(
            "key",
            .string(.route(\.messageKey)),
            "The field of a JSON message that names the script's function for it."
        ),
        Setting(
            "threads.io",
            .integer(.server(\.server.ioThreads), 0...128),
            "Threads that own sockets and scripts; 0 means one for each core."
        ),
        Setting(
            "threads.script",
            .integer(.server(\.server.scriptThreads), 0...128),
            "Threads that own scripts and no sockets; 0 keeps scripts on the threads above."
        ),
        Setting("log.level", .choice(\.logLevel), "Events below this level are not logged."),
        Setting(
            "log.format",
            .choice(\.logLayout),
            "The shape of log lines; `auto` is text on a terminal and JSON elsewhere."
        ),
        Setting(
            "limits.message",
            .size(.route(\.messageBytes), sizes),
            "Bytes of one message; beyond it the connection is closed with 1009."
        ),
        Setting(
            "limits.fragments",
            .integer(.route(\.messageFragments), 1...1_000_000),
            "Frames of one message, empty ones too; beyond it the connection is closed with 1008."
        ),
        Setting(
            "limits.control_frames",
            .integer(.route(\.controlFrames), 0...1_000_000),
            "Control frames of a client in 10 s; beyond it the connection is closed with 1008. 0 sets no limit."
        ),
        Setting(
            "limits.message_time",
            .duration(.route(\.messageTime), delays),
            "Time from a message's first frame to its last; beyond it the connection is closed with 1008."
        ),
        Setting(
            "limits.handshake",
            .duration(.server(\.server.handshake.deadline), delays),
            "Time from accepting a connection to the end of its handshake; beyond it the connection is dropped."
        ),
        Setting(
            "limits.connections",
            .integer(.server(\.server.connections), 0...10_000_000),
            "Sockets open at once; beyond it the answer is 503. 0 means nine tenths of the open-file limit."
        ),
        Setting(
            "limits.connections_per_ip",
            .integer(.server(\.server.connectionsPerIP), 0...10_000_000),
            "Sockets that one address (of IPv6, one /64) may have; beyond it the answer is 503. 0 sets no limit."
        ),
        Setting(
            "limits.target",
            .size(.server(\.server.handshake.targetBytes), 16...64 * 1024),
            "Bytes of a request target (path and query); beyond it the answer is 414."
        ),
        Setting(
            "limits.header_fields",
            .integer(.server(\.server.handshake.headerFields), 8...1000),
            "Header fields of a request; beyond it the answer is 431."
        ),
        Setting(
            "limits.header",
            .size(.server(\.server.handshake.fieldBytes), 256...1024 * 1024),
            "Bytes of one header field of a request; beyond it the answer is 431."
        ),
        Setting(
            "limits.headers",
            .size(.server(\.server.handshake.headerBytes), 1024...1024 * 1024),
            "Bytes of all header fields of a request together; beyond it the answer is 431."
        ),
        Setting(
            "limits.buffered",
            .size(.route(\.buffered), sizes),
            "Bytes that may wait to be sent to one client; beyond it `slow` decides."
        ),
        Setting(
            "limits.buffered_soft",
            .size(.route(\.bufferedSoft), sizes),
            "Bytes waiting to be sent above which reading pauses and the script's `drain` will follow."
        ),
        Setting(
            "limits.rate",
            .integer(.route(\.messageRate), 0...1_000_000),
            "Messages of one client in a second; beyond it `limits.flood` decides. 0 sets no limit."
        ),
        Setting(
            "limits.burst",
            .integer(.route(\.messageBurst), 0...1_000_000),
            "Messages of one client that may come at once; 0 means twice `limits.rate`."
        ),
        Setting(
            "limits.flood",
            .choice(route: \.flood),
            "What a client beyond `limits.rate` gets: `close` ends it with 1008, `slow` stops reading for a while."
        ),
        Setting(
            "limits.close",
            .duration(.route(\.closeTimeout), Duration.milliseconds(10)...Duration.seconds(60)),
            "Time that the close handshake may take before the connection is reset."
        ),
        Setting(
            "limits.queue",
            .integer(.route(\.queueMessages), 1...65_536),
            "Messages of one connection that may wait for its script before reading pauses."
        ),
        Setting(
            "limits.queue_bytes",
            .size(.route(\.queueBytes), sizes),
            "Bytes of one connection's messages that may wait for its script before reading pauses."
        ),
        Setting(
            "limits.script_queue",
            .size(.route(\.scriptQueueBytes), sizes),
            "Bytes of messages that may wait for one script before its connections pause."
        ),
        Setting(
            "limits.cpu",
            .duration(.route(\.eventCPU), budgets),
            "CPU time of one event in the script; beyond it the event ends with an error."
        ),
        Setting(
            "limits.load",
            .duration(.route(\.loadCPU), budgets),
            "CPU time of loading the script; beyond it loading ends with an error."
        ),
        Setting(
            "limits.memory",
            .size(.route(\.memory), 1024 * 1024...16 * 1024 * 1024 * 1024),
            "Memory of one script; beyond it the event ends with an error."
        ),
        Setting(
            "limits.wall",
            .duration(.route(\.wall), delays),
            "Time of one handler from its start to its end, waits included; beyond it the handler ends with an error."
        ),
        Setting(
            "limits.rooms",
            .integer(.route(\.rooms), 1...1_000_000),
            "Rooms that one connection may be in; beyond it `conn:join` is an error."
        ),
        Setting(
            "limits.timers",
            .integer(.route(\.timers), 1...1_000_000),
            "Timers that one script may have; beyond it making another is an error."
        ),
        Setting(
            "limits.handlers",
            .integer(.route(\.handlers), 1...1_000_000),
            "Handlers of one script that may wait at once; beyond it waiting is an error."
        ),
        Setting(
            "limits.total",
            .size(.server(\.server.bufferedTotal), 0...1024 * 1024 * 1024 * 1024),
            "Bytes buffered by all connections together; 0 means a quarter of the memory the process may use."
        ),
        Setting(
            "compress",
            .boolean(.route(\.compress)),
            "Whether clients that offer compression (permessage-deflate) get it."
        ),
        Setting(
            "deflate.min_size",
            .size(.route(\.deflateMinimum), 0...1024 * 1024 * 1024),
            "Bytes of a message from which on it is compressed for clients that agreed to it."
        ),
        Setting(
            "deflate.level",
            .integer(.route(\.deflateLevel), 1...9),
            "How hard messages are compressed, from 1 (fast) to 9 (small)."
        ),
        Setting(
            "deflate.server_takeover",
            .boolean(.route(\.deflateServerTakeover)),
            "Whether what is sent may refer to earlier messages, which costs each connection up to 256 KiB."
        ),
        Setting(
            "deflate.client_takeover",
            .boolean(.route(\.deflateClientTakeover)),
            "Whether clients may refer to earlier messages, which costs each connection up to 40 KiB."
        ),
        Setting(
            "deflate.server_window_bits",
            .integer(.route(\.deflateServerWindowBits), 9...15),
            "The window that messages are compressed with, as a power of two."
        ),
        Setting(
            "deflate.client_window_bits",
            .integer(.route(\.deflateClientWindowBits), 9...15),
            "The window that clients are asked to compress with, as a power of two."
        ),
        Setting(
            "slow",
            .choice(route: \.slow),
            "What a client beyond `limits.buffered` gets: `close` ends it with 1013, `drop` drops the new frame."
        ),
        Setting(
            "keep_alive.interval",
            .duration(.route(\.keepAliveInterval), delays),
            "Silence of a client after which it is sent a ping."
        ),
        Setting(
            "keep_alive.timeout",
            .duration(.route(\.keepAliveTimeout), delays),
            "Silence after that ping after which the client counts as gone."
        ),
        Setting(
            "drain.delay",
            .duration(.server(\.server.drainDelay), Duration.zero...Duration.seconds(60)),
            "How long clients are still accepted at shutdown after `/readyz` has begun to answer 503."
        ),
        Setting(
            "drain.window",
            .duration(.server(\.server.drainWindow), Duration.zero...Duration.seconds(60)),
            "Over how long the closing of the connections is spread at shutdown, at most."
        ),
    ]

    package static let orders = [
        Order(
            lesser: "limits.buffered_soft",
            greater: "limits.buffered",
            reason: "reading pauses at the first and the connection is closed at the second"
        ),
        Order(
            lesser: "limits.queue_bytes",
            greater: "limits.script_queue",
            reason: "what waits for one connection waits for the script too"
        ),
        Order(
            lesser: "limits.message",
            greater: "limits.script_queue",
            reason: "a message waits for the script as a whole"
        ),
        Order(
            lesser: "limits.message",
            greater: "limits.memory",
            reason: "a message must fit into the script's memory"
        ),
        Order(
            lesser: "limits.buffered",
            greater: "limits.total",
            reason: "one connection must not hold more than all of them together"
        ),
    ]

    /// The top key of what single routes have of their own.
    package static let routes = "routes"

    private static let byKey = Dictionary(uniqueKeysWithValues: settings.map { ($0.key, $0) })

    package static func setting(_ key: String) -> Setting? {
        byKey[key]
    }

    /// Whether keys stand below `key`.
    package static func isSection(_ key: String) -> Bool {
        settings.contains { $0.key.hasPrefix(key + ".") }
    }

    /// The names that may stand in the section `key`, or at the top.
    package static func names(below key: String, perRoute: Bool) -> [String] {
        let prefix = key.isEmpty ? "" : key + "."
        var names: [String] = []
        for setting in settings where setting.key.hasPrefix(prefix) && (setting.isPerRoute || !perRoute) {
            let name = String(setting.key.dropFirst(prefix.count).prefix { $0 != "." })
            if names.last != name { names.append(name) }
        }
        return key.isEmpty && !perRoute ? names + [routes] : names
    }
}
