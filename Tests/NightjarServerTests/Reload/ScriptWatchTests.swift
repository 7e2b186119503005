//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct ScriptWatchTests {
    @Test func loadsWhatALookFindsAsTheOneBefore() {
        var watch = ScriptWatch(["a": 1])
        let looks = [["a": 1], ["a": 2], ["a": 3], ["a": 3], ["a": 3]].map { watch.look($0) }
        #expect(looks == [false, false, false, true, false])
    }

    @Test func newAndRemovedFilesAreChanges() {
        var watch = ScriptWatch(["a": 1])
        let looks = [["a": 1, "b": 1], ["a": 1, "b": 1], ["b": 1], ["b": 1]].map { watch.look($0) }
        #expect(looks == [false, true, false, true])
    }

    @Test func aChangeThatIsTakenBackIsNone() {
        var watch = ScriptWatch(["a": 1])
        let looks = [["a": 2], ["a": 1], ["a": 2], ["a": 1]].map { watch.look($0) }
        #expect(!looks.contains(true))
    }
}
