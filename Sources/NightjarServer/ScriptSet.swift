//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime

/// What the scripts folder holds, read and not loaded.
struct ScriptSet {
    /// Those that could be read, by path.
    private(set) var scripts: [Script] = []

    /// What looks like a script and is not served.
    let refusals: [ScriptFolder.Refusal]

    /// Files that cannot be read, and settings for routes that nobody serves.
    private(set) var problems: [ServerStartError.Problem] = []

    /// - Parameter settings: those of single routes, by name, as in ``ServerConfiguration/routes``.
    /// - Throws: ``ServerStartError`` when the folder cannot be read.
    init(_ folder: ScriptFolder, settings: [String: [GivenSetting]]) throws(ServerStartError) {
        let listing: ScriptFolder.Listing
        do {
            listing = try folder.listing()
        } catch {
            throw ServerStartError([error.description])
        }
        self.refusals = listing.refusals
        for route in listing.routes {
            do {
                let source = try folder.read(route.file)
                self.scripts.append(Script(name: route.file, source: source, route: route.path, version: 1))
            } catch {
                self.problems.append(.other(error.description))
            }
        }
        let names = listing.routes.map { String($0.file.dropLast(".lua".count)) }
        for name in settings.keys.sorted() where !names.contains(name) {
            self.problems.append(.unknownRoute(name, routes: names))
        }
    }
}
