//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing
import nightjar

struct GivenValuesFileTests {
    @Test func takesNestedKeys() {
        let given = given(
            """
            port: 9000
            host: "::1"   # quoted
            limits:
              message: 16KiB
            log: {level: debug, format: 'json'}
            routes:
              chat:
                limits: {message: 1KiB}
              games/tic:
                keep_alive:
                  interval: 10
            """
        )
        #expect(given.problems.isEmpty)
        #expect(
            given.values.map { "\($0.place) \($0.route ?? "-") \($0.setting.key) \($0.text)" } == [
                "n.yaml:1 - port 9000", "n.yaml:2 - host ::1", "n.yaml:4 - limits.message 16KiB",
                "n.yaml:5 - log.level debug", "n.yaml:5 - log.format json", "n.yaml:8 chat limits.message 1KiB",
                "n.yaml:11 games/tic keep_alive.interval 10",
            ]
        )
    }

    @Test func tellsWhereEachRouteIsNamed() {
        let given = given("routes:\n  chat: {}\n  echo:\n  /no: {}\n  games/tic: {limits: {queue: 1}}\n")
        let lines = ["chat": 2, "echo": 3, "games/tic": 5]
        #expect(given.routes == lines.mapValues { .file("n.yaml", line: $0) })
    }

    @Test(arguments: ["", "\n", "# only comments\n", "---\n", "~\n", "limits:\nroutes:\n", "routes:\n  chat:\n", "{}"])
    func takesFilesWithoutValues(text: String) {
        let given = given(text)
        #expect(given.problems.isEmpty && given.values.isEmpty)
    }

    @Test(arguments: [
        ("prot: 1", "n.yaml:1: unknown key `prot`: did you mean `port`?"),
        ("limits:\n  mesage: 1", "n.yaml:2: unknown key `limits.mesage`: did you mean `message`?"),
        ("limit:\n  message: 1", "n.yaml:1: unknown key `limit`: did you mean `limits`?"),
        ("message: 1", "n.yaml:1: unknown key `message`: did you mean `limits.message`?"),
        (
            "limits.message: 1",
            "n.yaml:1: unknown key `limits.message`: write `message` on a line of its own below `limits:`, indented"
        ),
        ("drain:\n  banana: 1", "n.yaml:2: unknown key `drain.banana`: the keys here are `delay`, `window`"),
        (
            "banana: 1",
            "n.yaml:1: unknown key `banana`: the keys here are `host`, `port`, `listen`, `tls`, "
        ),
        ("<<: 1", "n.yaml:1: unknown key `<<`: the keys here are"),
        ("? [a]\n: 1", "n.yaml:1: a key must be a plain word"),
        (
            "routes:\n  chat:\n    routes: {}",
            "n.yaml:3: unknown key `routes.chat.routes`: the keys here are `"
        ),
        (
            "routes: {chat: {limits: {mesage: 1}}}",
            "n.yaml:1: unknown key `routes.chat.limits.mesage`: did you mean `message`?"
        ),
        (
            "routes: {chat: {memory: 1}}",
            "n.yaml:1: unknown key `routes.chat.memory`: did you mean `routes.chat.limits.memory`?"
        ),
        (
            "routes: {chat: {limits.message: 1}}",
            "n.yaml:1: unknown key `routes.chat.limits.message`: write `message` on a line of its own below `limits:`"
        ),
    ])
    func refusesUnknownKeys(text: String, problem: String) {
        let given = given(text)
        #expect(given.values.isEmpty)
        #expect(given.problems.count == 1)
        #expect(given.problems.first?.description.hasPrefix(problem) == true, "\(given.problems)")
    }

    @Test(arguments: [
        (
            "\nport: 99999",
            "n.yaml:2: `port` cannot be `99999`: it takes a whole number from 0 to 65535, such as `8080`"
        ),
        ("scripts: ''", "n.yaml:1: `scripts` cannot be ``: it takes a text that is not empty, such as `scripts`"),
        ("dev: maybe", "n.yaml:1: `dev` cannot be `maybe`: it takes `true` or `false`"),
        (
            "limits:\n  cpu:",
            "n.yaml:2: `limits.cpu` has no value: it takes a time from 10ms to 20s, such as `100ms`"
        ),
        (
            "port: [1]",
            "n.yaml:1: `port` holds one value, no list or section: it takes a whole number from 0 to 65535, "
                + "such as `8080`"
        ),
        ("port:\n  a: 1", "n.yaml:1: `port` holds one value, no list or section"),
        ("limits: 5", "n.yaml:1: `limits` is a section: its keys go on lines of their own below it, indented"),
        ("routes: [chat]", "n.yaml:1: `routes` is a section: its keys go on lines of their own below it, indented"),
        ("routes:\n  chat: 1", "n.yaml:2: `routes.chat` is a section: its keys go on lines of their own below it"),
        (
            "routes:\n  chat:\n    limits: 1",
            "n.yaml:3: `routes.chat.limits` is a section: its keys go on lines of their own below it"
        ),
        (
            "routes: {chat: {limits: {message: 0}}}",
            "n.yaml:1: `routes.chat.limits.message` cannot be `0`: it takes a size from 1 to 1GiB, such as `1MiB`"
        ),
        (
            "routes:\n  chat:\n    port: 1",
            "n.yaml:3: `routes.chat.port` holds for the whole server and cannot be set for one route"
        ),
        (
            "\npath: /chat",
            "n.yaml:2: `path` belongs to one route: set it below `routes`, as `routes.chat.path`"
        ),
        ("routes: {chat: {path: ''}}", "n.yaml:1: `routes.chat.path` cannot be ``: it takes a text of"),
        (
            "instances: 4",
            "n.yaml:1: `instances` cannot be `4`: it takes one of `1`, `per-core`"
        ),
        (
            "routes:\n  chat.lua: {}",
            "n.yaml:2: `chat.lua` is no route: it is named by its script without `.lua`, such as `chat`"
        ),
        ("routes:\n  /chat: {}", "n.yaml:2: `/chat` is no route: it is named by its script without `.lua`"),
        ("routes:\n  '': {}", "n.yaml:2: `` is no route"),
        (
            "protocols:\n  - a\n  - b c",
            "n.yaml:3: `protocols` cannot hold `b c`: a sub-protocol is letters, digits and any of "
        ),
        ("protocols: a, b c", "n.yaml:1: `protocols` cannot hold `b c`: a sub-protocol is"),
        ("protocols: ['a,b']", "n.yaml:1: `protocols` cannot hold `a,b`: an element has no comma"),
        (
            "protocols:\n  - a\n  -",
            "n.yaml:3: `protocols` holds an empty element: it takes a list of sub-protocol names, such as `chat.v2, chat.v1`"
        ),
        ("protocols: a,", "n.yaml:1: `protocols` holds an empty element: it takes a list of sub-protocol names"),
        ("protocols: ['']", "n.yaml:1: `protocols` holds an empty element: it takes a list of sub-protocol names"),
        (
            "protocols: [a, [b]]",
            "n.yaml:1: `protocols` is a list of single values: it holds no list or section inside"
        ),
        ("protocols: [&x a]", "n.yaml:1: anchors and aliases (`&name`, `*name`) are not supported"),
        ("protocols: {a: b}", "n.yaml:1: `protocols` holds a list, no section: it takes a list of"),
        ("protocols:", "n.yaml:1: `protocols` has no value: it takes a list of sub-protocol names"),
        (
            "protocols: [\(Array(repeating: "a", count: 257).joined(separator: ","))]",
            "n.yaml:1: `protocols` holds 257 elements, more than 256"
        ),
        ("routes: {chat: {protocols: [a, b c]}}", "n.yaml:1: `routes.chat.protocols` cannot hold `b c`: a"),
        (
            "routes:\n  chat:\n    origins:\n      - 'https://a.example'\n      - 'https://a.example/'",
            "n.yaml:5: `routes.chat.origins` cannot hold `https://a.example/`: an origin has no path and no slash"
        ),
        (
            "trusted_proxies: 10.0.0.0/33",
            "n.yaml:1: `trusted_proxies` cannot hold `10.0.0.0/33`: a proxy is an address, a block such as"
        ),
        (
            "routes: {chat: {trusted_proxies: [unix]}}",
            "n.yaml:1: `routes.chat.trusted_proxies` holds for the whole server"
        ),
        ("routes:\n  [a]: {}", "n.yaml:2: a route is named by its script without `.lua`, such as `chat`"),
    ])
    func refusesBadValues(text: String, problem: String) {
        let given = given(text)
        #expect(given.values.isEmpty)
        #expect(given.problems.count == 1)
        #expect(given.problems.first?.description.hasPrefix(problem) == true, "\(given.problems)")
    }

    @Test(arguments: [
        ("- a", "n.yaml:1: this is no list of `key: value` lines"),
        ("hello", "n.yaml:1: this is no list of `key: value` lines"),
        ("port: 1\nport: 2", "n.yaml:1: `port` is given twice, first here"),
        ("limits:\n  cpu: 1\n  cpu: 2", "n.yaml:2: `cpu` is given twice, first here"),
        ("\n\tport: 1", "n.yaml:2: no valid YAML in column 1: "),
        ("port: 'x", "n.yaml:1: no valid YAML in column "),
        ("a: 1\n b: 2", "n.yaml:2: no valid YAML in column "),
        ("---\nport: 1\n---\nport: 2", "n.yaml:3: no valid YAML in column 1: "),
        ("port: 1\nhost: \u{1}", "n.yaml:2: no valid YAML: "),
        ("a: *x", "n.yaml:1: no valid YAML in column 4: "),
        ("protocols: [*.a]", "n.yaml:1: no valid YAML in column "),
    ])
    func refusesOtherTexts(text: String, problem: String) {
        let given = given(text)
        #expect(given.values.isEmpty)
        #expect(given.problems.count == 1)
        #expect(given.problems.first?.description.hasPrefix(problem) == true, "\(given.problems)")
    }

    @Test func refusesAnchorsAndAliases() {
        let given = given("port: &p 1\nbacklog: *p\n&k host: x\nroutes:\n  chat: &c {}\n")
        #expect(given.values.isEmpty)
        #expect(
            given.problems.map(\.description) == [
                "n.yaml:1: anchors and aliases (`&name`, `*name`) are not supported",
                "n.yaml:2: anchors and aliases (`&name`, `*name`) are not supported",
                "n.yaml:3: anchors and aliases (`&name`, `*name`) are not supported",
                "n.yaml:5: anchors and aliases (`&name`, `*name`) are not supported",
            ]
        )
    }

    /// Forty lines that mean 2^40 values, compared with each other as keys.
    @Test func isNotBlownUpByAliases() {
        let levels = (1...40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }
        let given = given("a0: &a0 [x]\n\(levels.joined(separator: "\n"))\n? *a40\n: 1\n? *a39\n: 2\n")
        #expect(
            given.problems.map(\.description) == ["n.yaml: anchors and aliases (`&name`, `*name`) are not supported"]
        )
    }

    @Test(arguments: [
        ("protocols: [a, 'b', null]", "a, b, null"), ("protocols:\n  - a\n  -  \"b\" # c\n", "a, b"),
        ("protocols: a", "a"), ("protocols: ' a ,b'", " a ,b"), ("protocols: []", ""), ("protocols: ''", ""),
    ])
    func takesLists(text: String, list: String) {
        let given = given(text)
        #expect(given.problems.isEmpty, "\(given.problems)")
        #expect(given.values.map(\.text) == [list])
    }

    @Test func doesNotTakeQuotedStarsForAliases() {
        let stars = Array(repeating: "\"*.a\", '*b'", count: 60).joined(separator: ", ")
        #expect(given("protocols: [\(stars)]").problems.allSatisfy { !$0.sentence.contains("aliases") })
    }

    @Test func doesNotTakeStarsOfPathsForAliases() {
        let routes = (0..<40).map { "  r\($0): {path: /r\($0)/*}" }.joined(separator: "\n")
        let given = given("routes:\n\(routes)")
        #expect(given.problems.isEmpty && given.values.count == 40)
    }

    @Test func tellsThatAStarStandsInQuotes() {
        let problem = given("protocols: [*a]").problems.first?.description
        #expect(problem?.hasSuffix("; a text that begins with `*` stands in quotes") == true, "\(problem ?? "")")
    }

    @Test func doesNotMindStarsInComments() {
        #expect(given(String(repeating: "# ***\n  # *\n", count: 100)).problems.isEmpty)
    }

    @Test(arguments: ["[", "- ", "? ", "{a: "])
    func isNotBlownUpByNesting(opening: String) {
        let problems = given(String(repeating: opening, count: 200_000)).problems
        #expect(problems.count == 1)
        #expect(problems.first?.description.hasPrefix("n.yaml:1: no valid YAML") == true)
    }

    @Test func reportsAllProblemsInOrder() {
        let given = given("prot: 1\nport: x\nlimits: {cpu: 0, banana: 1}\nhost: ok\n")
        #expect(given.problems.map(\.place) == [1, 2, 3, 3].map { .file("n.yaml", line: $0) })
        #expect(given.values.map(\.setting.key) == ["host"])
    }

    private func given(_ text: String) -> GivenValues {
        GivenValues(file: ConfigurationFile(path: "n.yaml", text: text))
    }
}
