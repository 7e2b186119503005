//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct RouterTests {
    private static func router(_ patterns: [String]) throws -> Router {
        try Router(
            patterns.enumerated().map { index, path in
                Route(
                    index: index,
                    pattern: try PathPattern(path),
                    script: "s.lua",
                    configuration: RouteConfiguration(),
                    owner: 0
                )
            }
        )
    }

    /// Each path with the pattern that it leads to and what that names, in the words `pattern name=value …`.
    @Test(
        arguments: [
            (["/", "/echo", "/games/tic", "/games/", "/games"], "/", "/"),
            (["/", "/echo", "/games/tic", "/games/", "/games"], "/echo", "/echo"),
            (["/", "/echo", "/games/tic", "/games/", "/games"], "/games", "/games"),
            (["/", "/echo", "/games/tic", "/games/", "/games"], "/games/", "/games/"),
            (["/", "/echo", "/games/tic", "/games/", "/games"], "/games/tic", "/games/tic"),
            // One segment that is not empty.
            (["/chat/:room"], "/chat/blue", "/chat/:room room=blue"),
            (["/chat/:room"], "/chat/a b:*", "/chat/:room room=a b:*"),
            (["/chat/:room"], "/chat/é", "/chat/:room room=é"),
            (["/chat/:room"], "/chat/", nil),
            (["/chat/:room"], "/chat", nil),
            (["/chat/:room"], "/chat/blue/", nil),
            (["/chat/:room"], "/chat//", nil),
            (["/chat/:room/"], "/chat/blue/", "/chat/:room/ room=blue"),
            (["/:a/:b/x"], "/1/2/x", "/:a/:b/x a=1 b=2"),
            // The rest, also none of it.
            (["/files/*"], "/files/a/b", "/files/* *=a/b"),
            (["/files/*"], "/files/a//", "/files/* *=a//"),
            (["/files/*"], "/files/", "/files/* *="),
            (["/files/*"], "/files", nil),
            (["/*"], "/", "/* *="),
            (["/*"], "/a/b", "/* *=a/b"),
            (["/:user/*"], "/ada/x/y", "/:user/* user=ada *=x/y"),
            (["/:user/*"], "//x", nil),
            // A literal before a name before the rest.
            (["/chat/lobby", "/chat/:room", "/chat/*"], "/chat/lobby", "/chat/lobby"),
            (["/chat/lobby", "/chat/:room", "/chat/*"], "/chat/other", "/chat/:room room=other"),
            (["/chat/lobby", "/chat/:room", "/chat/*"], "/chat/other/x", "/chat/* *=other/x"),
            (["/chat/lobby", "/chat/:room", "/chat/*"], "/chat/", "/chat/* *="),
            (["/a/*", "/:x/b"], "/a/b", "/a/* *=b"),
            (["/a/*", "/:x/b"], "/c/b", "/:x/b x=c"),
            // The better branch that leads nowhere is left again, with what it had named.
            (["/a/:x/c", "/:y/b/d"], "/a/b/d", "/:y/b/d y=a"),
            (["/a/b/c", "/a/:x/d", "/*"], "/a/b/d", "/a/:x/d x=b"),
            (["/a/b/c", "/a/:x/d", "/*"], "/a/b/e", "/* *=a/b/e"),
            (["/:a/:b/c", "/:d/*"], "/1/2/3", "/:d/* d=1 *=2/3"),
            // Names belong to the pattern, not to the place.
            (["/u/:id", "/u/:name/posts"], "/u/7", "/u/:id id=7"),
            (["/u/:id", "/u/:name/posts"], "/u/7/posts", "/u/:name/posts name=7"),
            // The server's own.
            (["/*", "/:a/:b"], "/-/console", nil),
            (["/*", "/:a/:b"], "/-/", nil),
            (["/*", "/:a/:b"], "/-", "/* *=-"),
            (["/*", "/:a/:b"], "/-a/b", "/:a/:b a=-a b=b"),
            (["/*"], "", nil),
            (["/*"], "a", nil),
        ] as [([String], String, String?)]
    )
    func findsTheRoute(patterns: [String], path: String, found: String?) throws {
        let match = try Self.router(patterns).match(path)
        let text = match.map { match in
            ([match.route.path] + match.parameters.map { "\($0.name)=\($0.value)" }).joined(separator: " ")
        }
        #expect(text == found)
    }

    @Test(arguments: [
        "/ech", "/echo/", "/Echo", "/games/tic/toe", "/games//tic", "//", "/%65cho", "",
        "/\u{301}echo", "/ech\u{6F}\u{301}", "/\u{212A}",
    ])
    func comparesBytes(path: String) throws {
        let router = try Self.router(["/", "/echo", "/games/tic", "/games/", "/games", "/K"])
        #expect(router.match(path) == nil)
    }

    @Test func listsRoutesByPath() throws {
        let router = try Self.router(["/b", "/", "/a/:x", "/a"])
        #expect(router.routes.map(\.path) == ["/", "/a", "/a/:x", "/b"])
    }

    /// A thousand routes beside it, and one that looks at every branch.
    @Test func findsOneOfAThousand() throws {
        let others = (0..<1000).flatMap { ["/r\($0)/:id", "/r\($0)/*", "/:x/r\($0)"] }
        let router = try Self.router(others + ["/:a/:b/:c/end"])
        #expect(router.match("/r999/7")?.route.path == "/r999/:id")
        #expect(router.match("/q/r500")?.route.path == "/:x/r500")
        #expect(router.match("/r1/r2/r3/end")?.route.path == "/r1/*")
        #expect(router.match("/q/r2/r3/end")?.route.path == "/:a/:b/:c/end")
    }
}
