//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

/// The name that was probably meant.
package enum Nearest {
    /// The one of `names` that takes the fewest edits to become `name`, if that is at most one in three characters.
    package static func name(to name: String, among names: [String]) -> String? {
        let candidates = names.map { (name: $0, edits: edits(Array(name), Array($0))) }
        let near = candidates.filter { $0.edits <= (max(name.count, $0.name.count) + 2) / 3 }
        return near.min { $0.edits < $1.edits }?.name
    }

    /// Insertions, deletions, replacements and swaps of neighbours that make `a` of `b` (optimal string alignment).
    private static func edits(_ a: [Character], _ b: [Character]) -> Int {
        // What somebody typed may be of any length, names are short.
        if abs(a.count - b.count) > b.count { return .max }
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
