//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import FuzzProperties
import Testing

/// What the fuzzer found worth keeping, and what once failed, goes through the same properties again.
struct ReplayTests {
    private static let root = URL(filePath: #filePath).appending(path: "../../../Fuzz").standardizedFileURL

    @Test(arguments: FuzzTarget.allCases)
    func theCorpusHolds(target: FuzzTarget) throws {
        #expect(try replay("corpus", target) > 10, "the corpus is there")
    }

    @Test(arguments: FuzzTarget.allCases)
    func whatOnceFailedHolds(target: FuzzTarget) throws {
        _ = try replay("failures", target)
    }

    /// The number of inputs in the folder, which may be missing.
    private func replay(_ folder: String, _ target: FuzzTarget) throws -> Int {
        let path = Self.root.appending(path: folder).appending(path: target.rawValue).path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        for name in names {
            let input = try Array(Data(contentsOf: URL(filePath: path).appending(path: name)))
            #expect(throws: Never.self, "\(folder)/\(target.rawValue)/\(name)") { try target.check(input) }
        }
        return names.count
    }
}
