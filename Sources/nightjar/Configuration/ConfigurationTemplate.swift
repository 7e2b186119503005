//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NightjarServer

/// The commented configuration file, made from the schema.
package enum ConfigurationTemplate {
    /// Every key with its default, commented out.
    package static var text: String {
        let defaults = NightjarConfiguration()
        var lines = head
        var section = ""
        for setting in Schema.settings {
            let parts = setting.key.split(separator: ".").map(String.init)
            let indent = String(repeating: "  ", count: parts.count - 1)
            if parts.count > 1, parts[0] != section {
                lines += ["", "# \(parts[0]):"]
                section = parts[0]
            } else if parts.count == 1 {
                lines.append("")
            }
            lines.append("## \(indent)\(setting.summary)")
            lines.append("## \(indent)Takes \(setting.allowed)\(setting.isPerRoute ? "; also per route" : "").")
            lines.append("# \(indent)\(parts[parts.count - 1]): \(setting.fileText(in: defaults))")
        }
        return (lines + tail).joined(separator: "\n") + "\n"
    }

    private static let head = [
        "## The configuration of Nightjar, with every key and its default. To change one, remove the `# ` before it and",
        "## before the section that it stands in. Sizes take `KiB`, `MiB` and `GiB`; times are seconds, or take `ms`, `s`, `m`",
        "## and `h`. Environment variables go before this file (`limits.message` is `NIGHTJAR_LIMITS_MESSAGE`), and arguments",
        "## before those.",
    ]

    private static let tail = [
        "",
        "## What single routes have of their own, by the name of their script without `.lua`. It goes before what the script's",
        "## own table says, and that before the values above, wherever those come from.",
        "# routes:",
        "#   chat:",
        "#     path: /chat/:room",
        "#     limits:",
        "#       message: 16KiB",
        "#     keep_alive:",
        "#       interval: 10s",
    ]
}
