//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct RouterTests {
    private let router = Router(
        ["/", "/echo", "/games/tic", "/games/", "/games"].enumerated().map { index, path in
            Route(index: index, path: path, script: "s.lua", configuration: RouteConfiguration(), owner: 0)
        }
    )

    @Test(arguments: ["/", "/echo", "/games/tic", "/games/", "/games"])
    func findsARoute(path: String) {
        #expect(self.router.match(path)?.route.path == path)
    }

    @Test(arguments: [
        "/ech", "/echo/", "/Echo", "/games/tic/toe", "/games//tic", "//", "/%65cho", "",
        "/\u{301}echo", "/ech\u{6F}\u{301}",
    ])
    func findsNothingElse(path: String) {
        #expect(self.router.match(path) == nil)
    }

    @Test func listsRoutesByPath() {
        #expect(self.router.routes.map(\.path) == ["/", "/echo", "/games", "/games/", "/games/tic"])
    }
}
