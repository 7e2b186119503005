//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
package import NIOCore

/// What the admin listener of a server can be asked.
package enum AdminPages {
    /// How long an event loop may take to answer before it counts as stuck. More than a script may use for one event.
    package static let loopAnswerTime: TimeAmount = .seconds(2)

    /// Whether the server takes clients.
    package enum Readiness: UInt8, Sendable {
        case starting
        case serving
        case draining
    }

    /// - Parameters:
    ///   - loops: the event loops, by name.
    ///   - readiness: tells whether clients are taken.
    ///   - metrics: makes the metrics' text.
    ///   - reload: loads a script again, or all that have changed when there is no name.
    ///   - rollBack: has the version before serve again.
    package static func all(
        loops: [(name: String, loop: any EventLoop)],
        readiness: @escaping @Sendable () -> Readiness,
        metrics: @escaping @Sendable () -> String,
        reload: @escaping @Sendable (_ route: String?) async -> ReloadAnswer,
        rollBack: @escaping @Sendable (_ route: String) async -> ReloadAnswer
    ) -> [AdminPage] {
        [
            AdminPage("/metrics", "counters and gauges, in the Prometheus text format") { loop, _ in
                loop.makeSucceededFuture(AdminPage.Answer(200, metrics(), contentType: MetricsText.contentType))
            },
            AdminPage("/healthz", "200 while every event loop answers, else 503 and which does not") { loop, _ in
                self.health(of: loops, on: loop)
            },
            AdminPage("/readyz", "200 while clients are taken, else 503") { loop, _ in
                let answer =
                    switch readiness() {
                    case .serving: AdminPage.Answer(200, "serving")
                    case .starting: AdminPage.Answer(503, "starting")
                    case .draining: AdminPage.Answer(503, "draining")
                    }
                return loop.makeSucceededFuture(answer)
            },
            AdminPage("/reload", methods: ["POST"], "loads the scripts that have changed, or with ?route=NAME that one")
            {
                self.answer(on: $0) { [query = $1] in await reload(self.route(in: query)) }
            },
            AdminPage("/rollback", methods: ["POST"], "has the version before serve again; with ?route=NAME") {
                guard let route = self.route(in: $1) else {
                    return $0.makeSucceededFuture(AdminPage.Answer(400, "name the route: /rollback?route=NAME"))
                }
                return self.answer(on: $0) { await rollBack(route) }
            },
        ]
    }

    private static func answer(
        on loop: any EventLoop,
        _ order: @escaping @Sendable () async -> ReloadAnswer
    ) -> EventLoopFuture<AdminPage.Answer> {
        let promise = loop.makePromise(of: AdminPage.Answer.self)
        promise.completeWithTask {
            let answer = await order()
            return AdminPage.Answer(answer.status, answer.text)
        }
        return promise.futureResult
    }

    /// The value of `route` in a query; nil when there is none.
    package static func route(in query: String) -> String? {
        (try? RequestTarget("/?" + query))?.query.first { $0.name == "route" }?.value
    }

    private static func health(
        of loops: [(name: String, loop: any EventLoop)],
        on own: any EventLoop
    ) -> EventLoopFuture<AdminPage.Answer> {
        let answers = loops.map { _, loop -> EventLoopFuture<Bool> in
            // The first of the two fulfils it; the other is ignored.
            let promise = own.makePromise(of: Bool.self)
            let timeout = own.scheduleTask(in: self.loopAnswerTime) { promise.succeed(false) }
            loop.execute {
                timeout.cancel()
                promise.succeed(true)
            }
            return promise.futureResult
        }
        let names = loops.map(\.name)
        return EventLoopFuture.whenAllSucceed(answers, on: own).map { answers in
            let stuck = zip(names, answers).filter { !$0.1 }.map(\.0)
            guard !stuck.isEmpty else { return AdminPage.Answer(200, "ok") }
            return AdminPage.Answer(503, "no answer within 2 s from \(stuck.joined(separator: ", "))")
        }
    }

    /// Appends what the system knows of this process, by Prometheus' usual names.
    package static func appendProcess(to text: inout MetricsText) {
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            text.append(gauge: "process_max_fds", "Files and sockets that may be open.", Int(clamping: limit.rlim_cur))
        }
        if let folder = opendir("/proc/self/fd") {
            var count = 0
            while readdir(folder) != nil { count += 1 }
            closedir(folder)
            // Not counted: `.`, `..` and the folder itself.
            text.append(gauge: "process_open_fds", "Files and sockets that are open.", count - 3)
        }
        if let file = fopen("/proc/self/statm", "r") {
            defer { fclose(file) }
            var line = [UInt8](repeating: 0, count: 128)
            let count = fread(&line, 1, line.count, file)
            let fields = String(decoding: line.prefix(count), as: UTF8.self).split(separator: " ")
            if fields.count > 1, let pages = Int(fields[1]) {
                let bytes = pages * sysconf(CInt(_SC_PAGESIZE))
                text.append(gauge: "process_resident_memory_bytes", "Memory that is resident.", bytes)
            }
        }
    }
}
