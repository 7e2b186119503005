//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CLuaRuntime

/// SHA-256 (FIPS 180-4), as scripts have it.
package enum SHA256 {
    package static func digest(of bytes: some Collection<UInt8>) -> [UInt8] {
        let bytes = Array(bytes)
        return [UInt8](unsafeUninitializedCapacity: Int(NJ_SHA256_LENGTH)) { digest, count in
            bytes.withUnsafeBytes { bytes in
                guard let start = digest.baseAddress else { return }
                // An empty array may have no address, and C wants one.
                nj_sha256_of(bytes.baseAddress ?? UnsafeRawPointer(start), bytes.count, start)
            }
            count = digest.count
        }
    }
}
