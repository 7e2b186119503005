//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Finds the route of a path, segment by segment, in a tree of all patterns.
///
/// In each place a literal goes before a `:name`, and that before `*`; where the better one leads nowhere, the next is tried.
/// So the first difference from the left decides, and no route hides a path from another that alone would have it.
package struct Router: Sendable {
    /// What a path leads to.
    package struct Match {
        package let route: Route

        /// What the pattern's names stand for in this path; the rest is named `*`.
        package let parameters: [(name: String, value: String)]
    }

    private struct Node: Sendable {
        var route: Route?
        /// The route whose pattern goes on with `*` here.
        var rest: Route?
        var parameter: Int?
        var literals: [Segment: Int] = [:]
    }

    /// What stands between two slashes, compared by bytes: as characters, a slash with a combining mark behind it would
    /// be no slash, and what looks alike would be equal.
    private struct Segment: Sendable, Hashable {
        let bytes: Substring.UTF8View

        static func == (left: Segment, right: Segment) -> Bool {
            left.bytes.elementsEqual(right.bytes)
        }

        func hash(into hasher: inout Hasher) {
            let isDone: Void? = self.bytes.withContiguousStorageIfAvailable {
                hasher.combine(bytes: UnsafeRawBufferPointer($0))
            }
            if isDone == nil {
                self.bytes.forEach { hasher.combine($0) }
            }
        }
    }

    private var nodes = [Node()]

    /// Every route, in the order of their paths.
    package let routes: [Route]

    private let routesByName: [String: Route]
    private let routesByNumber: [Int: Route]

    /// - Parameter routes: no two of the same ``PathPattern/shape``.
    package init(_ routes: [Route]) {
        self.routes = routes.sorted { $0.path < $1.path }
        self.routesByName = Dictionary(routes.map { ($0.name, $0) }) { first, _ in first }
        self.routesByNumber = Dictionary(routes.map { ($0.index, $0) }) { first, _ in first }
        for route in routes {
            self.insert(route)
        }
    }

    /// The route of a decoded path; nil when there is none, and below `/-/`. `/a` and `/a/` are two paths.
    package func match(_ path: String) -> Match? {
        let bytes = path.utf8
        guard bytes.first == UInt8(ascii: "/"), !bytes.starts(with: "/-/".utf8) else { return nil }
        var values: [Substring.UTF8View] = []
        guard let route = self.route(of: bytes.dropFirst(), from: 0, &values) else { return nil }
        let pairs = zip(route.pattern.names, values)
        return Match(route: route, parameters: pairs.map { ($0, String(Substring($1))) })
    }

    /// The route of that ``Route/name``.
    package func route(named name: String) -> Route? {
        self.routesByName[name]
    }

    /// The route of that ``Route/index``.
    package func route(number: Int) -> Route? {
        self.routesByNumber[number]
    }

    /// The route of what is left of a path behind a slash, looked for below a node.
    private func route(of rest: Substring.UTF8View, from index: Int, _ values: inout [Substring.UTF8View]) -> Route? {
        let end = rest.firstIndex(of: UInt8(ascii: "/"))
        let segment = rest[..<(end ?? rest.endIndex)]
        let behind = end.map { rest[rest.index(after: $0)...] }
        func follow(_ child: Int) -> Route? {
            guard let behind else { return self.nodes[child].route }
            return self.route(of: behind, from: child, &values)
        }
        if let child = self.nodes[index].literals[Segment(bytes: segment)], let route = follow(child) {
            return route
        }
        if let child = self.nodes[index].parameter, !segment.isEmpty {
            values.append(segment)
            if let route = follow(child) { return route }
            values.removeLast()
        }
        guard let route = self.nodes[index].rest else { return nil }
        values.append(rest)
        return route
    }

    private mutating func insert(_ route: Route) {
        var index = 0
        for segment in route.pattern.segments {
            switch segment {
            case .literal(let text):
                let key = Segment(bytes: text[...].utf8)
                let child = self.nodes[index].literals[key] ?? self.makeNode()
                self.nodes[index].literals[key] = child
                index = child
            case .parameter:
                let child = self.nodes[index].parameter ?? self.makeNode()
                self.nodes[index].parameter = child
                index = child
            case .rest:
                self.nodes[index].rest = route
                return
            }
        }
        self.nodes[index].route = route
    }

    private mutating func makeNode() -> Int {
        self.nodes.append(Node())
        return self.nodes.count - 1
    }
}
