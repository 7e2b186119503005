//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct AdminAddressTests {
    @Test(
        arguments: [
            ("auto", .auto), ("off", .off), ("unix:/run/n.sock", .unix(path: "/run/n.sock")),
            ("127.0.0.1:9090", .tcp(host: "127.0.0.1", port: 9090)), ("127.9.9.9:0", .tcp(host: "127.9.9.9", port: 0)),
            ("[::1]:9090", .tcp(host: "::1", port: 9090)),
        ] as [(String, AdminAddress)]
    )
    func readsAndWrites(text: String, address: AdminAddress) {
        #expect(AdminAddress(text) == address)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "on", "unix:", "9090", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "0.0.0.0:9090", "10.0.0.1:9090",
        "[::]:9090", "[::2]:9090", "[::ffff:127.0.0.1]:1", "::1:9090", "localhost:9090", "[::1:9090",
    ])
    func refuses(text: String) {
        #expect(AdminAddress(text) == nil)
    }
}
