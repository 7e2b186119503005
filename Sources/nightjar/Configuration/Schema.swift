//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NightjarServer

/// Every setting there is. Reading, checking and the commented file are all made from these rows.
package enum Schema {
    private static let delays = Duration.milliseconds(10)...Duration.seconds(3600)

    /// What holds for the whole server.
    private static let server: [Setting<NightjarConfiguration>] = [
        Setting(
            "host",
            .string(.at(\.server.host)),
            "The address to listen on: an IPv4 or IPv6 literal, or a name that resolves to one."
        ),
        Setting("port", .integer(.at(\.server.port), 0...65_535), "The TCP port; 0 takes any free one."),
        Setting(
            "listen",
            .list(
                Setting.List(
                    .at(\.server.listenTexts),
                    of: "addresses: `ws://HOST:PORT`, `wss://HOST:PORT` or `unix:PATH`",
                    example: "ws://127.0.0.1:8080, wss://[::]:8443",
                    check: ListenAddress.complaint(about:)
                )
            ),
            "Where to listen instead of `host` and `port`."
        ),
        Setting(
            "tls.certificate",
            .file(.at(\.server.tlsCertificate)),
            "The PEM file of the certificate chain for wss:// addresses, the server's own first."
        ),
        Setting(
            "tls.key",
            .file(.at(\.server.tlsKey)),
            "The PEM file of that certificate's private key, without a password."
        ),
        Setting(
            "backlog",
            .integer(.at(\.server.backlog), 1...65_535),
            "How many connections the kernel keeps waiting to be accepted."
        ),
        Setting(
            "scripts",
            .string(.at(\.server.scripts)),
            "The folder that holds the route scripts, seen from where the server is started."
        ),
        Setting(
            "dev",
            .boolean(.at(\.server.isDevelopment)),
            "Development conveniences: a console for browsers at /-/console, and a 404 that names the routes."
        ),
        Setting(
            "admin",
            .admin(.at(\.server.admin)),
            "Where metrics and health are told: `auto` is a Unix socket that only the server's user can open."
        ),
        Setting(
            "trusted_proxies",
            .list(
                Setting.List(
                    .at(\.server.trustedProxies),
                    of: "addresses, blocks of addresses, and `unix`",
                    example: "127.0.0.1, 10.0.0.0/8, unix",
                    check: TrustedProxies.complaint(about:)
                )
            ),
            "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."
        ),
        Setting(
            "env",
            .list(
                Setting.List(
                    .at(\.server.environment),
                    of: "names of environment variables",
                    example: "API_KEY, REGION",
                    check: ServerConfiguration.complaint(aboutVariable:)
                )
            ),
            "The environment variables that scripts may read, by `ws.env`."
        ),
        Setting(
            "threads.io",
            .integer(.at(\.server.ioThreads), 0...128),
            "Threads that own sockets and scripts; 0 means one for each core."
        ),
        Setting(
            "threads.script",
            .integer(.at(\.server.scriptThreads), 0...128),
            "Threads that own scripts and no sockets; 0 keeps scripts on the threads above."
        ),
        Setting("log.level", .choice(.at(\.logLevel)), "Events below this level are not logged."),
        Setting(
            "log.format",
            .choice(.at(\.logLayout)),
            "The shape of log lines; `auto` is text on a terminal and JSON elsewhere."
        ),
        Setting(
            "limits.handshake",
            .duration(.at(\.server.handshake.deadline), delays),
            "Time from accepting a connection to the end of its handshake; beyond it the connection is dropped."
        ),
        Setting(
            "limits.connections",
            .integer(.at(\.server.connections), 0...10_000_000),
            "Sockets open at once; beyond it the answer is 503. 0 means nine tenths of the open-file limit."
        ),
        Setting(
            "limits.connections_per_ip",
            .integer(.at(\.server.connectionsPerIP), 0...10_000_000),
            "Sockets that one address (of IPv6, one /64) may have; beyond it the answer is 503. 0 sets no limit."
        ),
        Setting(
            "limits.target",
            .size(.at(\.server.handshake.targetBytes), 16...64 * 1024),
            "Bytes of a request target (path and query); beyond it the answer is 414."
        ),
        Setting(
            "limits.header_fields",
            .integer(.at(\.server.handshake.headerFields), 8...1000),
            "Header fields of a request; beyond it the answer is 431."
        ),
        Setting(
            "limits.header",
            .size(.at(\.server.handshake.fieldBytes), 256...1024 * 1024),
            "Bytes of one header field of a request; beyond it the answer is 431."
        ),
        Setting(
            "limits.headers",
            .size(.at(\.server.handshake.headerBytes), 1024...1024 * 1024),
            "Bytes of all header fields of a request together; beyond it the answer is 431."
        ),
        Setting(
            "limits.total",
            .size(.at(\.server.bufferedTotal), 0...1024 * 1024 * 1024 * 1024),
            "Bytes buffered by all connections together; 0 means a quarter of the memory the process may use."
        ),
        Setting(
            "shared.size",
            .size(.at(\.server.sharedBytes), 64 * 1024...1024 * 1024 * 1024 * 1024),
            "Bytes of all that scripts keep in `ws.shared`; beyond it they get `nil, \"full\"`."
        ),
        Setting(
            "drain.delay",
            .duration(.at(\.server.drainDelay), Duration.zero...Duration.seconds(60)),
            "How long clients are still accepted at shutdown after `/readyz` has begun to answer 503."
        ),
        Setting(
            "drain.window",
            .duration(.at(\.server.drainWindow), Duration.zero...Duration.seconds(60)),
            "Over how long the closing of the connections is spread at shutdown, at most."
        ),
    ]

    /// Of every route, as what holds for all of them.
    private static let routeSettings = RouteSettings.table.settings.map {
        $0.lifted(to: \NightjarConfiguration.server.route)
    }

    /// What may stand at the top of the file, in arguments and in the environment, in the order of the file.
    package static let table = SettingTable(
        server + routeSettings.filter { !RouteSettings.single.contains($0.key) }
    )

    /// What may stand in the section of a route.
    package static let routeTable = SettingTable(routeSettings)

    package static var settings: [Setting<NightjarConfiguration>] { table.settings }

    /// The top key of what single routes have of their own.
    package static let routes = "routes"

    package static func setting(_ key: String) -> Setting<NightjarConfiguration>? {
        table[key]
    }
}

extension Setting<NightjarConfiguration> {
    /// Whether the file may set it for one route.
    package var isPerRoute: Bool {
        Schema.routeTable[key] != nil
    }

    /// The environment variable that sets it.
    package var variable: String {
        "NIGHTJAR_" + key.uppercased().replacing(".", with: "_")
    }
}
