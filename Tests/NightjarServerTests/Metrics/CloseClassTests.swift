//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing
import WebSocketCore

struct CloseClassTests {
    @Test(
        arguments: [
            (1000, "1000"), (1005, "1005"), (1006, "1006"), (1013, "1013"), (3000, "3xxx"), (3999, "3xxx"),
            (4000, "4xxx"),
            (4999, "4xxx"), (0, "other"), (1004, "other"), (2000, "other"), (5000, "other"),
        ] as [(UInt16, String)]
    )
    func putsEachCodeIntoOneClass(code: UInt16, label: String) {
        #expect(CloseClass(CloseCode(rawValue: code)).rawValue == label)
    }
}
