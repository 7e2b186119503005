//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import NightjarServer

/// One row of the schema: a key, what it may hold, where its value lives, and a sentence about it.
package struct Setting: Sendable {
    /// Where a value lives; the default is what stands there in a new configuration.
    package enum Field<Value: Sendable>: Sendable {
        /// One value for the whole process.
        case server(any WritableKeyPath<NightjarConfiguration, Value> & Sendable)

        /// A value that every route has, and that the file may override for one.
        case route(any WritableKeyPath<RouteConfiguration, Value> & Sendable)
    }

    /// What a value may be.
    package enum Kind: Sendable {
        /// At least one character.
        case string(Field<String>)
        /// The path of a file, or nothing.
        case file(Field<String>)
        case boolean(Field<Bool>)
        case integer(Field<Int>, ClosedRange<Int>)
        /// Bytes.
        case size(Field<Int>, ClosedRange<Int>)
        case duration(Field<Duration>, ClosedRange<Duration>)
        case choice(Choice)
        case admin(Field<AdminAddress>)
        case list(List)
    }

    /// One of a few names.
    package struct Choice: Sendable {
        package let names: [String]
        fileprivate let isPerRoute: Bool
        fileprivate let get: @Sendable (NightjarConfiguration, String?) -> String
        fileprivate let set: @Sendable (inout NightjarConfiguration, String?, String) -> Bool
    }

    /// The key in the file, its sections joined by dots: `limits.message`.
    package let key: String
    package let kind: Kind

    /// What it does, in one sentence.
    package let summary: String

    package init(_ key: String, _ kind: Kind, _ summary: String) {
        self.key = key
        self.kind = kind
        self.summary = summary
    }

    /// Whether the file may set it for one route.
    package var isPerRoute: Bool {
        switch kind {
        case .string(.route), .boolean(.route), .integer(.route, _), .size(.route, _), .duration(.route, _): true
        case .list(let list): if case .route = list.field { true } else { false }
        case .choice(let choice): choice.isPerRoute
        default: false
        }
    }

    /// The environment variable that sets it.
    package var variable: String {
        "NIGHTJAR_" + key.uppercased().replacing(".", with: "_")
    }

    /// What it accepts, in words.
    package var allowed: String {
        switch kind {
        case .string:
            "a text that is not empty"
        case .file:
            "the path of a file, or nothing"
        case .boolean:
            "`true` or `false`"
        case .integer(_, let range):
            "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .size(_, let range):
            "a size from \(ValueSyntax.text(size: range.lowerBound)) to \(ValueSyntax.text(size: range.upperBound))"
        case .duration(_, let range):
            "a time from \(ValueSyntax.text(duration: range.lowerBound)) to "
                + ValueSyntax.text(duration: range.upperBound)
        case .choice(let choice):
            "one of " + choice.names.map { "`\($0)`" }.joined(separator: ", ")
        case .admin:
            "`auto`, `off`, `unix:PATH`, or a loopback address and a port (it has no password, so none from outside)"
        case .list(let list):
            "a list of \(list.allowed)"
        }
    }

    /// What it accepts, with an example where that says more, to end a complaint with.
    package var hint: String {
        switch kind {
        case .boolean, .choice, .file: "it takes \(allowed)"
        case .admin: "it takes \(allowed), such as `127.0.0.1:9090`"
        case .list(let list): "it takes \(allowed), such as `\(list.example)`"
        default: "it takes \(allowed), such as `\(text(in: NightjarConfiguration()))`"
        }
    }

    /// The value in `configuration`, for the route named or for all, as it is written in arguments and variables.
    package func text(in configuration: NightjarConfiguration, route: String? = nil) -> String {
        switch kind {
        case .string(let field): configuration[field, route]
        case .file(let field): configuration[field, route]
        case .boolean(let field): configuration[field, route] ? "true" : "false"
        case .integer(let field, _): String(configuration[field, route])
        case .size(let field, _): ValueSyntax.text(size: configuration[field, route])
        case .duration(let field, _): ValueSyntax.text(duration: configuration[field, route])
        case .choice(let choice): choice.get(configuration, route)
        case .admin(let field): configuration[field, route].description
        case .list(let list): ValueSyntax.text(list: configuration[list.field, route])
        }
    }

    /// The value in `configuration` for all routes, as it is written in the file.
    package func fileText(in configuration: NightjarConfiguration) -> String {
        switch kind {
        case .list(let list): ValueSyntax.flow(list: configuration[list.field, nil])
        case .file(let field) where configuration[field, nil].isEmpty: "\"\""
        default: text(in: configuration)
        }
    }

    /// Why ``set(_:in:route:)`` refuses `text`, and what it takes.
    package func complaint(about text: String) -> String {
        if case .list(let list) = kind, let complaint = list.complaint(about: text) {
            complaint
        } else {
            "cannot be `\(ValueSyntax.shown(text))`: \(hint)"
        }
    }

    /// The value in `configuration`, for the route named or for all, if it is a size.
    package func bytes(in configuration: NightjarConfiguration, route: String?) -> Int? {
        if case .size(let field, _) = kind { configuration[field, route] } else { nil }
    }

    /// Sets the value that `text` means, for the route named or for all.
    ///
    /// - Returns: `false` when `text` is no such value or lies out of range; nothing is changed then.
    package func set(_ text: String, in configuration: inout NightjarConfiguration, route: String? = nil) -> Bool {
        func store<Value>(_ value: Value?, _ field: Field<Value>, if isAllowed: (Value) -> Bool) -> Bool {
            guard let value, isAllowed(value) else { return false }
            configuration[field, route] = value
            return true
        }
        return switch kind {
        case .string(let field): store(text, field) { !$0.isEmpty && !$0.contains("\0") }
        case .file(let field): store(text, field) { !$0.contains("\0") }
        case .boolean(let field): store(ValueSyntax.boolean(text), field) { _ in true }
        case .integer(let field, let range): store(ValueSyntax.integer(text), field, if: range.contains)
        case .size(let field, let range): store(ValueSyntax.size(text), field, if: range.contains)
        case .duration(let field, let range): store(ValueSyntax.duration(text), field, if: range.contains)
        case .choice(let choice): choice.set(&configuration, route, text)
        case .admin(let field): store(AdminAddress(text), field) { _ in true }
        case .list(let list):
            store(ValueSyntax.list(text), list.field) { _ in list.complaint(about: text) == nil }
        }
    }
}

