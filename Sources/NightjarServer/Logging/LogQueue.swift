//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging

#if canImport(Glibc)
internal import Glibc
#else
internal import Musl
#endif

/// The lines that wait to be written, shared between those who log and the one thread that writes.
///
/// Two byte buffers take turns: callers append to one while the thread writes the other, so a line is copied once and
/// nothing is allocated for it here.
final class LogQueue: @unchecked Sendable {
    // Unchecked: every stored variable is read and written with `lock` held only.

    /// Capacity that a buffer keeps when it has been written; what a burst needed beyond it goes back.
    private static let keptCapacity = 64 * 1024

    private let lock = ConditionLock()
    private let descriptor: CInt
    private let format: LogFormat
    private let byteLimit: Int
    private let lineLimit: Int

    private var pending: [UInt8] = []
    private var pendingLines = 0

    /// What the thread is writing right now; it counts towards the limits until it is written.
    private var writingBytes = 0
    private var writingLines = 0

    /// A line was refused since the last write ended. Until the next one ends all lines are: one gap, not many.
    private var isOverflowing = false

    /// Lines lost since the last notice.
    private var unreported = 0

    /// The error of the last write that failed since the last notice, or 0.
    private var writeError: CInt = 0

    private var dropped = 0
    private var isClosed = false

    init(descriptor: CInt, format: LogFormat, byteLimit: Int, lineLimit: Int) {
        self.descriptor = descriptor
        self.format = format
        self.byteLimit = byteLimit
        self.lineLimit = lineLimit
    }

    var droppedLines: Int {
        lock.withLock { dropped }
    }

    func append(_ line: [UInt8]) -> Bool {
        lock.withLock {
            guard hasRoom(for: line.count) else {
                isOverflowing = true
                unreported += 1
                dropped += 1
                return false
            }
            let wasEmpty = pending.isEmpty
            pending.append(contentsOf: line)
            pendingLines += 1
            if wasEmpty { lock.wakeAll() }
            return true
        }
    }

    func flush(within duration: Duration) -> Bool {
        let deadline = ConditionLock.deadline(after: duration)
        return lock.withLock {
            while !isIdle {
                guard lock.wait(until: deadline) else { return isIdle }
            }
            return true
        }
    }

    func close() {
        lock.withLock {
            isClosed = true
            lock.wakeAll()
        }
    }

    /// The body of the thread: writes batch after batch until the queue is closed and empty.
    func drain() {
        var batch: [UInt8] = []
        while takePending(into: &batch) {
            let error = writeAll(of: batch)
            batch.removeAll(keepingCapacity: batch.capacity <= Self.keptCapacity)
            lock.withLock { settle(error) }
        }
    }

    private var isIdle: Bool {
        pending.isEmpty && writingBytes == 0
    }

    private func hasRoom(for bytes: Int) -> Bool {
        // An idle queue takes a line of any size, or one that exceeds the limit would never be written.
        if isIdle { return true }
        return !isOverflowing
            && pending.count + writingBytes + bytes <= byteLimit
            && pendingLines + writingLines < lineLimit
    }

    private func takePending(into batch: inout [UInt8]) -> Bool {
        lock.withLock {
            while pending.isEmpty {
                if isClosed { return false }
                lock.wait()
            }
            swap(&batch, &pending)
            writingBytes = batch.count
            writingLines = pendingLines
            pendingLines = 0
            return true
        }
    }

    /// Accounts for a batch that has been written, or lost to `error`.
    private func settle(_ error: CInt) {
        if error == 0 {
            reportDrops()
        } else {
            unreported += writingLines
            dropped += writingLines
            writeError = error
        }
        writingBytes = 0
        writingLines = 0
        isOverflowing = false
        lock.wakeAll()
    }

    private func reportDrops() {
        guard unreported > 0 else { return }
        let lines = unreported == 1 ? "1 log line" : "\(unreported) log lines"
        let reason = writeError == 0 ? "the log's reader is too slow" : String(cString: strerror(writeError))
        let message = "\(lines) dropped: \(reason)"
        format.append(LogEntry(time: .now(), level: .warning, message: message, fields: [:]), to: &pending)
        pendingLines += 1
        unreported = 0
        writeError = 0
    }

    /// Writes all of `batch`, waiting as long as that takes.
    ///
    /// - Returns: 0, or the error that no waiting cures.
    private func writeAll(of batch: [UInt8]) -> CInt {
        batch.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count > 0 {
                    rest = rest.dropFirst(count)
                    continue
                }
                let error = count == 0 ? EIO : errno
                switch error {
                case EINTR:
                    continue
                case EAGAIN:
                    // Whoever shares the descriptor with us has made it non-blocking.
                    var interest = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&interest, 1, -1)
                default:
                    return error
                }
            }
            return 0
        }
    }
}
