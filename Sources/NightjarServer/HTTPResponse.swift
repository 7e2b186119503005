//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NIOCore
internal import NIOHTTP1

/// An HTTP response behind which the connection may go on: a script's, checked, or a page of the server's own.
package struct HTTPResponse: Sendable {
    /// 200...599.
    package let status: Int

    /// Header lines, each with its CR LF.
    package let fields: [UInt8]
    package let body: ByteBuffer

    package init(status: Int, fields: [UInt8], body: ByteBuffer) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// A sentence for people.
    init(_ status: Int, _ sentence: String) {
        let fields = "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
        self.init(status: status, fields: Array(fields.utf8), body: ByteBuffer(string: sentence + "\n"))
    }

    /// The response as it goes over the wire.
    ///
    /// - Parameters:
    ///   - withBody: false in answer to HEAD.
    ///   - endsConnection: whether no other answer follows.
    func bytes(withBody: Bool, endsConnection: Bool) -> ByteBuffer {
        let reason = HTTPResponseStatus(statusCode: self.status).reasonPhrase
        var bytes = ByteBuffer(string: "HTTP/1.1 \(self.status) \(reason)\r\nDate: \(HTTPDate.now())\r\n")
        bytes.writeBytes(self.fields)
        // RFC 9110 §8.6: neither has content, whatever a client would read behind a length.
        if self.status != 204, self.status != 304 {
            bytes.writeString("Content-Length: \(self.body.readableBytes)\r\n")
        }
        bytes.writeString(endsConnection ? "Connection: close\r\n\r\n" : "\r\n")
        if withBody {
            bytes.writeImmutableBuffer(self.body)
        }
        return bytes
    }
}
