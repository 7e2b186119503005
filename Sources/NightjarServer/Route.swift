//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime
internal import Synchronization

/// A path and the script that serves it, as every event loop sees them.
package final class Route: Sendable {
    /// The place of the route in the server's list.
    package let index: Int

    /// What matches: `/echo`, `/chat/:room`.
    package let pattern: PathPattern

    /// The script's file, relative to the scripts folder: `games/tic.lua`.
    package let script: String

    /// The limits of the route.
    package let configuration: RouteConfiguration

    /// The index of the event loop that owns the route's VM, or the first of them.
    package let owner: Int

    /// The pattern as it was given.
    package var path: String { self.pattern.text }

    /// Whether each I/O loop has a VM of the route, for the connections of that loop.
    package var isPerCore: Bool { self.configuration.instances == .perCore }

    /// What all event loops know of who is there.
    package let census: RouteCensus

    /// What the configuration and other scripts call the route: the script's file without `.lua`.
    package var name: String { String(self.script.dropLast(".lua".count)) }

    private let handlerBits = Atomic<UInt16>(0)

    /// What the loaded script has handlers for.
    package var handlers: Handlers {
        get { Handlers(rawValue: self.handlerBits.load(ordering: .relaxed)) }
        set { self.handlerBits.store(newValue.rawValue, ordering: .relaxed) }
    }

    package init(index: Int, pattern: PathPattern, script: String, configuration: RouteConfiguration, owner: Int) {
        self.index = index
        self.pattern = pattern
        self.script = script
        self.configuration = configuration
        self.owner = owner
        self.census = RouteCensus()
    }

    /// The same route with what the next version of its script says of it.
    package init(replacing former: Route, pattern: PathPattern, configuration: RouteConfiguration) {
        self.index = former.index
        self.pattern = pattern
        self.script = former.script
        self.configuration = configuration
        self.owner = former.owner
        self.census = former.census
    }
}
