//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing
import nightjar

struct SchemaTests {
    @Test func hasEachKeyAndVariableOnce() {
        #expect(Set(Schema.settings.map(\.key)).count == Schema.settings.count)
        #expect(Set(Schema.settings.map(\.variable)).count == Schema.settings.count)
    }

    /// Nothing can be set by two keys, and every key sets something.
    @Test func setsAnotherValueWithEachKey() throws {
        let defaults = NightjarConfiguration()
        var seen: [NightjarConfiguration] = []
        for setting in Schema.settings {
            var configuration = defaults
            let others = Self.otherValues(for: setting).filter { $0 != setting.text(in: defaults) }
            let other = try #require(others.first { setting.set($0, in: &configuration) }, "\(setting.key)")
            #expect(setting.text(in: configuration) == other)
            #expect(configuration != defaults)
            #expect(!seen.contains(configuration), "\(setting.key)")
            seen.append(configuration)
        }
    }

    @Test func acceptsItsDefaults() {
        for setting in Schema.settings {
            var configuration = NightjarConfiguration()
            #expect(setting.set(setting.text(in: configuration), in: &configuration), "\(setting.key)")
            #expect(configuration == NightjarConfiguration())
        }
    }

    @Test func keepsSectionsTogether() {
        var sections: [Substring] = []
        for setting in Schema.settings {
            let parts = setting.key.split(separator: ".")
            #expect(parts.count <= 2)
            if parts.count == 2, sections.last != parts[0] { sections.append(parts[0]) }
        }
        #expect(Set(sections).count == sections.count)
    }

    @Test func describesEachKeyInOneSentence() {
        for setting in Schema.settings {
            #expect(setting.summary.hasSuffix(".") && setting.summary.first?.isUppercase == true, "\(setting.key)")
        }
    }

    @Test func letsRoutesHaveTheirOwnLimits() {
        let perRoute = Schema.settings.filter(\.isPerRoute).map(\.key)
        #expect(Set(perRoute) == Set(RouteSettings.table.settings.map(\.key)).subtracting(["path"]))
        #expect(Schema.routeTable.settings.map(\.key) == RouteSettings.table.settings.map(\.key))
        #expect(Set(["origins", "limits.message", "limits.wall", "deflate.level", "slow"]).isSubset(of: perRoute))
        #expect(!perRoute.contains("port") && !perRoute.contains("limits.total"))
    }

    @Test func comparesSizesOnly() throws {
        for order in SettingOrder.all {
            for key in [order.lesser, order.greater] {
                let setting = try #require(Schema.setting(key))
                #expect(setting.bytes(in: NightjarConfiguration()) != nil)
            }
        }
    }

    @Test(arguments: [
        ("port", ["0", "65535"], ["-1", "65536", "8080.5", "x", ""]),
        ("backlog", ["1", "65535"], ["0", "65536"]),
        ("threads.io", ["0", "128"], ["-1", "129"]),
        ("limits.message", ["1", "1GiB"], ["0", "1073741825", "2GiB"]),
        ("limits.cpu", ["10ms", "20s"], ["9ms", "20001ms", "1d"]),
        ("limits.memory", ["1MiB", "16GiB"], ["1023KiB", "17GiB"]),
        ("limits.wall", ["10ms", "1h"], ["9ms", "61m", ""]),
        ("limits.rooms", ["1", "1000000"], ["0", "1000001"]),
        ("key", ["type", "a b", String(repeating: "k", count: 64)], ["", String(repeating: "k", count: 65)]),
        ("limits.total", ["0", "1024GiB"], ["1025GiB"]),
        ("drain.window", ["0", "60s", "1m"], ["60001ms"]),
        ("log.level", ["trace", "critical"], ["Info", "warn", ""]),
        ("log.format", ["auto", "text", "json"], ["xml"]),
        ("dev", ["true", "false"], ["maybe"]),
        ("host", ["::1"], ["", "a\0b"]),
        (
            "admin", ["auto", "off", "unix:/run/n.sock", "127.0.0.1:9090", "[::1]:0"],
            [
                "", "unix:", "0.0.0.0:9090", "192.168.1.2:9090", "[::]:9090", "::1:9090", "localhost:9090", "127.0.0.1",
                "9090",
            ]
        ),
        ("drain.delay", ["0s", "1m"], ["61s"]),
        (
            "listen", ["", "ws://127.0.0.1:0, wss://[::]:8443", "unix:/run/n.sock"],
            ["8080", "http://a:1", "ws://a", "ws://a:65536", "ws://::1:1", "ws://[a]:1", "unix:", "wss://a:1/x"]
        ),
        ("tls.certificate", ["", "a.pem"], ["a\0b"]),
        ("origins", ["", "same, null", "*", "*.a.example, https://b:1"], ["a/", "wss://a", "same, a b", "ü"]),
        ("trusted_proxies", ["", "unix", "127.0.0.1,::1", "10.0.0.0/8"], ["a.example", "10.0.0.0/33", "1.2.3"]),
        ("instances", ["1", "per-core"], ["2", "0", "per_core", ""]),
        ("env", ["", "A", "API_KEY, b.c"], ["A=B", "a b", "A,,B", "é"]),
        ("limits.header", ["256", "1MiB"], ["255", "2MiB"]),
        ("protocols", ["", "a", " a ,\tb"], [",", "a,", ",a", "a,,b", "a b", "é", "a\r"]),
    ])
    func holdsItsRanges(key: String, accepted: [String], refused: [String]) throws {
        let setting = try #require(Schema.setting(key))
        for text in accepted {
            var configuration = NightjarConfiguration()
            #expect(setting.set(text, in: &configuration), "\(text)")
        }
        for text in refused {
            var configuration = NightjarConfiguration()
            #expect(!setting.set(text, in: &configuration), "\(text)")
            #expect(configuration == NightjarConfiguration())
        }
    }

    @Test(arguments: [
        ("host", "it takes a text that is not empty, such as `127.0.0.1`"),
        ("port", "it takes a whole number from 0 to 65535, such as `8080`"),
        ("dev", "it takes `true` or `false`"),
        ("log.format", "it takes one of `auto`, `text`, `json`"),
        ("limits.message", "it takes a size from 1 to 1GiB, such as `1MiB`"),
        ("limits.cpu", "it takes a time from 10ms to 20s, such as `100ms`"),
        ("protocols", "it takes a list of sub-protocol names, such as `chat.v2, chat.v1`"),
    ])
    func saysWhatIsAllowed(key: String, hint: String) {
        #expect(Schema.setting(key)?.hint == hint)
    }

    /// Values of which one is allowed, and none is the default.
    private static func otherValues(for setting: Setting<NightjarConfiguration>) -> [String] {
        switch setting.kind {
        case .string: ["elsewhere"]
        case .file: ["elsewhere"]
        case .boolean: ["true", "false"]
        case .integer: ["17", "9"]
        case .size: ["3MiB", "7KiB"]
        case .duration: ["7s"]
        case .choice(let choice): [choice.names[choice.names.count - 1]]
        case .admin: ["off"]
        case .list(let list): [list.example]
        }
    }
}
