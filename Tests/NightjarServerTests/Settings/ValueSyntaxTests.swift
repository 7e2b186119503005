//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct ValueSyntaxTests {
    @Test(arguments: [
        ("0", 0), ("1", 1), ("1024", 1024), ("64KiB", 65_536), ("1MiB", 1_048_576), ("2GiB", 2_147_483_648),
    ])
    func readsSizes(text: String, bytes: Int) {
        #expect(ValueSyntax.size(text) == bytes)
    }

    @Test(arguments: [
        "", "KiB", "-1", "+1", "1KB", "1kib", "1 KiB", " 1", "1.5MiB", "0x10", "1KiBKiB", "١", "9223372036854775808",
        "8589934592GiB",
    ])
    func refusesOtherSizes(text: String) {
        #expect(ValueSyntax.size(text) == nil)
    }

    @Test(arguments: [
        ("0", Duration.zero), ("10", .seconds(10)), ("2.5", .milliseconds(2500)), ("50ms", .milliseconds(50)),
        ("5s", .seconds(5)), ("2m", .seconds(120)), ("1h", .seconds(3600)), ("1.5h", .seconds(5400)),
        ("0.000000001", .nanoseconds(1)), ("0.1m", .seconds(6)),
    ])
    func readsDurations(text: String, duration: Duration) {
        #expect(ValueSyntax.duration(text) == duration)
    }

    @Test(arguments: [
        "", "s", "-1s", "+1", "1d", "1 s", "1S", ".5", "5.", "1.2.3", "1e3", "1.0000000001", "9999999999h", "2562048h",
        "9223372036.9", "٣s",
    ])
    func refusesOtherDurations(text: String) {
        #expect(ValueSyntax.duration(text) == nil)
    }

    @Test(arguments: [
        (0.0, Duration.zero), (1.5, .milliseconds(1500)), (0.1, .milliseconds(100)), (0.000000001, .nanoseconds(1)),
        (1e9, .seconds(1_000_000_000)),
    ])
    func writesSeconds(seconds: Double, duration: Duration) {
        #expect(ValueSyntax.duration(ValueSyntax.text(seconds: seconds)) == duration)
    }

    @Test(arguments: [-1, -1e-9, .nan, .infinity, 1e300])
    func writesNoTimeForOtherNumbers(seconds: Double) {
        #expect(ValueSyntax.duration(ValueSyntax.text(seconds: seconds)) == nil)
    }

    @Test(arguments: ["true", "TRUE", "yes", "on", "1"])
    func readsTrue(text: String) {
        #expect(ValueSyntax.boolean(text) == true)
    }

    @Test(arguments: ["false", "No", "off", "0"])
    func readsFalse(text: String) {
        #expect(ValueSyntax.boolean(text) == false)
    }

    @Test(arguments: ["", "maybe", "2", "y"])
    func refusesOtherBooleans(text: String) {
        #expect(ValueSyntax.boolean(text) == nil)
    }

    @Test(arguments: [
        (0, "0"), (1, "1"), (1000, "1000"), (1024, "1KiB"), (1536, "1536"), (1_048_576, "1MiB"), (3 << 30, "3GiB"),
    ])
    func writesSizes(bytes: Int, text: String) {
        #expect(ValueSyntax.text(size: bytes) == text)
        #expect(ValueSyntax.size(text) == bytes)
    }

    @Test(arguments: [
        (Duration.zero, "0s"), (.milliseconds(1), "1ms"), (.milliseconds(1500), "1500ms"), (.seconds(1), "1s"),
        (.seconds(90), "90s"), (.seconds(60), "1m"), (.seconds(7200), "2h"),
    ])
    func writesDurations(duration: Duration, text: String) {
        #expect(ValueSyntax.text(duration: duration) == text)
        #expect(ValueSyntax.duration(text) == duration)
    }

    @Test(arguments: [
        ("", []), (" ", []), ("a", ["a"]), ("a,b", ["a", "b"]), (" a\t, b c ", ["a", "b c"]), ("a,,b", ["a", "", "b"]),
        (",", ["", ""]),
    ])
    func readsLists(text: String, list: [String]) {
        #expect(ValueSyntax.list(text) == list)
    }

    @Test(arguments: [
        ([], "[]"), (["same"], "[same]"), (["a", "b"], "[a, b]"), (["*", "*.a", "null"], "['*', '*.a', null]"),
        (["https://a:8443", "10.0.0.0/8", "::1", "a'b"], "[https://a:8443, 10.0.0.0/8, '::1', 'a''b']"),
        (["ws://[::1]:80", "a:"], "['ws://[::1]:80', 'a:']"),
    ])
    func writesListsForTheFile(list: [String], text: String) {
        #expect(ValueSyntax.flow(list: list) == text)
    }
}
