//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What holds for one route: the defaults, before them what the configuration says for all routes, before that the
/// script's own table, and before that what the configuration says for this route.
extension ServerConfiguration {
    /// - Parameters:
    ///   - name: the script without `.lua`.
    ///   - own: what the script's table says; nothing as long as it is not known.
    package func configuration(ofRoute name: String, own: [GivenSetting] = []) -> RouteConfiguration {
        self.route.with(own).with(self.routes[name] ?? [])
    }

    /// The sizes of a route that contradict each other, with the places of both.
    ///
    /// What is wrong for all routes is no matter of one.
    ///
    /// - Parameter source: the script's text, for an excerpt.
    package func contradictions(
        ofRoute name: String,
        own: [GivenSetting],
        source: [UInt8]? = nil
    ) -> [ServerStartError.Problem] {
        let configuration = self.configuration(ofRoute: name, own: own)
        let overriding = self.routes[name] ?? []
        func place(of key: String) -> String {
            (overriding.last { $0.key == key } ?? own.last { $0.key == key })?.place
                ?? self.routePlaces[key] ?? "by default"
        }
        func bytes(of key: String) -> Int? {
            key == "limits.total" ? self.bufferedTotal : RouteSettings.table[key]?.bytes(in: configuration)
        }
        return SettingOrder.all.compactMap { order in
            guard let complaint = order.complaint(bytes: bytes(of:), place: place(of:)) else { return nil }
            let keys = [order.lesser, order.greater]
            if let culprit = overriding.first(where: { keys.contains($0.key) }) {
                return .misconfigured(place: culprit.place, complaint)
            }
            guard let culprit = own.first(where: { keys.contains($0.key) }) else { return nil }
            var diagnosis = Diagnosis(
                setting: ScriptSettings.Problem(key: culprit.key, sentence: ""),
                file: culprit.place,
                source: source
            )
            // It names both settings.
            diagnosis.message = complaint
            return .script(diagnosis)
        }
    }
}
