//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import NIOPosix
internal import Synchronization

/// Loads the certificate and its key again: when told to, and when the files change.
///
/// It has a thread of its own, because a disk may be slow and neither the event loops nor a shutdown may wait for it. All loads run
/// there one after the other, so that none that began earlier ends later.
final class CertificateReloader: Sendable {
    /// Between two looks at the files.
    private static let interval: Duration = .seconds(1)

    private let identity: TLSIdentity
    private let logger: Logger
    private let thread = NIOThreadPool(numberOfThreads: 1)
    private let watch: Mutex<CertificateWatch>
    private let looking = Mutex<Task<Void, Never>?>(nil)

    init(_ identity: TLSIdentity, logger: Logger) {
        self.identity = identity
        self.logger = logger
        self.watch = Mutex(CertificateWatch(identity.stamps))
    }

    /// Looks at the files from now on.
    func start() {
        self.thread.start()
        let (thread, logger) = (self.thread, self.logger)
        let task = Task { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                guard let self, !Task.isCancelled else { return }
                do {
                    try await thread.runIfActive { self.look() }
                } catch {
                    // The thread has ended: so has the server.
                    logger.debug("no longer looking at the certificate", metadata: ["error": "\(error)"])
                    return
                }
            }
        }
        self.looking.withLock { $0 = task }
    }

    func stop() async {
        self.looking.withLock { $0.take() }?.cancel()
        try? await self.thread.shutdownGracefully()
    }

    /// Loads the files soon, changed or not; returns at once.
    func reload() {
        self.thread.submit { _ in
            do throws(TLSIdentity.Problem) {
                let summary = try self.identity.reload()
                self.watch.withLock { $0 = CertificateWatch(self.identity.stamps) }
                summary.tell(self.logger)
            } catch {
                self.tell(error)
            }
        }
    }

    private func look() {
        let stamps = self.identity.look()
        guard self.watch.withLock({ $0.look(stamps) }) else { return }
        do throws(TLSIdentity.Problem) {
            let summary = try self.identity.reload()
            self.watch.withLock { $0.succeeded() }
            summary.tell(self.logger)
        } catch {
            if self.watch.withLock({ $0.failed() }) {
                self.tell(error)
            }
        }
    }

    private func tell(_ problem: TLSIdentity.Problem) {
        self.logger.error("the old certificate stays in use", metadata: ["reason": "\(problem)"])
    }
}

extension TLSIdentity.Summary {
    /// Writes to the log which certificate is in use from now on.
    func tell(_ logger: Logger) {
        let metadata: Logger.Metadata = [
            "certificate": "\(self.subject)", "begins": "\(self.begin)", "expires": "\(self.expiry)",
        ]
        switch self.validity {
        case .valid: logger.info("certificate loaded", metadata: metadata)
        case .expired: logger.warning("certificate loaded that has expired: replace it", metadata: metadata)
        case .notYet: logger.warning("certificate loaded that is not valid yet: look at the clock", metadata: metadata)
        }
    }
}
