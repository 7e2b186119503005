//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NIOCore
internal import NIOHTTP1

/// What a script says to an HTTP request, as it crosses to the event loop of the socket.
package enum ScriptAnswer: Sendable {
    /// The client is let in, with this sub-protocol, or with the server's own choice when that is nil; the fields are header
    /// lines, each with its CR LF.
    case accept(subprotocol: String?, fields: [UInt8])

    /// A refusal, or the answer of `request`.
    case response(ScriptResponse)

    /// The handler ended with an error, which has been logged.
    case failed

    /// The script has no handler for it.
    case unhandled

    /// The bytes that it holds while it is under way.
    package var byteCount: Int {
        switch self {
        case .accept(_, let fields): fields.count
        case .response(let response): response.fields.count + response.body.readableBytes
        case .failed, .unhandled: 0
        }
    }
}

/// An HTTP response as a script made it, checked.
package struct ScriptResponse: Sendable {
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

    /// A sentence in the script's stead.
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
