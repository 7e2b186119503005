//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import ArgumentParser
internal import Glibc

/// The command `nightjar`.
@main
struct Nightjar: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nightjar",
        abstract: "A WebSocket server scripted in Lua.",
        discussion: "Each Lua file in a folder is a route: scripts/echo.lua serves /echo.",
        version: NightjarVersion.current,
        subcommands: [Serve.self, Check.self, Reload.self, Rollback.self, PrintConfiguration.self]
    )

    /// Runs on the main actor, and so before the first suspension starts an event queue, which opens descriptors.
    @MainActor
    static func main() async {
        guard StandardStream.openMissing() else { exit(withError: ExitCode(EX_OSERR)) }
        await main(nil)
    }
}
