//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The version of this build.
package enum NightjarVersion {
    package static let current = "0.1.0"
}
