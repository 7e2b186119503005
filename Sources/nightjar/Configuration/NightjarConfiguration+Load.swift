//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Configuration
internal import NightjarServer

extension NightjarConfiguration {
    /// Reads the configuration: arguments before the environment, that before the file, that before the defaults.
    ///
    /// - Parameters:
    ///   - arguments: The texts given on the command line, by key.
    ///   - environment: The environment of the process.
    ///   - file: The configuration file, if there is one.
    /// - Throws: All that is wrong, at once.
    package static func load(
        arguments: [String: String],
        environment: [String: String],
        file: ConfigurationFile?
    ) throws(ConfigurationError) -> NightjarConfiguration {
        let given = (
            arguments: GivenValues(arguments: arguments),
            environment: GivenValues(environment: environment),
            file: file.map { GivenValues(file: $0) } ?? GivenValues()
        )
        var problems = given.arguments.problems + given.environment.problems + given.file.problems
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }

        var configuration = NightjarConfiguration()
        // The file goes in as what was checked of it: the YAML provider would read it a second time, and refuses one
        // that holds nothing but comments.
        let reader = ConfigReader(providers: [
            given.arguments.provider,
            EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "nightjar"),
            given.file.provider,
            GivenValues.defaults.provider,
        ])
        for setting in Schema.settings {
            // The accessors that take a default would hide a bad value; this one throws.
            guard let text = try? reader.requiredString(forKey: ConfigKey(setting.key)),
                setting.set(text, in: &configuration)
            else {
                problems.append(ConfigurationProblem(.argument(setting.key), "cannot be read"))
                continue
            }
        }
        for value in given.file.values {
            guard let route = value.route else { continue }
            configuration.server.routes[route, default: []].append(
                GivenSetting(key: value.setting.key, text: value.text, place: value.place.description)
            )
        }
        configuration.routePlaces = given.file.routes
        for route in given.file.routes.keys where configuration.server.routes[route] == nil {
            // An empty section changes nothing, but its route must exist.
            configuration.server.routes[route] = []
        }

        let values = given.arguments.values + given.environment.values + given.file.values
        for value in values.reversed() where value.route == nil {
            configuration.server.routePlaces[value.setting.key] = value.place.description
        }
        problems += configuration.disorders(among: values)
        if !configuration.server.listen.isEmpty {
            problems += values.filter { ["host", "port"].contains($0.setting.key) }.map {
                ConfigurationProblem($0.place, "`\($0.setting.key)` and `listen` are both given: remove one of them")
            }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        return configuration
    }

    /// The pairs of sizes that contradict each other for all routes, each at the place that set one of them; those of single
    /// routes are seen when their scripts have said what they want.
    private func disorders(among values: [GivenValues.Value]) -> [ConfigurationProblem] {
        SettingOrder.all.compactMap { order in
            let keys = [order.lesser, order.greater]
            let culprit = values.first { $0.route == nil && keys.contains($0.setting.key) }?.place
            let complaint = order.complaint(
                bytes: { Schema.setting($0)?.bytes(in: self) },
                place: { key in
                    let place = server.routePlaces[key] ?? ""
                    return place == culprit?.description ? "" : place
                }
            )
            return complaint.map { ConfigurationProblem(culprit ?? .argument("configuration"), $0) }
        }
    }
}
