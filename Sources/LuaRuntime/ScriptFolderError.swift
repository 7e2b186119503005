//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// Why the scripts folder or a file of it cannot be used; the description is a sentence for the operator.
package enum ScriptFolderError: Error, Sendable, Equatable {
    case missingFolder(path: String, reason: String)
    case unreadable(file: String, reason: String)
    case outside(file: String)
    case notRegular(file: String)
    case tooLarge(file: String, limit: Int)
}

extension ScriptFolderError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missingFolder(let path, let reason):
            "the scripts folder '\(path)' cannot be read (\(reason)): make it, or name another one"
        case .unreadable(let file, let reason):
            "'\(file)' cannot be read (\(reason))"
        case .outside(let file):
            "'\(file)' leads out of the scripts folder"
        case .notRegular(let file):
            "'\(file)' is not a regular file"
        case .tooLarge(let file, let limit):
            "'\(file)' is larger than \(limit) bytes"
        }
    }
}
