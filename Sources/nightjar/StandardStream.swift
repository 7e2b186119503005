//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc

/// The two streams that people read.
///
/// What was asked for goes to standard output; problems and the log go to standard error.
enum StandardStream: CInt {
    case output = 1
    case error = 2

    /// Opens `/dev/null` as each of the descriptors 0, 1 and 2 that the process was started without.
    ///
    /// Otherwise the next file or socket would get the number, and log lines would go there.
    ///
    /// - Returns: Whether all three are open now.
    static func openMissing() -> Bool {
        // What is opened gets the lowest free number: this one, as those below it are open.
        (0...2).allSatisfy { fcntl($0, F_GETFD) != -1 || open("/dev/null", O_RDWR) == $0 }
    }

    /// Whether a terminal shows it.
    var isTerminal: Bool {
        isatty(rawValue) == 1
    }

    /// Writes all of `text`, waiting for the reader; what a closed stream refuses is lost.
    func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(rawValue, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }
}
