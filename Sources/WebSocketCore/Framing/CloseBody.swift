//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The body of a Close frame: nothing, or a code and a reason (RFC 6455 section 5.5.1).
struct CloseBody {
    /// A control frame's 125 bytes less the code.
    static let maximumReasonLength = FrameHeader.maximumControlLength - 2

    var code: CloseCode?
    var reason: UnsafeRawBufferPointer

    /// Reads what a peer sent; `reason` points into `bytes`.
    init(_ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) {
        guard !bytes.isEmpty else {
            self.init(code: nil, reason: bytes)
            return
        }
        guard bytes.count >= 2 else { throw .closeBodyTooShort }
        let code = CloseCode(rawValue: UInt16(bigEndian: bytes.loadUnaligned(as: UInt16.self)))
        guard code.isAllowedOnWire else { throw .closeCodeInvalid(code.rawValue) }
        let reason = UnsafeRawBufferPointer(rebasing: bytes[2...])
        var validator = UTF8Validator()
        guard validator.consume(reason), validator.isComplete else { throw .closeReasonNotUTF8 }
        self.init(code: code, reason: reason)
    }

    /// What we send: the reason is cut at a character so that it fits, and where it stops being UTF-8. A code that may
    /// not be on the wire, like none at all, makes an empty body.
    init(sending code: CloseCode?, reason: UnsafeRawBufferPointer) {
        guard let code, code.isAllowedOnWire else {
            self.init(code: nil, reason: UnsafeRawBufferPointer(start: nil, count: 0))
            return
        }
        let fitting = UnsafeRawBufferPointer(rebasing: reason.prefix(Self.maximumReasonLength))
        let valid = fitting.prefix(UTF8Validator.validPrefix(of: fitting))
        self.init(code: code, reason: UnsafeRawBufferPointer(rebasing: valid))
    }

    private init(code: CloseCode?, reason: UnsafeRawBufferPointer) {
        self.code = code
        self.reason = reason
    }

    /// Lends the body as it stands in the frame.
    func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        guard let code else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        withUnsafeTemporaryAllocation(byteCount: 2 + reason.count, alignment: 1) { bytes in
            bytes.storeBytes(of: code.rawValue.bigEndian, as: UInt16.self)
            UnsafeMutableRawBufferPointer(rebasing: bytes[2...]).copyMemory(from: reason)
            body(UnsafeRawBufferPointer(bytes))
        }
    }
}
