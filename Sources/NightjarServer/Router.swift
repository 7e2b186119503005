//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Finds the route of a path, segment by segment.
///
/// The routes form a tree of path segments, so that patterns (`:name`, a trailing `*`) are more kinds of branches and not
/// another way to search.
package struct Router: Sendable {
    /// What a path leads to.
    package struct Match {
        package let route: Route

        /// What the pattern's names stand for in this path.
        package let parameters: [(name: String, value: String)]
    }

    private struct Node: Sendable {
        var route: Route?
        var literals: [[UInt8]: Node] = [:]
    }

    private var root = Node()

    /// Every route, in the order of their paths.
    package let routes: [Route]

    package init(_ routes: [Route]) {
        self.routes = routes.sorted { $0.path < $1.path }
        for route in routes {
            Self.insert(route, at: Self.segments(of: route.path)[...], into: &self.root)
        }
    }

    /// The route of a decoded path; nil when there is none. `/a` and `/a/` are two paths.
    package func match(_ path: String) -> Match? {
        guard path.utf8.first == UInt8(ascii: "/") else { return nil }
        var node = self.root
        for segment in Self.segments(of: path) {
            guard let next = node.literals[segment] else { return nil }
            node = next
        }
        return node.route.map { Match(route: $0, parameters: []) }
    }

    private static func insert(_ route: Route, at segments: ArraySlice<[UInt8]>, into node: inout Node) {
        guard let first = segments.first else {
            node.route = route
            return
        }
        Self.insert(route, at: segments.dropFirst(), into: &node.literals[first, default: Node()])
    }

    /// `/a/b` is `a`, `b`; `/` is one empty segment, and so is what follows a trailing slash.
    ///
    /// By bytes: as characters, a slash with a combining mark behind it would be no slash, and what looks alike would be equal.
    private static func segments(of path: String) -> [[UInt8]] {
        path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Array.init)
    }
}
