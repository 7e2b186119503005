//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// What became of a version of a script that was to serve.
package enum ReloadResult: String, CaseIterable, Sendable {
    case committed

    /// The version before serves on.
    case refused

    /// The version before serves again.
    case rolledBack = "rolled_back"
}
