//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import nightjar

struct StartTextTests {
    private let routes = [
        (path: "/echo", url: "ws://127.0.0.1:8080/echo", script: "echo.lua"),
        (path: "/games/tic", url: "ws://127.0.0.1:8080/games/tic", script: "games/tic.lua"),
    ]

    @Test func showsRoutesInColumns() {
        #expect(
            StartText.text(address: "127.0.0.1:8080", routes: routes, isTerminal: false) == """
                Nightjar \(NightjarVersion.current) on 127.0.0.1:8080

                  /echo       ws://127.0.0.1:8080/echo       echo.lua
                  /games/tic  ws://127.0.0.1:8080/games/tic  games/tic.lua


                """
        )
    }

    @Test func tellsAPersonHowToStop() {
        let text = StartText.text(address: "127.0.0.1:8080", routes: routes, isTerminal: true)
        #expect(text.hasSuffix("games/tic.lua\n\nPress Ctrl-C to stop.\n\n"))
    }

    @Test func namesTheConsole() {
        let text = StartText.text(
            address: "127.0.0.1:8080",
            routes: routes,
            console: "http://127.0.0.1:8080/-/console",
            isTerminal: true
        )
        let end = "games/tic.lua\n\nThe console is at http://127.0.0.1:8080/-/console\n\nPress Ctrl-C to stop.\n\n"
        #expect(text.hasSuffix(end))
    }

    @Test func saysWhenThereAreNoRoutes() {
        let text = StartText.text(address: "[::1]:1", routes: [], isTerminal: false)
        #expect(text == "Nightjar \(NightjarVersion.current) on [::1]:1\n\n  no routes\n\n")
    }

    @Test func escapesFileNames() {
        let routes = [(path: "/a\n", url: "ws://x/a", script: "\u{1b}.lua")]
        let text = StartText.text(address: "x", routes: routes, isTerminal: false)
        #expect(text.contains("  /a\\n  ws://x/a  \\x1b.lua\n"))
    }
}
