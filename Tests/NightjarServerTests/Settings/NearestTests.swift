//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct NearestTests {
    @Test(arguments: [
        ("prot", "port"), ("hosts", "host"), ("Port", "port"), ("mesage", "message"), ("bufferd", "buffered"),
        ("buffered-soft", "buffered_soft"), ("lvl", "level"), ("lgo", "log"),
    ])
    func findsWhatWasMeant(typed: String, meant: String) {
        let names = ["host", "port", "log", "level", "message", "buffered", "buffered_soft"]
        #expect(Nearest.name(to: typed, among: names) == meant)
    }

    @Test(arguments: ["", "x", "banana", String(repeating: "port", count: 10_000)])
    func staysSilentWhenNothingIsNear(typed: String) {
        #expect(Nearest.name(to: typed, among: ["host", "port", "message"]) == nil)
        #expect(Nearest.name(to: typed, among: []) == nil)
    }
}
