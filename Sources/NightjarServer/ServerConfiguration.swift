//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import WebSocketCore

/// Everything an operator can set, as values: what the executable reads from arguments, environment and file.
package struct ServerConfiguration: Sendable, Equatable {
    /// The address to listen on: an IPv4 or IPv6 literal, or a name that resolves to one.
    package var host = "127.0.0.1"

    /// The TCP port, 0...65,535; 0 takes any free one.
    package var port = 8080

    /// Where to listen instead of ``host`` and ``port``; empty for those.
    package var listen: [ListenAddress] = []

    /// The PEM file of the certificate chain, leaf first; empty for no TLS.
    package var tlsCertificate = ""

    /// The PEM file of the private key; empty for no TLS.
    package var tlsKey = ""

    /// How many connections the kernel keeps waiting for `accept`, 1...65,535.
    package var backlog = 4096

    /// The folder that holds the route scripts.
    package var scripts = "scripts"

    /// Development conveniences: the console, and a 404 that names the routes.
    package var isDevelopment = false

    /// Event loops that own sockets and VMs, 0...128; 0 means one for each core.
    package var ioThreads = 0

    /// Event loops that own VMs and no sockets, 0...128; 0 keeps scripts on the I/O loops.
    package var scriptThreads = 0

    /// The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses, blocks, and `unix`.
    package var trustedProxies: [String] = [] {
        didSet { self.proxies = TrustedProxies(self.trustedProxies) }
    }

    /// The same, read.
    package private(set) var proxies = TrustedProxies()

    /// What a peer may do before its connection belongs to a route.
    package var handshake = HandshakeLimits()

    /// What every route starts from.
    package var route = RouteConfiguration()

    /// Where the values of ``route`` were given, by key; those that are missing are defaults.
    package var routePlaces: [String: String] = [:]

    /// What single routes have of their own, by the name of their script without `.lua` (`chat`, `games/tic`); it goes
    /// before what the script's table says. A name without a script keeps the server from starting.
    package var routes: [String: [GivenSetting]] = [:]

    /// The environment variables that scripts may read.
    package var environment: [String] = []

    /// Bytes buffered by all connections together, in and out; 0 means a quarter of the memory the process may use.
    package var bufferedTotal = 0

    /// Bytes of all that scripts keep in `ws.shared`; beyond it they get `nil, "full"`.
    package var sharedBytes = 64 * 1024 * 1024

    /// Sockets that may be open at once; 0 means nine tenths of the files that the process may open.
    package var connections = 0

    /// Sockets that one client address (of IPv6, one /64) may have open at once, 0 for any number.
    package var connectionsPerIP = 0

    /// Where operators ask for metrics and health.
    package var admin = AdminAddress.auto

    /// How long the server still accepts after it has begun to say that it is not ready; 0...60 s.
    package var drainDelay: Duration = .zero

    /// Over how long the closing of the connections is spread at shutdown, at most; 0...60 s.
    package var drainWindow: Duration = .seconds(10)

    package init() {}

    /// What would be right instead of `text` as the name of an environment variable; nil when it is one.
    package static func complaint(aboutVariable text: String) -> String? {
        let isName = text.utf8.allSatisfy { $0 != UInt8(ascii: "=") && $0 > UInt8(ascii: " ") && $0 < 0x7F }
        return isName ? nil : "the name of a variable has no blanks and no `=`, such as `API_KEY`"
    }

    /// ``listen`` as it is written in the file.
    package var listenTexts: [String] {
        get { self.listen.map(\.description) }
        set { self.listen = newValue.compactMap(ListenAddress.init) }
    }
}

/// The limits between `accept` and `101 Switching Protocols`.
package struct HandshakeLimits: Sendable, Equatable {
    /// From accept to 101; not renewed by bytes that arrive.
    package var deadline: Duration = .seconds(10)

    /// Bytes of the request target; beyond it 414.
    package var targetBytes = 4096

    /// Header fields; beyond it 431.
    package var headerFields = 100

    /// Bytes of one header field; beyond it 431.
    package var fieldBytes = 8 * 1024

    /// Bytes of all header fields together; beyond it 431.
    package var headerBytes = 16 * 1024

    package init() {}
}

