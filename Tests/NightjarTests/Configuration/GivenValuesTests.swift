//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing
import nightjar

struct GivenValuesTests {
    @Test func takesArguments() {
        let given = GivenValues(arguments: ["scripts": "routes", "port": "9000", "log.level": "debug", "dev": "true"])
        #expect(given.problems.isEmpty)
        let texts = given.values.map { "\($0.place) \($0.text)" }
        #expect(texts == ["--port 9000", "FOLDER routes", "--dev true", "--log-level debug"])
    }

    @Test func refusesBadArguments() {
        let given = GivenValues(arguments: ["port": "99999", "log.level": "loud"])
        #expect(given.values.isEmpty)
        #expect(
            given.problems.map(\.description) == [
                "--port: cannot be `99999`: it takes a whole number from 0 to 65535, such as `8080`",
                "--log-level: cannot be `loud`: it takes one of `trace`, `debug`, `info`, `notice`, `warning`, "
                    + "`error`, `critical`",
            ]
        )
    }

    @Test func takesVariables() {
        let given = GivenValues(environment: [
            "NIGHTJAR_LIMITS_MESSAGE_TIME": "5s", "NIGHTJAR_DEV": "1", "NIGHTJAR_CONFIG": "nightjar.yaml", "PORT": "x",
            "nightjar_port": "x",
        ])
        #expect(given.problems.isEmpty)
        #expect(given.values.map(\.setting.key) == ["dev", "limits.message_time"])
    }

    @Test func refusesBadAndUnknownVariables() {
        let given = GivenValues(environment: [
            "NIGHTJAR_PORT": "", "NIGHTJAR_LIMIT_MESSAGE": "1", "NIGHTJAR_CONFG": "x", "NIGHTJAR_BANANA": "x",
            "NIGHTJAR_LIMITS.MESSAGE": "1",
        ])
        #expect(given.values.isEmpty)
        #expect(
            given.problems.map(\.description) == [
                "NIGHTJAR_BANANA: unknown variable: no setting has this name",
                "NIGHTJAR_CONFG: unknown variable: did you mean `NIGHTJAR_CONFIG`?",
                "NIGHTJAR_LIMITS.MESSAGE: unknown variable: did you mean `NIGHTJAR_LIMITS_MESSAGE`?",
                "NIGHTJAR_LIMIT_MESSAGE: unknown variable: did you mean `NIGHTJAR_LIMITS_MESSAGE`?",
                "NIGHTJAR_PORT: cannot be ``: it takes a whole number from 0 to 65535, such as `8080`",
            ]
        )
    }

    @Test func namesTheWrongElementOfAList() {
        let given = GivenValues(environment: ["NIGHTJAR_PROTOCOLS": "a, b c, d e"])
        #expect(given.problems.count == 1)
        let sentence = "NIGHTJAR_PROTOCOLS: cannot hold `b c`: a sub-protocol is letters, digits"
        #expect(given.problems.first?.description.hasPrefix(sentence) == true)
    }

    @Test func showsLittleOfLongValuesAndEscapesThem() {
        let given = GivenValues(arguments: ["port": "\u{1b}[2J" + String(repeating: "x", count: 1000)])
        let shown = #"\x1b[2J"# + String(repeating: "x", count: 60) + "…"
        #expect(given.problems.map { $0.description.contains("cannot be `\(shown)`:") } == [true])
    }
}
