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

/// Writes log lines to a file descriptor, through a bounded queue and a thread of its own.
///
/// Whoever logs only appends to memory: a full pipe, a stopped terminal or a slow disk stalls nobody. When the queue is
/// full the newest lines are dropped and counted, and one line says how many as soon as there is room. A descriptor that
/// fails (`EPIPE`, `EBADF`, `ENOSPC`) costs its lines, nothing else; writing is tried again with the next ones.
///
/// The descriptor is not closed. When the last reference goes, what is queued is still written.
package final class LogSink: Sendable {
    /// How the lines look; also those that the sink writes itself.
    package let format: LogFormat

    private let queue: LogQueue

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - descriptor: An open file descriptor, blocking or not.
    ///   - format: The format of the lines.
    ///   - byteLimit: Bytes that may wait.
    ///   - lineLimit: Lines that may wait.
    package init(descriptor: CInt, format: LogFormat, byteLimit: Int = 1024 * 1024, lineLimit: Int = 8192) {
        self.format = format
        self.queue = LogQueue(descriptor: descriptor, format: format, byteLimit: byteLimit, lineLimit: lineLimit)
        Self.startThread(for: queue)
    }

    deinit {
        queue.close()
    }

    /// Lines lost so far: refused by a full queue, or part of a write that failed.
    package var droppedLines: Int {
        queue.droppedLines
    }

    /// Queues one formatted line, its line feed included. Never waits for the descriptor.
    ///
    /// - Returns: `false` when the queue is full and the line is dropped.
    @discardableResult
    package func write(_ line: [UInt8]) -> Bool {
        queue.append(line)
    }

    /// Waits until everything queued is written, or until `duration` has passed.
    ///
    /// - Returns: Whether everything was written or lost in time.
    @discardableResult
    package func flush(within duration: Duration) -> Bool {
        queue.flush(within: duration)
    }

    private static func startThread(for queue: LogQueue) {
        // The thread inherits the mask. No signal may interrupt it, and a broken pipe is an errno here, no SIGPIPE.
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }

        var thread = pthread_t()
        // Balanced by `takeRetainedValue` in the thread.
        let context = Unmanaged.passRetained(queue).toOpaque()
        let error = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                Unmanaged<LogQueue>.fromOpaque(context).takeRetainedValue().drain()
                return nil
            },
            context
        )
        precondition(error == 0, "no thread for the log: \(String(cString: strerror(error)))")
        pthread_detach(thread)
    }
}
