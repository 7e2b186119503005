//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import WebSocketCore

/// The close codes that scripts see, as the values of a metric's label: applications' own codes count by thousands.
package enum CloseClass: String, CaseIterable, Sendable {
    case normal = "1000"
    case goingAway = "1001"
    case protocolError = "1002"
    case unsupportedData = "1003"
    case noStatus = "1005"
    case abnormal = "1006"
    case invalidPayload = "1007"
    case policyViolation = "1008"
    case messageTooBig = "1009"
    case mandatoryExtension = "1010"
    case internalError = "1011"
    case serviceRestart = "1012"
    case tryAgainLater = "1013"
    case badGateway = "1014"
    case libraries = "3xxx"
    case applications = "4xxx"
    case other

    package init(_ code: CloseCode) {
        switch code.rawValue {
        case 3000...3999: self = .libraries
        case 4000...4999: self = .applications
        default: self = CloseClass(rawValue: String(code.rawValue)) ?? .other
        }
    }
}
