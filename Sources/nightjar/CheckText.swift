//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NightjarServer

/// What `nightjar check` prints, as compilers print it: editors and CI find `file:line:column: error: message`.
package enum CheckText {
    /// Every problem with its place, then how many there are.
    ///
    /// - Parameters:
    ///   - scripts: the scripts folder as it was given.
    ///   - current: the current folder, from which the places are seen.
    ///   - configuration: names the places of settings for routes that are not there.
    package static func problems(
        _ report: ScriptCheck.Report,
        scripts: String,
        current: String,
        configuration: NightjarConfiguration
    ) -> String {
        let folder = prefix(of: scripts, from: current)
        var files: Set<String> = []
        var text = ""
        for problem in report.problems {
            switch problem {
            case .script(let diagnosis):
                files.insert(diagnosis.file)
                text += printed(diagnosis.text(folder: folder, severity: "error: "))
            case .unknownRoute(let name, let routes):
                text += self.text(configuration.unknownRoute(name, among: routes))
            case .misconfigured(let place, let sentence):
                text += printed("\(place): error: \(sentence)")
            case .other(let sentence):
                text += printed("error: \(sentence)")
            }
        }
        let scripts = count(report.scriptCount, "script")
        return text + "\(count(report.problems.count, "error")) in \(scripts)\n"
    }

    /// One thing that is wrong with the configuration, with its place.
    package static func text(_ problem: ConfigurationProblem) -> String {
        printed("\(problem.place): error: \(problem.sentence)")
    }

    /// What is said when nothing is wrong.
    package static func success(_ report: ScriptCheck.Report) -> String {
        "\(count(report.scriptCount, "script")), \(count(report.routeCount, "route")): no errors\n"
    }

    /// What leads from the current folder to a script: `scripts/`, or nothing.
    package static func prefix(of scripts: String, from current: String) -> String {
        var path = scripts[...]
        if path.hasPrefix(current + "/") { path = path.dropFirst(current.count + 1) }
        while path.hasPrefix("./") { path = path.dropFirst(2) }
        while path.hasSuffix("/"), path != "/" { path = path.dropLast() }
        return path.isEmpty || path == "." || scripts == current ? "" : path == "/" ? "/" : "\(path)/"
    }

    private static func printed(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.map { LogEscape.escaped(String($0)) }.joined(separator: "\n") + "\n"
    }

    private static func count(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}
