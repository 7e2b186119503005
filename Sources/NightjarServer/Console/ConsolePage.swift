//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import LuaRuntime
internal import NIOCore
internal import WebSocketCore

/// The console as it goes to browsers: one file, which is in the binary, and which may use nothing but itself.
enum ConsolePage {
    static let response = DevelopmentPage.response(
        200,
        [
            "Content-Type: text/html; charset=utf-8", "Content-Security-Policy: \(policy)",
            "Referrer-Policy: no-referrer",
        ],
        ByteBuffer(bytes: PackageResources.console_html)
    )

    /// The page runs its own script and no other. It connects to whatever WebSocket its user writes into the field, which may
    /// be this server by another name or port; all else it asks of this server only.
    private static let policy = [
        "default-src 'none'", "script-src \(hash(of: "script"))", "style-src \(hash(of: "style"))", "img-src data:",
        "connect-src 'self' ws: wss:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")

    /// The source expression for what stands in the page's one element of that name (CSP Level 3, section 2.3.1).
    private static func hash(of element: String) -> String {
        let page = PackageResources.console_html
        guard let start = page.firstRange(of: Array("<\(element)>".utf8))?.upperBound,
            let end = page[start...].firstRange(of: Array("</\(element)>".utf8))?.lowerBound
        else { return "'none'" }
        return "'sha256-\(Base64.encode(SHA256.digest(of: page[start..<end])))'"
    }
}
