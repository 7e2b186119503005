//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import NightjarServer
internal import Yams

extension GivenValues {
    /// An alias stands for what its anchor holds, so a few lines of them can mean more than memory holds.
    private static let aliasLimit = 16

    /// A YAML file: its tree is walked against the schema, which must know every key.
    package init(file: ConfigurationFile) {
        self.init()
        // Comparing the keys of a mapping follows aliases, so they are counted before there is a tree.
        guard Self.countAliases(in: file.text) <= Self.aliasLimit else {
            report(Self.noAliases, at: .file(file.path, line: nil))
            return
        }
        do {
            // A node holds its anchor weakly; the parser keeps it.
            try withExtendedLifetime(Yams.Parser(yaml: file.text)) { parser in
                switch try parser.singleRoot() {
                case .mapping(let mapping):
                    walk(mapping, below: "", of: nil, in: file)
                case let node? where !Self.isNull(node):
                    report("this is no list of `key: value` lines", at: Self.place(of: node, in: file))
                default:
                    // Nothing but comments.
                    break
                }
            }
        } catch {
            report(error, in: file)
        }
    }

    private static let noAliases = "anchors and aliases (`&name`, `*name`) are not supported"

    /// How many stars may begin an alias: none in a comment, and none right behind a quote or a slash, as in
    /// `"*.example.com"` and `/files/*`.
    private static func countAliases(in text: String) -> Int {
        text.utf8.split(separator: UInt8(ascii: "\n")).reduce(0) { sum, line in
            let isComment = line.first { $0 != UInt8(ascii: " ") } == UInt8(ascii: "#")
            guard !isComment else { return sum }
            var previous = UInt8(ascii: " ")
            return line.reduce(sum) { sum, byte in
                defer { previous = byte }
                let isInside = "\"'/".utf8.contains(previous)
                return byte == UInt8(ascii: "*") && !isInside ? sum + 1 : sum
            }
        }
    }

    private static func place(of node: Node, in file: ConfigurationFile) -> ConfigurationProblem.Place {
        .file(file.path, line: node.mark?.line)
    }

    private static func isNull(_ node: Node) -> Bool {
        node.scalar != nil && node.tag == Tag(.null)
    }

    /// Takes every value of a section: `prefix` is its key, empty at the top.
    private mutating func walk(
        _ mapping: Node.Mapping,
        below prefix: String,
        of route: String?,
        in file: ConfigurationFile
    ) {
        let table = Self.table(of: route)
        for (keyNode, value) in mapping {
            let place = Self.place(of: keyNode, in: file)
            guard let name = keyNode.scalar?.string else {
                report("a key must be a plain word", at: place)
                continue
            }
            guard keyNode.anchor == nil, value.anchor == nil else {
                report(Self.noAliases, at: place)
                continue
            }
            let key = prefix.isEmpty ? name : "\(prefix).\(name)"
            if name.contains(".") {
                // Or one value could be given twice, dotted and nested.
                report(Self.unknown(name, below: prefix, of: route), at: place)
            } else if key == Schema.routes, route == nil {
                walkSection(value, called: key, at: place) { $0.walkRoutes($1, in: file) }
            } else if table.isSection(key) {
                walkSection(value, called: Self.path(key, of: route), at: place) {
                    $0.walk($1, below: key, of: route, in: file)
                }
            } else if let setting = table[key] {
                walkValue(value, of: setting, for: route, at: place, in: file)
            } else if let misplaced = Self.misplaced(key, of: route) {
                report(misplaced, at: place)
            } else {
                report(Self.unknown(name, below: prefix, of: route), at: place)
            }
        }
    }

    private mutating func walkSection(
        _ node: Node,
        called key: String,
        at place: ConfigurationProblem.Place,
        _ walk: (inout GivenValues, Node.Mapping) -> Void
    ) {
        if case .mapping(let mapping) = node {
            walk(&self, mapping)
        } else if !Self.isNull(node) {
            report("`\(key)` is a section: its keys go on lines of their own below it, indented", at: place)
        }
    }

    private mutating func walkRoutes(_ routes: Node.Mapping, in file: ConfigurationFile) {
        for (nameNode, value) in routes {
            let place = Self.place(of: nameNode, in: file)
            guard nameNode.anchor == nil, value.anchor == nil else {
                report(Self.noAliases, at: place)
                continue
            }
            guard let name = nameNode.scalar?.string else {
                report("a route is named by its script without `.lua`, such as `chat`", at: place)
                continue
            }
            guard !name.isEmpty, !name.hasPrefix("/"), !name.hasSuffix(".lua") else {
                report("`\(name)` is no route: it is named by its script without `.lua`, such as `chat`", at: place)
                continue
            }
            take(route: name, at: place)
            walkSection(value, called: Self.path("", of: name), at: place) {
                $0.walk($1, below: "", of: name, in: file)
            }
        }
    }

