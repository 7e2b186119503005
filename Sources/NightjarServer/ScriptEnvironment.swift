//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
package import LuaRuntime

/// What scripts may see of the environment of the process: the variables whose names the operator has listed.
package struct ScriptEnvironment: Sendable {
    private let names: Set<String>

    package init(_ names: [String]) {
        self.names = Set(names)
    }

    package func value(of name: String) -> EnvironmentValue {
        guard self.names.contains(name) else { return .refused }
        // Nothing in this process changes its environment.
        guard let value = getenv(name) else { return .unset }
        return .set(String(cString: value))
    }
}
