//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NIOCore

/// What the server itself answers under `--dev`, where no route is. Pages of other sites get none of it: it has no CORS fields.
package enum DevelopmentPage: Sendable, CaseIterable {
    /// The page that connects to a route and shows what comes and goes.
    case console
    /// The list of routes that the console's menu has.
    case routes
    /// The way to the console.
    case root

    package var path: String {
        switch self {
        case .console: "/-/console"
        case .routes: "/-/routes.json"
        case .root: "/"
        }
    }

    /// - Parameter path: a decoded one.
    package init?(path: String) {
        guard let page = Self.allCases.first(where: { $0.path == path }) else { return nil }
        self = page
    }

    /// - Parameter routes: those that are served now.
    func response(routes: [Route]) -> HTTPResponse {
        switch self {
        case .console: ConsolePage.response
        case .routes:
            Self.response(200, ["Content-Type: application/json"], ByteBuffer(bytes: Self.json(of: routes)))
        case .root:
            Self.response(302, ["Location: \(Self.console.path)"])
        }
    }

    /// A response that no cache keeps: the next version of the server, or of a script, may have another.
    static func response(_ status: Int, _ lines: [String], _ body: ByteBuffer = ByteBuffer()) -> HTTPResponse {
        let common = ["Cache-Control: no-store", "X-Content-Type-Options: nosniff"]
        let fields = (lines + common).map { $0 + "\r\n" }.joined()
        return HTTPResponse(status: status, fields: Array(fields.utf8), body: body)
    }

    /// `[{"path":"/chat/:room","script":"chat.lua","protocols":["chat.v1"]}]`, by path.
    private static func json(of routes: [Route]) -> [UInt8] {
        var json = Array("[".utf8)
        for (index, route) in routes.enumerated() {
            json += (index == 0 ? #"{"path":"# : #",{"path":"#).utf8
            LogEscape.appendJSON(route.path, limit: .max, to: &json)
            json += #","script":"#.utf8
            LogEscape.appendJSON(route.script, limit: .max, to: &json)
            json += #","protocols":["#.utf8
            for (index, name) in route.configuration.protocols.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                LogEscape.appendJSON(name, limit: .max, to: &json)
            }
            json += "]}".utf8
        }
        return json + "]\n".utf8
    }
}
