//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NIOCore
internal import NIOHTTP1

/// A short answer to an HTTP request: a sentence for people, and the end of the connection unless it is a 101.
package struct HTTPAnswer {
    package let status: Int

    /// What is wrong, for the body; empty for a 101.
    package let sentence: String

    package var headers: [(name: String, value: String)]
    package let contentType: String

    package init(
        _ status: Int,
        _ sentence: String = "",
        headers: [(name: String, value: String)] = [],
        contentType: String = "text/plain; charset=utf-8"
    ) {
        self.status = status
        self.sentence = sentence
        self.headers = headers
        self.contentType = contentType
    }

    /// The answer as it goes over the wire.
    ///
    /// - Parameter fields: more header lines of a 101, each with its CR LF.
    package func bytes(withBody: Bool, fields: [UInt8] = []) -> ByteBuffer {
        // Piece by piece: for each handshake strings would be put together and thrown away.
        var answer = ByteBuffer()
        answer.reserveCapacity(256 + fields.count)
        answer.writeStaticString("HTTP/1.1 ")
        answer.writeString(String(self.status))
        answer.writeStaticString(" ")
        answer.writeString(HTTPResponseStatus(statusCode: self.status).reasonPhrase)
        answer.writeStaticString("\r\n")
        for (name, value) in self.headers {
            answer.writeString(name)
            answer.writeStaticString(": ")
            answer.writeString(value)
            answer.writeStaticString("\r\n")
        }
        guard self.status != 101 else {
            answer.writeBytes(fields)
            answer.writeStaticString("\r\n")
            return answer
        }
        let connection = self.headers.contains { $0.name == "Upgrade" } ? "Upgrade, close" : "close"
        let body = self.sentence.hasSuffix("\n") ? self.sentence : self.sentence + "\n"
        answer.writeString("Connection: \(connection)\r\nContent-Type: \(self.contentType)\r\n")
        answer.writeString("X-Content-Type-Options: nosniff\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
        if withBody {
            answer.writeString(body)
        }
        return answer
    }
}
