//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import LuaRuntime
import NightjarServer
import Testing

struct ScriptEnvironmentTests {
    @Test func tellsOnlyWhatIsListed() throws {
        let environment = ScriptEnvironment(["PATH", "NIGHTJAR_TESTS_HAVE_NO_SUCH_VARIABLE"])
        #expect(environment.value(of: "PATH") == .set(try #require(ProcessInfo.processInfo.environment["PATH"])))
        #expect(environment.value(of: "NIGHTJAR_TESTS_HAVE_NO_SUCH_VARIABLE") == .unset)
        #expect(environment.value(of: "HOME") == .refused)
        #expect(environment.value(of: "path") == .refused)
        #expect(environment.value(of: "") == .refused)
    }
}
