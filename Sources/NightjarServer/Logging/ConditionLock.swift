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

/// A mutual exclusion lock with one condition, on which a thread can wait with a deadline.
final class ConditionLock: @unchecked Sendable {
    // Unchecked: the pointers never change, and what they point to is made to be shared between threads.

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Deadlines must not move when somebody sets the clock.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` with the lock held.
    func withLock<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Gives the lock away until another thread calls `wakeAll`; the caller holds the lock before and after.
    func wait() {
        pthread_cond_wait(condition, mutex)
    }

    /// As `wait()`, but at most until `deadline`.
    ///
    /// - Returns: `false` once the deadline has passed.
    func wait(until deadline: timespec) -> Bool {
        var deadline = deadline
        return pthread_cond_timedwait(condition, mutex, &deadline) == 0
    }

    /// Wakes every thread that waits; the caller holds the lock.
    func wakeAll() {
        pthread_cond_broadcast(condition)
    }

    /// The moment `duration` from now, for `wait(until:)`; a negative duration counts as none.
    static func deadline(after duration: Duration) -> timespec {
        var moment = timespec()
        clock_gettime(CLOCK_MONOTONIC, &moment)
        let parts = max(duration, .zero).components
        let nanoseconds = moment.tv_nsec + Int(parts.attoseconds / 1_000_000_000)
        // A day is for ever here, and keeps the sum in range.
        moment.tv_sec += min(Int(parts.seconds), 86_400) + nanoseconds / 1_000_000_000
        moment.tv_nsec = nanoseconds % 1_000_000_000
        return moment
    }
}
