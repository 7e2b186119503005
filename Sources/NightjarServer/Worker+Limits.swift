//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import Logging
internal import LuaRuntime
package import WebSocketCore

/// What this loop counts and tells of limits that act and rules that are broken.
extension Worker {
    /// A limit has acted on a connection: counted each time, logged once in a while.
    package func exceeded(_ limit: Limit, _ sentence: @autoclosure () -> String, _ connection: Connection) {
        self.exceeded(limit, sentence(), metadata: self.metadata(of: connection))
    }

    /// A limit has acted before there is a connection.
    package func exceeded(_ limit: Limit, _ sentence: @autoclosure () -> String, ip: String) {
        self.exceeded(limit, sentence(), metadata: ["ip": "\(ip)"])
    }

    /// A limit has acted; `metadata` says on whom.
    package func exceeded(
        _ limit: Limit,
        _ sentence: @autoclosure () -> String,
        metadata: @autoclosure () -> Logger.Metadata
    ) {
        self.counters.add(.exceeded(limit))
        guard self.repeatLog.isFirst(.limit(limit), now: self.now), self.logger.logLevel <= limit.logLevel else {
            return
        }
        self.logger.log(
            level: limit.logLevel,
            "\(sentence())",
            metadata: metadata().merging(["limit": "\(limit.label)"]) { $1 }
        )
    }

    /// A client has broken a rule of the protocol, or passed one of its limits.
    package func violated(_ violation: ProtocolViolation, _ connection: Connection) {
        if let limit = violation.limit {
            self.exceeded(limit, "closed for a violation: \(violation.sentence)", connection)
            return
        }
        guard let kind = ViolationKind(violation) else { return }
        self.counters.add(.violation(kind))
        guard self.repeatLog.isFirst(.violation(kind), now: self.now) else { return }
        self.logger.info("closed for a violation: \(violation.sentence)", metadata: self.metadata(of: connection))
    }

    /// A page of another site was kept out.
    func refusedOrigin(_ metadata: @autoclosure () -> Logger.Metadata) {
        self.counters.add(.refused(.origin))
        guard self.repeatLog.isFirst(.originRefused, now: self.now) else { return }
        self.logger.info("refused an origin", metadata: metadata())
    }

    private func metadata(of connection: Connection) -> Logger.Metadata {
        [
            "route": "\(connection.route.path)", "ip": "\(connection.ip)",
            "socket": "\(String(connection.id.rawValue, radix: 16))",
        ]
    }

    /// Tells the repeats that are due, or all of them when nothing more will come.
    func tellRepeats(now: MonotonicTime) {
        while let (subject, repeats) = self.repeatLog.takeSum(now: now) {
            let times = repeats == 1 ? "once more" : "\(repeats) times more"
            switch subject {
            case .limit(let limit):
                self.logger.log(
                    level: limit.logLevel,
                    "the limit \(limit.label) acted \(times)",
                    metadata: ["limit": "\(limit.label)", "repeats": "\(repeats)"]
                )
            case .violation(let kind):
                self.logger.info(
                    "the rule \(kind.rawValue) was broken \(times)",
                    metadata: ["violation": "\(kind.rawValue)", "repeats": "\(repeats)"]
                )
            case .originRefused:
                self.logger.info("an origin was refused \(times)", metadata: ["repeats": "\(repeats)"])
            }
        }
    }
}

extension Limit {
    /// A pause is everyday; being out of files or memory is for the operator to mend.
    fileprivate var logLevel: Logger.Level {
        switch self {
        case .openFiles, .total, .connections, .inflaterMemory, .shared, .versions: .warning
        case .bufferedSoft, .queue, .scriptQueue, .rateSlowed: .debug
        default: .info
        }
    }
}