    private mutating func walkValue(
        _ node: Node,
        of setting: Setting<NightjarConfiguration>,
        for route: String?,
        at place: ConfigurationProblem.Place,
        in file: ConfigurationFile
    ) {
        let name = Self.path(setting.key, of: route)
        if case .list(let list) = setting.kind, case .sequence(let sequence) = node {
            guard let elements = elements(of: sequence, called: name, checkedBy: list, in: file) else { return }
            return take(ValueSyntax.text(list: elements), for: setting, of: route, called: name, at: place)
        }
        guard case .scalar(let scalar) = node, !Self.isNull(node) else {
            let isList = if case .list = setting.kind { true } else { false }
            let form = isList ? "holds a list, no section" : "holds one value, no list or section"
            let what = Self.isNull(node) ? "has no value" : form
            return report("`\(name)` \(what): \(setting.hint)", at: place)
        }
        take(scalar.string, for: setting, of: route, called: name, at: place)
    }

    /// The elements of a list; nil when one of them is wrong, which is reported at its own line.
    ///
    /// An element is taken as it is written: `null` is a word here.
    private mutating func elements(
        of sequence: Node.Sequence,
        called name: String,
        checkedBy list: Setting<NightjarConfiguration>.List,
        in file: ConfigurationFile
    ) -> [String]? {
        let problemCount = problems.count
        var elements: [String] = []
        for node in sequence {
            let place = Self.place(of: node, in: file)
            if node.anchor != nil {
                report(Self.noAliases, at: place)
            } else if let scalar = node.scalar {
                let element = ValueSyntax.trimmed(scalar.string)
                elements.append(element)
                if let complaint = list.complaint(aboutElement: element) { report("`\(name)` \(complaint)", at: place) }
            } else {
                report("`\(name)` is a list of single values: it holds no list or section inside", at: place)
            }
        }
        return problems.count == problemCount ? elements : nil
    }

    /// Where `key` stands in the file: from the top, also for a key of a route.
    private static func path(_ key: String, of route: String?) -> String {
        guard let route else { return key }
        return key.isEmpty ? "\(Schema.routes).\(route)" : "\(Schema.routes).\(route).\(key)"
    }

    /// What may stand at the top, or in the section of a route.
    private static func table(of route: String?) -> SettingTable<NightjarConfiguration> {
        route == nil ? Schema.table : Schema.routeTable
    }

    /// Why a right key cannot stand where it does; nil when it is none.
    private static func misplaced(_ key: String, of route: String?) -> String? {
        if route != nil, Schema.table[key] != nil {
            "`\(path(key, of: route))` holds for the whole server and cannot be set for one route"
        } else if route == nil, Schema.routeTable[key] != nil {
            "`\(key)` belongs to one route: set it below `\(Schema.routes)`, as `\(path(key, of: "chat"))`"
        } else {
            nil
        }
    }

    private static func unknown(_ name: String, below prefix: String, of route: String?) -> String {
        let table = table(of: route)
        let names = table.names(below: prefix) + (prefix.isEmpty && route == nil ? [Schema.routes] : [])
        let key = path(prefix.isEmpty ? name : "\(prefix).\(name)", of: route)
        if name.contains("."), let setting = Schema.setting(name) {
            let parts = setting.key.split(separator: ".")
            return "unknown key `\(key)`: write `\(parts[1])` on a line of its own below `\(parts[0]):`, indented"
        }
        if let nearest = Nearest.name(to: name, among: names) {
            return "unknown key `\(key)`: did you mean `\(nearest)`?"
        }
        // A right key in the wrong section.
        if let meant = table.key(endingIn: name) {
            return "unknown key `\(key)`: did you mean `\(path(meant, of: route))`?"
        }
        return "unknown key `\(key)`: the keys here are \(names.map { "`\($0)`" }.joined(separator: ", "))"
    }

    private mutating func report(_ error: any Error, in file: ConfigurationFile) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _),
            .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            // `[*.example.com]` is an alias to YAML.
            let hint = problem.contains("alias") ? "; a text that begins with `*` stands in quotes" : ""
            report("no valid YAML in column \(mark.column): \(problem)\(hint)", at: .file(file.path, line: mark.line))
        case .duplicatedKeysInMapping(let names, let context):
            let keys = names.map { "`\($0)`" }.joined(separator: ", ")
            report("\(keys) is given twice, first here", at: .file(file.path, line: context.mark.line))
        case .reader(let problem, let offset, _, _):
            let line = offset.map { file.text.prefix($0).count { $0.isNewline } + 1 }
            report("no valid YAML: \(problem)", at: .file(file.path, line: line))
        default:
            report("no valid YAML: \(error)", at: .file(file.path, line: nil))
        }
    }
}
