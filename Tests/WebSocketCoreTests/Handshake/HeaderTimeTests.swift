//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import Testing
import WebSocketCore

/// Parsing the fields of a handshake takes time in proportion to their length, whatever they hold.
///
/// Two lengths are compared with each other, the fastest of many runs of each, by this thread's CPU time: 16 times the bytes are 16 times the work if
/// it is linear and 256 times if it is quadratic.
@Suite(.serialized) struct HeaderTimeTests {
    @Test(arguments: [
        "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Connection", "Upgrade", "Host", "Origin",
        "Sec-WebSocket-Key",
        "Content-Length",
    ])
    func isLinear(name: String) {
        for unit in [" ", ",", "\"", "\\", ", ", "a,", "\t,", "\"\\", "a;", "a=\"", "*.", "a.", ":", "["] {
            let short = Self.time(name, String(repeating: unit, count: 512 / unit.utf8.count))
            let long = Self.time(name, String(repeating: unit, count: 8192 / unit.utf8.count))
            #expect(long < max(short, .microseconds(20)) * 80, "\(unit): \(short), \(long)")
        }
    }

    private static func time(_ name: String, _ value: String) -> Duration {
        let policy = OriginPolicy((try? [OriginPattern("*.example.com"), .same]) ?? [])
        var least = Duration.seconds(3600)
        for _ in 0..<8 {
            let began = Self.threadTime()
            var request = HandshakeRequest(method: "GET", majorVersion: 1, minorVersion: 1)
            let fields = [
                ("Host", "a"), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ]
            for field in fields where field.0 != name { request.add(name: field.0, value: field.1) }
            request.add(name: name, value: value)
            _ = request.outcome(protocols: ["chat"])
            _ = request.originRefusal(under: policy, isSecure: true)
            least = min(least, Self.threadTime() - began)
        }
        return least
    }

    /// What else the machine does must not count.
    private static func threadTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
