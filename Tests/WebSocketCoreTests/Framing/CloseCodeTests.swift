//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Testing
import WebSocketCore

struct CloseCodeTests {
    @Test func allowsTheRegisteredAndTheFreeOnes() {
        var allowed: Set<UInt16> = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
        for code in 3000..<5000 { allowed.insert(UInt16(code)) }
        let found = Set((UInt16.min ... .max).filter { CloseCode(rawValue: $0).isAllowedOnWire })
        #expect(found == allowed)
    }

    @Test func hasTheRegistrysNumbers() {
        let codes: [CloseCode] = [
            .normal, .goingAway, .protocolError, .unsupportedData, .noStatus, .abnormal, .invalidPayload,
            .policyViolation, .messageTooBig, .mandatoryExtension, .internalError, .serviceRestart, .tryAgainLater,
            .badGateway,
        ]
        #expect(codes.map(\.rawValue) == [1000, 1001, 1002, 1003] + Array(1005...1014))
    }
}
