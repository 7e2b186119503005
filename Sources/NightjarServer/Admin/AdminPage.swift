//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NIOCore

/// One thing that the admin listener can be asked: a path, the methods it takes, and what makes the answer.
///
/// A command that changes something is a page with the method `POST`; nothing else of the listener has to change for it.
package struct AdminPage: Sendable {
    package struct Answer: Sendable {
        package var status: Int
        package var contentType = "text/plain; charset=utf-8"
        package var body: String

        package init(_ status: Int, _ body: String, contentType: String = "text/plain; charset=utf-8") {
            self.status = status
            self.body = body
            self.contentType = contentType
        }
    }

    package let path: String
    package let methods: [String]

    /// What it is for, for the list of pages.
    package let summary: String

    /// Makes the answer, on the listener's own loop; the text is the query behind the path, without its `?`.
    package let answer: @Sendable (any EventLoop, String) -> EventLoopFuture<Answer>

    package init(
        _ path: String,
        methods: [String] = ["GET", "HEAD"],
        _ summary: String,
        answer: @escaping @Sendable (any EventLoop, String) -> EventLoopFuture<Answer>
    ) {
        self.path = path
        self.methods = methods
        self.summary = summary
        self.answer = answer
    }
}
