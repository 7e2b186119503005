//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import NightjarServer
import Testing
import nightjar

struct NightjarConfigurationLoadTests {
    @Test func isTheDefaultWhenNothingIsGiven() throws {
        #expect(try load() == NightjarConfiguration())
        #expect(try load(file: "# nothing\n") == NightjarConfiguration())
    }

    @Test func takesArgumentsBeforeEnvironmentBeforeFileBeforeDefaults() throws {
        let file = "port: 1\nbacklog: 1\nhost: file\n"
        let environment = ["NIGHTJAR_PORT": "2", "NIGHTJAR_BACKLOG": "2"]
        let server = try load(["port": "3"], environment, file: file).server
        #expect(server.port == 3)
        #expect(server.backlog == 2)
        #expect(server.host == "file")
        #expect(server.scripts == "scripts")
    }

    /// Our names of the variables are those that the library reads.
    @Test func readsEachVariable() throws {
        for setting in Schema.settings {
            let values =
                switch setting.kind {
                case .string: ["elsewhere"]
                case .file: ["elsewhere"]
                case .boolean: ["true"]
                case .integer: ["33", "9"]
                case .size: ["65MiB", "65KiB", "33KiB"]
                case .duration: ["11s"]
                case .choice(let choice): [choice.names[choice.names.count - 1]]
                case .admin: ["off"]
                case .list(let list): [list.example]
                }
            let configurations = values.compactMap { try? load([:], [setting.variable: $0]) }
            let configuration = try #require(configurations.first, "\(setting.variable)")
            #expect(values.contains(setting.text(in: configuration)), "\(setting.variable)")
        }
    }

    @Test func readsEachKind() throws {
        let file = """
            dev: yes
            threads: {io: 2, script: 1}
            log: {level: warning, format: text}
            limits: {handshake: 2.5, target: 1KiB, cpu: 50ms}
            drain: {window: 0}
            """
        let configuration = try load(file: file)
        #expect(configuration.server.isDevelopment)
        #expect(configuration.server.ioThreads == 2)
        #expect(configuration.server.scriptThreads == 1)
        #expect(configuration.logLevel == .warning)
        #expect(configuration.logLayout == .text)
        #expect(configuration.server.handshake.deadline == .milliseconds(2500))
        #expect(configuration.server.handshake.targetBytes == 1024)
        #expect(configuration.server.route.eventCPU == .milliseconds(50))
        #expect(configuration.server.drainWindow == .zero)
    }

    @Test func readsListsFromEverywhere() throws {
        let file = "protocols: [a, b]\nroutes:\n  chat: {protocols: [c]}\n  echo: {protocols: []}\n"
        let server = try load(file: file).server
        #expect(server.route.protocols == ["a", "b"])
        #expect(server.configuration(ofRoute: "chat").protocols == ["c"])
        #expect(server.configuration(ofRoute: "echo").protocols == [])
        #expect(server.configuration(ofRoute: "other").protocols == ["a", "b"])
        #expect(try load([:], ["NIGHTJAR_PROTOCOLS": "d, e"], file: file).server.route.protocols == ["d", "e"])
        #expect(try load([:], ["NIGHTJAR_PROTOCOLS": ""], file: file).server.route.protocols == [])
        #expect(try load(["protocols": "f"], ["NIGHTJAR_PROTOCOLS": "e"], file: file).server.route.protocols == ["f"])
    }

    @Test func givesRoutesWhatHoldsForAllAndThenTheirOwn() throws {
        let file = """
            limits: {message: 2MiB, queue: 8}
            routes:
              chat:
                limits: {message: 16KiB}
                keep_alive: {interval: 10s}
              games/tic: {limits: {queue: 1}}
              echo:
            """
        let server = try load([:], ["NIGHTJAR_LIMITS_MESSAGE": "3MiB"], file: file).server
        var chat = server.route
        chat.messageBytes = 16 * 1024
        chat.keepAliveInterval = .seconds(10)
        var tic = server.route
        tic.queueMessages = 1
        #expect(server.route.messageBytes == 3 * 1024 * 1024)
        #expect(server.route.queueMessages == 8)
        #expect(server.configuration(ofRoute: "chat") == chat)
        #expect(server.configuration(ofRoute: "games/tic") == tic)
        #expect(server.configuration(ofRoute: "echo") == server.route)
        #expect(server.routes.keys.sorted() == ["chat", "echo", "games/tic"])
        #expect(server.routePlaces == ["limits.message": "NIGHTJAR_LIMITS_MESSAGE", "limits.queue": "n.yaml:1"])
    }

