//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc

/// How much memory this process may use.
enum MemoryLimit {
    /// Bytes: the tightest of the control group's limit (version 2, then 1) and the machine's memory.
    static func bytes() -> Int {
        let machine = sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE))
        let group =
            Self.number(inFile: "/sys/fs/cgroup/memory.max")
            ?? Self.number(inFile: "/sys/fs/cgroup/memory/memory.limit_in_bytes")
        return min(machine, group ?? machine)
    }

    /// The number at the start of a file; nil when there is no such file, or a word such as `max`.
    private static func number(inFile path: String) -> Int? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [UInt8](repeating: 0, count: 32)
        let count = fread(&line, 1, line.count, file)
        let digits = line.prefix(count).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}
