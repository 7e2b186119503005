//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NightjarServer
import Testing

/// Tables as scripts write them, read by a VM and checked.
struct ScriptSettingsTests {
    private static func settings(_ table: String) throws -> ScriptSettings {
        let house = try TestHouse("return \(table)")
        return ScriptSettings(try #require(house.runner.vm).settings, of: "chat.lua")
    }

    /// Each setting in every form that it takes, with the text that it comes to.
    @Test(arguments: [
        ("path = '/chat/:room'", "path", "/chat/:room"),
        ("instances = 'per-core'", "instances", "per-core"), ("instances = 1", "instances", "1"),
        ("instances = 1.0", "instances", "1"), ("instances = '1'", "instances", "1"),
        ("origins = { 'same', 'https://a.example' }", "origins", "same, https://a.example"),
        ("origins = '*'", "origins", "*"), ("origins = {}", "origins", ""),
        ("protocols = { 'chat.v2', ' chat.v1 ' }", "protocols", "chat.v2, chat.v1"),
        ("protocols = 'a, b'", "protocols", "a, b"),
        ("key = 'kind'", "key", "kind"),
        ("limits = { message = '16KiB' }", "limits.message", "16KiB"),
        ("limits = { message = 16384 }", "limits.message", "16384"),
        ("limits = { message = 16384.0 }", "limits.message", "16384"),
        ("limits = { message = '16384' }", "limits.message", "16384"),
        ("limits = { fragments = 7 }", "limits.fragments", "7"),
        ("limits = { control_frames = 0 }", "limits.control_frames", "0"),
        ("limits = { message_time = 2 }", "limits.message_time", "2"),
        ("limits = { buffered = '2MiB' }", "limits.buffered", "2MiB"),
        ("limits = { buffered_soft = '1KiB' }", "limits.buffered_soft", "1KiB"),
        ("limits = { rate = 20 }", "limits.rate", "20"), ("limits = { rate = 20.0 }", "limits.rate", "20"),
        ("limits = { burst = 40 }", "limits.burst", "40"),
        ("limits = { flood = 'slow' }", "limits.flood", "slow"),
        ("limits = { close = '1s' }", "limits.close", "1s"),
        ("limits = { queue = 8 }", "limits.queue", "8"),
        ("limits = { queue_bytes = '1KiB' }", "limits.queue_bytes", "1KiB"),
        ("limits = { script_queue = '1MiB' }", "limits.script_queue", "1MiB"),
        ("limits = { cpu = '50ms' }", "limits.cpu", "50ms"), ("limits = { cpu = 0.05 }", "limits.cpu", "0.050000000"),
        ("limits = { memory = '128MiB' }", "limits.memory", "128MiB"),
        ("limits = { wall = '1m' }", "limits.wall", "1m"), ("limits = { wall = 1e3 }", "limits.wall", "1000.000000000"),
        ("limits = { rooms = 3 }", "limits.rooms", "3"), ("limits = { timers = 3 }", "limits.timers", "3"),
        ("limits = { handlers = 3 }", "limits.handlers", "3"),
        ("limits = { breaches = 5 }", "limits.breaches", "5"),
        ("compress = false", "compress", "false"),
        ("deflate = { min_size = 0 }", "deflate.min_size", "0"), ("deflate = { level = 9 }", "deflate.level", "9"),
        ("deflate = { server_takeover = true }", "deflate.server_takeover", "true"),
        ("deflate = { client_takeover = true }", "deflate.client_takeover", "true"),
        ("deflate = { server_window_bits = 9 }", "deflate.server_window_bits", "9"),
        ("deflate = { client_window_bits = 9 }", "deflate.client_window_bits", "9"),
        ("slow = 'drop'", "slow", "drop"),
        ("keep_alive = { interval = '10s' }", "keep_alive.interval", "10s"),
        ("keep_alive = { timeout = 10 }", "keep_alive.timeout", "10"),
    ])
    func takes(table: String, key: String, text: String) throws {
        let settings = try Self.settings("{ \(table) }")
        #expect(settings.problems == [])
        #expect(settings.given == [GivenSetting(key: key, text: text, place: "chat.lua")])
        // And it is another value than the default, where the table above does not say the default itself.
        var changed = RouteConfiguration()
        #expect(RouteSettings.table[key]?.set(text, in: &changed) == true)
        #expect(RouteConfiguration().with(settings.given) == changed)
    }

    /// What only the configuration may set is not offered.
    @Test(arguments: ["banana", "laod"]) func offersWhatAScriptMaySet(name: String) throws {
        let problems = try Self.settings("{ limits = { \(name) = 5 } }").problems.map(\.description)
        #expect(problems.count == 1 && problems[0].hasPrefix("limits.\(name): unknown setting: "))
        #expect(!problems[0].contains("load"))
    }

    /// Every setting of a route can stand in a script's table, but for those that say why not.
    @Test func knowsEverySetting() throws {
        for setting in RouteSettings.table.settings {
            let (value, table): (String, String)
            switch setting.kind {
            case .boolean: value = "true"
            case .list(let list): value = "'\(list.example)'"
            case .integer(_, let range): value = "\(range.upperBound)"
            case .string where setting.key == "path": value = "'/a'"
            default: value = "'\(setting.text(in: RouteConfiguration()))'"
            }
            let parts = setting.key.split(separator: ".")
            table = parts.count == 1 ? "\(setting.key) = \(value)" : "\(parts[0]) = { \(parts[1]) = \(value) }"
            let settings = try Self.settings("{ \(table) }")
            #expect((settings.given.map(\.key) == [setting.key]) == (RouteSettings.notInScripts[setting.key] == nil))
            #expect((settings.problems == []) == (RouteSettings.notInScripts[setting.key] == nil))
        }
    }

    @Test(arguments: [
        (
            "{ limits = { mesage = '1KiB' } }",
            "limits.mesage: unknown setting: did you mean limits.message?"
        ),
        ("{ limit = { message = '1KiB' } }", "limit.message: unknown setting: did you mean limits.message?"),
        ("{ limit = '1KiB' }", "limit: unknown setting: did you mean limits?"),
        ("{ orgins = { '*' } }", "orgins: unknown setting: did you mean origins?"),
        ("{ rate = 20 }", "rate: unknown setting: did you mean limits.rate?"),
        ("{ limits = { slow = 'drop' } }", "limits.slow: unknown setting: did you mean slow?"),
        ("{ keep_alive = { rate = 5 } }", "keep_alive.rate: unknown setting: did you mean limits.rate?"),
        (
            "{ keep_alive = { banana = 5 } }",
            "keep_alive.banana: unknown setting: there are interval, timeout; what is the script's own begins with `_`"
        ),
        (
            "{ banana = 5 }",
            "banana: unknown setting: there are path, instances, origins, protocols, key, limits, compress, deflate, "
                + "slow, keep_alive; what is the script's own begins with `_`"
        ),
        ("{ pathh = '/a' }", "pathh: unknown setting: did you mean path?"),
        (
            "{ limits = { message = { size = 1 } } }",
            "limits.message.size: unknown setting: limits.message holds a value and no table of settings"
        ),
        (
            "{ protocols = { 'a', b = 'c' } }",
            "protocols.b: unknown setting: protocols holds a value and no table of settings"
        ),
        (
            "{ limits = 5 }",
            "limits: cannot be `5`: its settings stand in a table, as { message = ... }"
        ),
        ("{ limits = { 5 } }", "limits: cannot be a list: its settings stand in a table, as { message = ... }"),
        (
            "{ limits = { message = true } }",
            "limits.message: cannot be `true`: it takes a size from 1 to 1GiB, such as `\"1MiB\"`"
        ),
        (
            "{ limits = { message = '3 bananas' } }",
            "limits.message: cannot be `\"3 bananas\"`: it takes a size from 1 to 1GiB, such as `\"1MiB\"`"
        ),
        (
            "{ limits = { message = 0 } }",
            "limits.message: cannot be `0`: it takes a size from 1 to 1GiB, such as `\"1MiB\"`"
        ),
        (
            "{ limits = { message = 1.5 } }",
            "limits.message: cannot be `1.5`: it takes a size from 1 to 1GiB, such as `\"1MiB\"`"
        ),
        (
            "{ limits = { message = {} } }",
            "limits.message: cannot be a table: it takes a size from 1 to 1GiB, such as `\"1MiB\"`"
        ),
        (
            "{ limits = { message = { '1KiB' } } }",
            "limits.message: cannot be a list: it takes a size from 1 to 1GiB, such as `\"1MiB\"`"
        ),
        (
            "{ limits = { message = print } }",
            "limits.message: cannot be a function: it takes a size from 1 to 1GiB, such as `\"1MiB\"`"
        ),
        (
            "{ limits = { rate = '20' } }",
            "limits.rate: cannot be `\"20\"`: it takes a whole number from 0 to 1000000, such as `0`"
        ),
        (
            "{ limits = { rate = 0.5 } }",
            "limits.rate: cannot be `0.5`: it takes a whole number from 0 to 1000000, such as `0`"
        ),
        (
            "{ limits = { cpu = 0.001 } }",
            "limits.cpu: cannot be `0.001`: it takes a time from 10ms to 20s, such as `\"100ms\"`"
        ),
        (
            "{ limits = { cpu = 0/0 } }",
            "limits.cpu: cannot be `-nan`: it takes a time from 10ms to 20s, such as `\"100ms\"`"
        ),
        (
            "{ limits = { cpu = math.huge } }",
            "limits.cpu: cannot be `inf`: it takes a time from 10ms to 20s, such as `\"100ms\"`"
        ),
        (
            "{ limits = { cpu = -1 } }",
            "limits.cpu: cannot be `-1`: it takes a time from 10ms to 20s, such as `\"100ms\"`"
        ),
        (
            "{ limits = { cpu = '1d' } }",
            "limits.cpu: cannot be `\"1d\"`: it takes a time from 10ms to 20s, such as `\"100ms\"`"
        ),
        (
            "{ limits = { load = '2s' } }",
            "limits.load: cannot be set by a script: it holds before the script can say anything: set it in the "
                + "configuration"
        ),
        ("{ slow = 'closed' }", "slow: cannot be `\"closed\"`: it takes one of `\"close\"`, `\"drop\"`"),
        ("{ instances = 4 }", "instances: cannot be `4`: it takes one of `1`, `\"per-core\"`"),
        ("{ instances = 1.5 }", "instances: cannot be `1.5`: it takes one of `1`, `\"per-core\"`"),
        ("{ compress = 1 }", "compress: cannot be `1`: it takes `true` or `false`"),
        ("{ compress = 'yes' }", "compress: cannot be `\"yes\"`: it takes `true` or `false`"),
        ("{ path = '' }", "path: cannot be `\"\"`: it takes a text of at most 1024 bytes that is not empty"),
        ("{ path = 5 }", "path: cannot be `5`: it takes a text of at most 1024 bytes that is not empty"),
        (
            "{ key = '\\xff' }",
            "key: cannot be a string that is not UTF-8: it takes a text of at most 64 bytes that is not "
                + "empty, such as `\"type\"`"
        ),
        (
            "{ protocols = { 'a', 5 } }",
            "protocols: cannot hold `5`: it takes a list of sub-protocol names, such as `{ \"chat.v2\", \"chat.v1\" }`"
        ),
        (
            "{ protocols = { 'a', { 'b' } } }",
            "protocols: cannot hold a table: it takes a list of sub-protocol names, such as "
                + "`{ \"chat.v2\", \"chat.v1\" }`"
        ),
        ("{ protocols = { 'a', [3] = 'c' } }", "protocols: has no element 2: a list has no gaps"),
        ("{ protocols = { 'a,b' } }", "protocols: cannot hold `a,b`: an element has no comma"),
        (
            "{ protocols = true }",
            "protocols: cannot be `true`: it takes a list of sub-protocol names, such as "
                + "`{ \"chat.v2\", \"chat.v1\" }`"
        ),
        (
            "{ origins = { 'same', 'https://a/' } }",
            "origins: cannot hold `https://a/`: an origin has no path and no slash at its end, such as "
                + "`https://a.example`"
        ),
    ])
    func refuses(table: String, problem: String) throws {
        let settings = try Self.settings(table)
        #expect(settings.given.filter { !problem.hasPrefix("protocols.b") || $0.key != "protocols" } == [])
        #expect(settings.problems.map(\.description) == [problem])
    }

    /// A function is no handler under the name of a setting.
    @Test func saysWhatEverySettingTakesInsteadOfAFunction() throws {
        let names = Set(RouteSettings.table.settings.map { String($0.key.prefix { $0 != "." }) })
        for name in names {
            let settings = try Self.settings("{ \(name) = print }")
            #expect(settings.given == [] && settings.problems.count == 1)
            #expect(settings.problems.first?.description.hasPrefix("\(name): cannot be a function: it") == true)
        }
        #expect(
            try Self.settings("{ compress = print }").problems.map(\.description)
                == ["compress: cannot be a function: it takes `true` or `false`"]
        )
    }

