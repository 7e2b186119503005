//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import ArgumentParser

struct Reload: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Have a running server load its scripts again.",
        discussion: """
            Without a route, every script that has changed; with one, its script whether it has changed or not. Nobody is \
            disconnected. A script that cannot be loaded changes nothing: the version that serves goes on, the error is \
            printed, and the exit code is 1.
            """
    )

    @Argument(help: ArgumentHelp("The route's script without .lua, such as chat.", valueName: "route"))
    var route: String?

    @OptionGroup var order: AdminOrder

    func run() throws {
        try order.send("/reload", route: route)
    }
}

struct Rollback: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Have the version of a script serve again that served before.",
        discussion: "It gets what the version that serves now saves, and keeps serving until the script's file changes."
    )

    @Argument(help: ArgumentHelp("The route's script without .lua, such as chat.", valueName: "route"))
    var route: String

    @OptionGroup var order: AdminOrder

    func run() throws {
        try order.send("/rollback", route: route)
    }
}
