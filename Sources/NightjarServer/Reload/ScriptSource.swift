//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime

/// What a version of a script is made of: its own text and that of each module that it loads.
package struct ScriptSource: Sendable {
    package var script: Script

    /// The modules that it has asked for, by file; nil for one that was not there.
    package var modules: [String: [UInt8]?]

    package init(_ script: Script, modules: [String: [UInt8]?] = [:]) {
        self.script = script
        self.modules = modules
    }

    /// Whether both are the same texts.
    package func isSame(as other: ScriptSource) -> Bool {
        self.script.source == other.script.source && self.modules == other.modules
    }

    /// The files below the scripts folder that it is made of.
    package var files: [String] { [self.script.name] + self.modules.keys }

    /// A module as it was, for a version that begins once more.
    package func module(named name: String) -> ModuleSource {
        guard let text = self.modules[ScriptFolder.file(ofModule: name)] ?? nil else {
            return .missing("it was not there when this version began")
        }
        return .found(text)
    }
}
