//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Does one thing so many times, for dev/bench/instructions.py to count what that takes: cores NAME COUNT. Alone it lists the names.

let arguments = CommandLine.arguments.dropFirst()
if arguments.isEmpty {
    print(CoreBench.allCases.map(\.rawValue).joined(separator: "\n"))
} else if let bench = CoreBench(rawValue: arguments[1]), let count = arguments.last.flatMap({ Int($0) }) {
    try bench.run(count)
} else {
    throw Wrong(description: "usage: cores NAME COUNT")
}
