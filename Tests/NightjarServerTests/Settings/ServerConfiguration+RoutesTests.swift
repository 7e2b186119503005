//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct ServerConfigurationRoutesTests {
    private static func given(_ key: String, _ text: String, _ place: String) -> GivenSetting {
        GivenSetting(key: key, text: text, place: place)
    }

    /// Each of four values from another of the four places.
    @Test func takesTheRoutesBeforeTheScriptBeforeTheServerBeforeDefaults() {
        var configuration = ServerConfiguration()
        configuration.route.messageRate = 1
        configuration.route.messageBurst = 1
        configuration.route.queueMessages = 1
        configuration.routes["chat"] = [Self.given("limits.queue", "3", "n.yaml:1")]
        let own = [Self.given("limits.burst", "2", "chat.lua"), Self.given("limits.queue", "2", "chat.lua")]
        let route = configuration.configuration(ofRoute: "chat", own: own)
        #expect(route.rooms == 1000)
        #expect(route.messageRate == 1)
        #expect(route.messageBurst == 2)
        #expect(route.queueMessages == 3)
        // What one route is given is no other's.
        #expect(configuration.configuration(ofRoute: "echo").queueMessages == 1)
    }

    @Test(arguments: [
        (
            [given("limits.message", "2MiB", "chat.lua"), given("limits.memory", "1MiB", "chat.lua")], [],
            "chat.lua: `limits.message` is 2MiB (chat.lua), more than `limits.memory`, which is 1MiB (chat.lua): a message "
                + "must fit into the script's memory"
        ),
        (
            [given("limits.buffered", "32KiB", "chat.lua")], [],
            "chat.lua: `limits.buffered_soft` is 64KiB (by default), more than `limits.buffered`, which is 32KiB "
                + "(chat.lua): reading pauses at the first and the connection is closed at the second"
        ),
        (
            [], [given("limits.buffered", "1", "n.yaml:4")],
            "n.yaml:4: `limits.buffered_soft` is 64KiB (by default), more than `limits.buffered`, which is 1 (n.yaml:4): "
                + "reading pauses at the first and the connection is closed at the second"
        ),
        (
            [given("limits.buffered_soft", "1KiB", "chat.lua")], [given("limits.buffered", "1", "n.yaml:4")],
            "n.yaml:4: `limits.buffered_soft` is 1KiB (chat.lua), more than `limits.buffered`, which is 1 (n.yaml:4): "
                + "reading pauses at the first and the connection is closed at the second"
        ),
        (
            [given("limits.message", "9MiB", "chat.lua")], [],
            "chat.lua: `limits.message` is 9MiB (chat.lua), more than `limits.script_queue`, which is 8MiB "
                + "(NIGHTJAR_LIMITS_SCRIPT_QUEUE): a message waits for the script as a whole"
        ),
        (
            [given("limits.buffered", "5MiB", "chat.lua")], [],
            "chat.lua: `limits.buffered` is 5MiB (chat.lua), more than `limits.total`, which is 4MiB (n.yaml:9): one "
                + "connection must not hold more than all of them together"
        ),
    ])
    func refusesSizesThatContradictEachOther(own: [GivenSetting], overriding: [GivenSetting], problem: String) {
        var configuration = ServerConfiguration()
        configuration.route.scriptQueueBytes = 8 * 1024 * 1024
        configuration.bufferedTotal = 4 * 1024 * 1024
        configuration.routePlaces = [
            "limits.script_queue": "NIGHTJAR_LIMITS_SCRIPT_QUEUE", "limits.total": "n.yaml:9",
        ]
        configuration.routes["chat"] = overriding
        let problems = configuration.contradictions(ofRoute: "chat", own: own)
        #expect(problems.map(\.description) == [problem])
        let isOfTheConfiguration = problems.contains { if case .misconfigured = $0 { true } else { false } }
        #expect(isOfTheConfiguration == !overriding.isEmpty)
    }

    /// Either side may be given together with the other, wherever that is.
    @Test func takesSizesThatFitTogether() {
        var configuration = ServerConfiguration()
        configuration.routes["chat"] = [Self.given("limits.buffered", "32KiB", "n.yaml:4")]
        let own = [Self.given("limits.buffered_soft", "16KiB", "chat.lua")]
        #expect(configuration.contradictions(ofRoute: "chat", own: own) == [])
    }

    /// What is wrong for all has been said before any script is loaded.
    @Test func saysNothingOfWhatIsWrongForAllRoutes() {
        var configuration = ServerConfiguration()
        configuration.route.bufferedSoft = 2 * 1024 * 1024
        let own = [Self.given("limits.rate", "1", "chat.lua")]
        #expect(configuration.contradictions(ofRoute: "chat", own: own) == [])
    }
}
