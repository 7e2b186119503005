//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

#if canImport(Glibc)
internal import Glibc
#else
internal import Musl
#endif

/// A moment of the wall clock in milliseconds since 1970, shown as UTC (RFC 3339).
package struct LogTime: Sendable, CustomStringConvertible {
    /// Milliseconds since 1970-01-01T00:00:00Z, at least 0.
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = max(milliseconds, 0)
    }

    /// What the clock says.
    package static func now() -> LogTime {
        var moment = timespec()
        clock_gettime(CLOCK_REALTIME, &moment)
        return LogTime(milliseconds: Int64(moment.tv_sec) * 1000 + Int64(moment.tv_nsec) / 1_000_000)
    }

    /// Appends `2026-11-22T13:51:07.123Z`.
    func append(to bytes: inout [UInt8]) {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        Self.append(Int(parts.tm_year) + 1900, digits: 4, to: &bytes)
        Self.append(Int(parts.tm_mon) + 1, digits: 2, after: "-", to: &bytes)
        Self.append(Int(parts.tm_mday), digits: 2, after: "-", to: &bytes)
        Self.append(Int(parts.tm_hour), digits: 2, after: "T", to: &bytes)
        Self.append(Int(parts.tm_min), digits: 2, after: ":", to: &bytes)
        Self.append(Int(parts.tm_sec), digits: 2, after: ":", to: &bytes)
        Self.append(Int(milliseconds % 1000), digits: 3, after: ".", to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    package var description: String {
        var bytes: [UInt8] = []
        self.append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func append(
        _ value: Int,
        digits: Int,
        after separator: Unicode.Scalar? = nil,
        to bytes: inout [UInt8]
    ) {
        if let separator { bytes.append(UInt8(ascii: separator)) }
        let text = String(value)
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, digits - text.utf8.count)))
        bytes.append(contentsOf: text.utf8)
    }
}
