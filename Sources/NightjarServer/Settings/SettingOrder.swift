//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Two sizes of which one must not exceed the other.
package struct SettingOrder: Sendable {
    package let lesser: String
    package let greater: String

    /// Why, after a colon.
    package let reason: String

    /// Every one that there is, of routes and of the server as a whole.
    package static let all = [
        SettingOrder(
            lesser: "limits.buffered_soft",
            greater: "limits.buffered",
            reason: "reading pauses at the first and the connection is closed at the second"
        ),
        SettingOrder(
            lesser: "limits.queue_bytes",
            greater: "limits.script_queue",
            reason: "what waits for one connection waits for the script too"
        ),
        SettingOrder(
            lesser: "limits.message",
            greater: "limits.script_queue",
            reason: "a message waits for the script as a whole"
        ),
        SettingOrder(
            lesser: "limits.message",
            greater: "limits.memory",
            reason: "a message must fit into the script's memory"
        ),
        SettingOrder(
            lesser: "limits.buffered",
            greater: "limits.total",
            reason: "one connection must not hold more than all of them together"
        ),
    ]

    /// What is wrong when the sizes are those that `bytes` finds by their keys; nil when nothing is.
    ///
    /// - Parameter place: where a key's value was given, empty when that need not be said.
    package func complaint(bytes: (String) -> Int?, place: (String) -> String) -> String? {
        guard let least = bytes(self.lesser), let most = bytes(self.greater) else { return nil }
        // 0 stands for a size that is worked out at start.
        guard least > most, most > 0 else { return nil }
        func described(_ key: String) -> String {
            let place = place(key)
            return place.isEmpty ? "" : " (\(place))"
        }
        return "`\(self.lesser)` is \(ValueSyntax.text(size: least))\(described(self.lesser)), "
            + "more than `\(self.greater)`, which is \(ValueSyntax.text(size: most))\(described(self.greater)): "
            + self.reason
    }
}