/// The limits of a route and of each of its connections (`docs/limits.md` has the table).
package struct RouteConfiguration: Sendable, Equatable, SettingsRoot {
    /// The pattern of the paths that are served; empty for the path of the script's file.
    package var path = ""

    /// How many VMs the script has.
    package var instances = Instances.one

    /// The web pages that may connect, as ``OriginPattern`` reads them; what is no pattern allows nobody.
    package var origins = ["same"] {
        didSet { self.originPolicy = OriginPolicy(self.origins.compactMap { try? OriginPattern($0) }) }
    }

    /// The same, read.
    package private(set) var originPolicy = OriginPolicy()

    /// The sub-protocols that the route speaks, each a token (RFC 6455 section 4.1); the client's order decides.
    package var protocols: [String] = []

    /// Bytes of one message; beyond it close 1009, from the frame's header alone.
    package var messageBytes = 1024 * 1024

    /// Frames of one message, empty ones too; beyond it close 1008.
    package var messageFragments = 4096

    /// Control frames of a peer in 10 s, 0 for no limit; beyond it close 1008.
    package var controlFrames = 200

    /// Time from a message's first frame to its last; beyond it close 1008.
    package var messageTime: Duration = .seconds(60)

    /// Bytes waiting to be sent above which reading pauses and `drain` will follow.
    package var bufferedSoft = 64 * 1024

    /// Bytes waiting to be sent beyond which ``slow`` decides.
    package var buffered = 1024 * 1024

    /// What happens at the limit ``buffered``.
    package var slow = SlowPolicy.close

    /// Messages of a peer in a second, counted before the script sees them; 0 for no limit.
    package var messageRate = 0

    /// Messages that may come at once, 0 for twice ``messageRate``.
    package var messageBurst = 0

    /// What happens at the limit ``messageRate``.
    package var flood = FloodPolicy.close

    /// Silence after which the server sends a ping.
    package var keepAliveInterval: Duration = .seconds(25)

    /// Silence after that ping after which the peer counts as gone.
    package var keepAliveTimeout: Duration = .seconds(20)

    /// How long the close handshake may take before the connection is reset.
    package var closeTimeout: Duration = .seconds(5)

    /// Whether clients that offer permessage-deflate get it (RFC 7692).
    package var compress = true

    /// Bytes of a message from which on it is compressed for clients that agreed to it.
    package var deflateMinimum = 1024

    /// How hard messages are compressed, 1...9, from fast to small.
    package var deflateLevel = 1

    /// Whether what is sent may refer to earlier messages, which costs each connection up to 256 KiB.
    package var deflateServerTakeover = false

    /// Whether clients may refer to earlier messages, which costs each connection up to 40 KiB.
    package var deflateClientTakeover = false

    /// The window that is compressed with, as a power of two, 9...15.
    package var deflateServerWindowBits = 15

    /// The window that clients are asked to compress with, as a power of two, 9...15.
    package var deflateClientWindowBits = 15

    /// Messages of one connection that may wait for its script before reading stops.
    package var queueMessages = 64

    /// Bytes of one connection's messages that may wait for its script before reading stops.
    package var queueBytes = 256 * 1024

    /// Bytes of messages that may wait for one VM before its connections stop reading.
    package var scriptQueueBytes = 16 * 1024 * 1024

    /// CPU time of one event in the script.
    package var eventCPU: Duration = .milliseconds(100)

    /// CPU time of loading the script.
    package var loadCPU: Duration = .seconds(1)

    /// Memory of one VM in bytes.
    package var memory = 64 * 1024 * 1024

    /// Time that a handler may take from its start to its end, waits included.
    package var wall: Duration = .seconds(30)

    /// Rooms that one connection may be in.
    package var rooms = 1000

    /// Timers that one VM may have.
    package var timers = 10_000

    /// Handlers of one VM that may wait at once.
    package var handlers = 10_000

    /// Events that may be ended in a minute for their CPU time or the VM's memory before the route is quarantined; 0 never does it.
    package var breaches = 3

    /// The field of a JSON message that names its entry in the script's `on`.
    package var messageKey = "type"

    package init() {}

    /// What would be right instead of `text` as the name of a sub-protocol; nil when it is one.
    package static func complaint(aboutProtocol text: String) -> String? {
        HandshakeRequest.isSubprotocol(text)
            ? nil : "a sub-protocol is letters, digits and any of !#$%&'*+-.^_`|~ without blanks, such as `chat.v2`"
    }

    /// What would be right instead of `text` as an origin; nil when it is one.
    package static func complaint(aboutOrigin text: String) -> String? {
        do throws(OriginPattern.Malformed) {
            _ = try OriginPattern(text)
            return nil
        } catch {
            return error.sentence
        }
    }

    /// Messages that fit into the bucket of ``messageRate``. Where reading pauses it holds at least one and what comes in two
    /// turns of the deadline wheel, at which it resumes: less would be lost to the grain of time.
    package var messageTokens: Int {
        let burst = self.messageBurst > 0 ? self.messageBurst : 2 * self.messageRate
        return self.flood == .slow ? max(burst, 1 + (self.messageRate + 1) / 2) : burst
    }
}

/// How many VMs a script has.
package enum Instances: String, CaseIterable, Sendable {
    /// One, that all connections of the route share.
    case one = "1"
    /// One on each I/O loop, for the connections of that loop.
    case perCore = "per-core"
}

/// What becomes of a connection whose peer reads too slowly.
package enum SlowPolicy: String, CaseIterable, Sendable {
    /// It is closed with 1013.
    case close
    /// It lives, and the new frame is dropped.
    case drop
}

/// What becomes of a connection whose peer sends too many messages.
package enum FloodPolicy: String, CaseIterable, Sendable {
    /// It is closed with 1008.
    case close
    /// It is not read until it may send again.
    case slow
}