extension Setting.Kind {
    /// A choice between the cases of an enumeration.
    static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ path: any WritableKeyPath<NightjarConfiguration, Value> & Sendable
    ) -> Setting.Kind {
        choice(.server(path), isPerRoute: false)
    }

    /// The same, of which a route may have its own.
    static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        route path: any WritableKeyPath<RouteConfiguration, Value> & Sendable
    ) -> Setting.Kind {
        choice(.route(path), isPerRoute: true)
    }

    private static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ field: Setting.Field<Value>,
        isPerRoute: Bool
    ) -> Setting.Kind {
        .choice(
            Setting.Choice(
                names: Value.allCases.map(\.rawValue),
                isPerRoute: isPerRoute,
                get: { $0[field, $1].rawValue },
                set: { configuration, route, name in
                    guard let value = Value(rawValue: name) else { return false }
                    configuration[field, route] = value
                    return true
                }
            )
        )
    }
}

extension NightjarConfiguration {
    /// The value at `field`: of the route named, if it can have one of its own, or of all.
    subscript<Value>(field: Setting.Field<Value>, route: String?) -> Value {
        get {
            switch field {
            case .server(let path): self[keyPath: path]
            case .route(let path): (route.flatMap { server.routes[$0] } ?? server.route)[keyPath: path]
            }
        }
        set {
            switch field {
            case .server(let path):
                self[keyPath: path] = newValue
            case .route(let path):
                if let route {
                    server.routes[route, default: server.route][keyPath: path] = newValue
                } else {
                    server.route[keyPath: path] = newValue
                }
            }
        }
    }
}