    @Test func tellsEverythingAtOnceByKey() throws {
        let settings = try Self.settings("{ slow = 1, limits = { wal = 1, cpu = '1s', rate = 'x' }, _own = 5 }")
        #expect(settings.given == [GivenSetting(key: "limits.cpu", text: "1s", place: "chat.lua")])
        #expect(settings.problems.map(\.key) == ["limits.rate", "limits.wal", "slow"])
    }

    @Test func takesTablesWithoutAnythingInThem() throws {
        let settings = try Self.settings("{ limits = {}, keep_alive = {}, protocols = {} }")
        #expect(settings.problems == [])
        #expect(settings.given.map(\.key) == ["protocols"])
    }

    @Test(arguments: [
        ("{ history = 5 }", "chat.lua: key of the returned table: \"history\" is reserved for a later version"),
        ("{ track = true }", "chat.lua: key of the returned table: \"track\" is reserved for a later version"),
        ("{ shard_by = 'room' }", "chat.lua: key of the returned table: \"shard_by\" is reserved for a later version"),
        ("{ auto_reply = {} }", "chat.lua: key of the returned table: \"auto_reply\" is reserved for a later version"),
        ("{ schema = {} }", "chat.lua: key of the returned table: \"schema\" is reserved for a later version"),
        ("{ limits = { [true] = 1 } }", "chat.lua: limits: the keys in it must be strings, or 1, 2, 3 and so on"),
        ("{ protocols = { [0] = 'a' } }", "chat.lua: protocols: the keys in it must be strings, or 1, 2, 3 and so on"),
        (
            "{ protocols = { [1.5] = 'a' } }",
            "chat.lua: protocols: the keys in it must be strings, or 1, 2, 3 and so on"
        ),
        ("{ 5 }", "chat.lua: the keys of the returned table must be strings: names of handlers and settings"),
    ])
    func refusesWhatIsNoSettingAtAll(table: String, problem: String) throws {
        let error = #expect(throws: ScriptError.self) {
            try TestHouse("return \(table)", name: "chat.lua")
        }
        #expect(error?.message == problem)
        #expect(error?.kind == .contract)
    }
}
