//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing
import WebSocketCore

struct LimitTests {
    @Test func hasALabelOfItsOwn() {
        #expect(Set(Limit.allCases.map(\.label)).count == Limit.allCases.count)
    }

    @Test(
        arguments: [
            (.messageTooBig(limit: 1), .message), (.tooManyFragments(limit: 1), .fragments),
            (.messageTooSlow(limit: .seconds(1)), .messageTime), (.tooManyControlFrames(limit: 1), .controlFrames),
            (.tooManyMessages(limit: 1), .rate), (.inflaterUnavailable, .inflaterMemory),
            (.unmaskedFrame, nil), (.textNotUTF8, nil),
        ] as [(ProtocolViolation, Limit?)]
    )
    func knowsTheLimitsAmongViolations(violation: ProtocolViolation, limit: Limit?) {
        #expect(violation.limit == limit)
        // Each is counted in one place.
        #expect((ViolationKind(violation) == nil) == (limit != nil))
        if let limit {
            #expect(limit.outcome == .close(violation.closeCode))
        }
    }
}
