//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import nightjar

struct ProblemTextTests {
    @Test func startsALineForEachProblem() {
        #expect(ProblemText.text(["one", "two"]) == "nightjar: one\nnightjar: two\n")
        #expect(ProblemText.text([]).isEmpty)
    }

    @Test func keepsTheLinesOfAProblem() {
        #expect(ProblemText.text(["a.lua:1: no\n\n  > 1 | x\nin:"]) == "nightjar: a.lua:1: no\n\n  > 1 | x\nin:\n")
    }

    @Test func escapesOtherControlCharacters() {
        #expect(ProblemText.text(["\u{1b}[2J\na\r\nb\u{9b}"]) == "nightjar: \\x1b[2J\na\\r\\nb\\x9b\n")
    }
}
