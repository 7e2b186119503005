//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct PublicIDTests {
    private func read(_ text: String) -> PublicID? {
        Array(text.utf8).withUnsafeBytes { PublicID($0) }
    }

    @Test func isWrittenAs22LettersAndDigitsAndReadBack() {
        var seen: Set<PublicID> = []
        for _ in 0..<1000 {
            let id = PublicID()
            #expect(id.description.utf8.count == 22)
            #expect(id.description.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
            #expect(self.read(id.description) == id)
            seen.insert(id)
        }
        #expect(seen.count == 1000)
    }

    @Test(arguments: [
        "", "000000000000000000000", "00000000000000000000000", "000000000000000000000-", "zzzzzzzzzzzzzzzzzzzzzz",
        "7n42DGM5Tflk9n8mt7Fhc8", "é00000000000000000000",
    ])
    func refusesWhatItWouldNotWrite(text: String) {
        #expect(self.read(text) == nil)
    }

    @Test func readsTheLargest() {
        #expect(self.read("7n42DGM5Tflk9n8mt7Fhc7")?.description == "7n42DGM5Tflk9n8mt7Fhc7")
    }
}
