//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// A value in the table that a script returned, which is no handler: a setting, if there is one with its key.
package struct ScriptSetting: Sendable, Equatable {
    package enum Value: Sendable, Equatable {
        case boolean(Bool)
        case integer(Int)
        case number(Double)
        case string(String)
        /// `{}`: a section or a list, without anything in it.
        case emptyTable
        /// What no setting can be, by what it is: `function`, `string that is not UTF-8`.
        case other(String)
    }

    /// The keys from the returned table to the value, joined by dots: `limits.message`.
    package var key: String

    /// The value's place in a list, from 1; nil when it is in none.
    package var index: Int?

    package var value: Value

    package init(key: String, index: Int? = nil, value: Value) {
        self.key = key
        self.index = index
        self.value = value
    }
}
