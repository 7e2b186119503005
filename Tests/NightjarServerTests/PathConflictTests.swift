//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct PathConflictTests {
    private static func conflicts(_ paths: [(script: String, path: String)]) throws -> [String] {
        let routes = try paths.enumerated().map { index, route in
            Route(
                index: index,
                pattern: try PathPattern(route.path),
                script: route.script,
                configuration: RouteConfiguration(),
                owner: 0
            )
        }
        return PathConflict.all(among: routes).map(\.description)
    }

    @Test func namesBothScriptsAndTheRemedy() throws {
        #expect(
            try Self.conflicts([("b.lua", "/chat/:room"), ("a.lua", "/chat/:room"), ("c.lua", "/chat/:id")]) == [
                "b.lua: path: `/chat/:room` is served by a.lua too: give one of them another `path`",
                "c.lua: path: `/chat/:id` is served by a.lua too as `/chat/:room`: give one of them another `path`",
            ]
        )
    }

    @Test func seesNoneWhereOneIsPreferred() throws {
        let paths = ["/a", "/a/", "/:x", "/*", "/a/*", "/:x/*", "/:x/b", "/a/:y"]
        #expect(try Self.conflicts(paths.enumerated().map { ("\($0.offset).lua", $0.element) }) == [])
    }
}
