//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Configuration
package import NightjarServer

/// What one source (arguments, environment, file) gives, checked against the schema value by value.
package struct GivenValues {
    /// A value that its setting accepts.
    package struct Value {
        package let setting: Setting<NightjarConfiguration>
        package let route: String?
        package let text: String
        package let place: ConfigurationProblem.Place
    }

    package private(set) var values: [Value] = []

    /// Where each route that has a section is named, empty sections too.
    package private(set) var routes: [String: ConfigurationProblem.Place] = [:]

    package private(set) var problems: [ConfigurationProblem] = []

    package init() {}

    /// Options of the command line: the texts given, by key.
    package init(arguments: [String: String]) {
        for setting in Schema.settings {
            guard let text = arguments[setting.key] else { continue }
            let name = setting.key == "scripts" ? "FOLDER" : "--" + setting.key.replacing(".", with: "-")
            take(text, for: setting, at: .argument(name))
        }
    }

    /// Environment variables: those that begin with `NIGHTJAR_`, which must all be known.
    ///
    /// `NIGHTJAR_CONFIG` names the file and is no setting.
    package init(environment: [String: String]) {
        let variables = Schema.settings.map(\.variable) + [ConfigurationFile.variable]
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("NIGHTJAR_") {
            if let setting = Schema.settings.first(where: { $0.variable == name }) {
                take(text, for: setting, at: .environment(name))
            } else if name != ConfigurationFile.variable {
                let stems = variables.map { String($0.dropFirst("NIGHTJAR_".count)) }
                let nearest = Nearest.name(to: String(name.dropFirst("NIGHTJAR_".count)), among: stems)
                let hint = nearest.map { "did you mean `NIGHTJAR_\($0)`?" } ?? "no setting has this name"
                report("unknown variable: \(hint)", at: .environment(name))
            }
        }
    }

    /// What holds where nobody gives anything.
    static var defaults: GivenValues {
        let configuration = NightjarConfiguration()
        return GivenValues(
            arguments: Dictionary(uniqueKeysWithValues: Schema.settings.map { ($0.key, $0.text(in: configuration)) })
        )
    }

    /// The values that hold for all routes, for the reader.
    var provider: InMemoryProvider {
        let texts = values.filter { $0.route == nil }.map { value in
            (AbsoluteConfigKey(ConfigKey(value.setting.key)), ConfigValue(.string(value.text), isSecret: false))
        }
        return InMemoryProvider(values: Dictionary(texts) { $1 })
    }

    /// Keeps `text`, or reports why it cannot be the value of `setting`.
    ///
    /// - Parameter name: The key as it stands at `place`, where that does not name it already.
    mutating func take(
        _ text: String,
        for setting: Setting<NightjarConfiguration>,
        of route: String? = nil,
        called name: String? = nil,
        at place: ConfigurationProblem.Place
    ) {
        var scratch = NightjarConfiguration()
        if setting.set(text, in: &scratch) {
            values.append(Value(setting: setting, route: route, text: text, place: place))
        } else {
            report((name.map { "`\($0)` " } ?? "") + setting.complaint(about: text), at: place)
        }
    }

    mutating func take(route: String, at place: ConfigurationProblem.Place) {
        routes[route] = place
    }

    mutating func report(_ sentence: String, at place: ConfigurationProblem.Place) {
        problems.append(ConfigurationProblem(place, sentence))
    }
}
