//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import FuzzProperties

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

// FUZZ_TARGET=frames fuzz [OPTION ...] CORPUS ...: libFuzzer's main program with one property. An input for which it does
// not hold ends the program, and libFuzzer keeps it. The target is no argument, because libFuzzer starts itself anew with
// arguments of its own.

private let target: FuzzTarget = {
    guard let name = getenv("FUZZ_TARGET"), let target = FuzzTarget(rawValue: String(cString: name)) else {
        fatalError("FUZZ_TARGET is one of \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do throws(PropertyFailure) {
        try target.check(UnsafeRawBufferPointer(start: bytes, count: count))
    } catch {
        fatalError("\(target.rawValue): \(error)")
    }
    return 0
}
