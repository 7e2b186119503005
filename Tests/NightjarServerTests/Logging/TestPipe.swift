//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// A pipe whose reader reads when the test says so.
final class TestPipe {
    private(set) var readEnd: CInt
    let writeEnd: CInt

    private var unread = ""

    init() {
        var ends: [CInt] = [-1, -1]
        precondition(pipe(&ends) == 0)
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        closeReadEnd()
        close(writeEnd)
    }

    var isNonBlocking: Bool {
        get { fcntl(writeEnd, F_GETFL) & O_NONBLOCK != 0 }
        set {
            let flags = fcntl(writeEnd, F_GETFL)
            precondition(fcntl(writeEnd, F_SETFL, newValue ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0)
        }
    }

    /// Writes lines of filler until not one byte more fits.
    func fill() {
        isNonBlocking = true
        let filler = [UInt8](repeating: UInt8(ascii: "."), count: 4095) + [UInt8(ascii: "\n")]
        while write(writeEnd, filler, filler.count) > 0 {}
        while write(writeEnd, "\n", 1) > 0 {}
        isNonBlocking = false
    }

    /// Waits for `count` lines that are no filler.
    func readLines(_ count: Int) -> [String] {
        var lines: [String] = []
        while lines.count < count, let line = readLine() {
            if !line.isEmpty, !line.hasPrefix(".") { lines.append(line) }
        }
        return lines
    }

    func closeReadEnd() {
        if readEnd >= 0 { close(readEnd) }
        readEnd = -1
    }

    private func readLine() -> String? {
        while !unread.utf8.contains(UInt8(ascii: "\n")) {
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = read(readEnd, &bytes, bytes.count)
            guard count > 0 else { return nil }
            unread += String(decoding: bytes[..<count], as: UTF8.self)
        }
        let line = unread.prefix { $0 != "\n" }
        unread.removeFirst(line.count + 1)
        return String(line)
    }
}