    /// What was given, not what comes of it: the script's table goes in between.
    @Test func keepsWhatRoutesWereGiven() throws {
        let file = "routes:\n  chat:\n    path: /c/:room\n    limits: {buffered: 1KiB}\n"
        #expect(
            try load(file: file).server.routes == [
                "chat": [
                    GivenSetting(key: "path", text: "/c/:room", place: "n.yaml:3"),
                    GivenSetting(key: "limits.buffered", text: "1KiB", place: "n.yaml:4"),
                ]
            ]
        )
    }

    @Test(arguments: [
        ("cht", "n.yaml:2: unknown route `routes.cht`: did you mean `chat`?"),
        ("games/tc", "n.yaml:3: unknown route `routes.games/tc`: did you mean `games/tic`?"),
        ("banana\u{1b}", "n.yaml:4: unknown route `routes.banana\\x1b`: no `banana\\x1b.lua` is served"),
    ])
    func tellsWhereARouteWithoutAScriptIsNamed(route: String, problem: String) throws {
        let configuration = try load(
            file: "routes:\n  cht: {limits: {queue: 1}}\n  games/tc: {}\n  \"banana\\e\":\n"
        )
        #expect(configuration.server.routes.keys.contains(route))
        #expect(configuration.unknownRoute(route, among: ["echo", "chat", "games/tic"]).description == problem)
    }

    @Test func reportsTheProblemsOfAllSourcesAtOnce() {
        let error = #expect(throws: ConfigurationError.self) {
            try load(["port": "x"], ["NIGHTJAR_PORT": "y"], file: "\nport: z\n")
        }
        #expect(
            error?.problems.map(\.place) == [
                .argument("--port"), .environment("NIGHTJAR_PORT"), .file("n.yaml", line: 2),
            ]
        )
    }

    @Test(arguments: [
        (
            "limits: {buffered_soft: 2MiB}",
            "n.yaml:1: `limits.buffered_soft` is 2MiB, more than `limits.buffered`, which is 1MiB: reading pauses at the "
                + "first and the connection is closed at the second"
        ),
        (
            "limits:\n  buffered: 32KiB",
            "n.yaml:2: `limits.buffered_soft` is 64KiB, more than `limits.buffered`, which is 32KiB: reading pauses at "
                + "the first and the connection is closed at the second"
        ),
        (
            "limits: {queue_bytes: 17MiB}",
            "n.yaml:1: `limits.queue_bytes` is 17MiB, more than `limits.script_queue`, which is 16MiB: what waits for one "
                + "connection waits for the script too"
        ),
        (
            "limits: {message: 17MiB}",
            "n.yaml:1: `limits.message` is 17MiB, more than `limits.script_queue`, which is 16MiB: a message waits for "
                + "the script as a whole"
        ),
        (
            "limits: {memory: 1MiB, message: 2MiB}",
            "n.yaml:1: `limits.message` is 2MiB, more than `limits.memory`, which is 1MiB: a message must fit into the "
                + "script's memory"
        ),
        (
            "limits: {total: 1000}",
            "n.yaml:1: `limits.buffered` is 1MiB, more than `limits.total`, which is 1000: one connection must not hold "
                + "more than all of them together"
        ),
        (
            "limits:\n  memory: 1MiB\n  message: 2MiB",
            "n.yaml:2: `limits.message` is 2MiB (n.yaml:3), more than `limits.memory`, which is 1MiB: a message must fit "
                + "into the script's memory"
        ),
    ])
    func refusesSizesThatContradictEachOther(file: String, problem: String) {
        let error = #expect(throws: ConfigurationError.self) { try load(file: file) }
        #expect(error?.problems.map(\.description) == [problem])
    }

    @Test func saysOnceWhatIsWrongForAllRoutes() {
        let file = """
            limits: {buffered_soft: 2MiB}
            routes: {chat: {limits: {queue: 1}}, echo: {limits: {buffered: 3MiB}}}
            """
        let error = #expect(throws: ConfigurationError.self) { try load(file: file) }
        #expect(error?.problems.map(\.place) == [.file("n.yaml", line: 1)])
    }

    @Test func namesTheSourceThatWinsInAContradiction() {
        let error = #expect(throws: ConfigurationError.self) {
            try load([:], ["NIGHTJAR_LIMITS_BUFFERED": "1KiB"], file: "limits: {buffered: 2KiB}")
        }
        #expect(error?.problems.map(\.place) == [.environment("NIGHTJAR_LIMITS_BUFFERED")])
    }

    private func load(
        _ arguments: [String: String] = [:],
        _ environment: [String: String] = [:],
        file: String? = nil
    ) throws -> NightjarConfiguration {
        let file = file.map { ConfigurationFile(path: "n.yaml", text: $0) }
        return try NightjarConfiguration.load(arguments: arguments, environment: environment, file: file)
    }
}
