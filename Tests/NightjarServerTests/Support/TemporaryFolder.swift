//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Glibc

/// A folder that goes with the value.
final class TemporaryFolder {
    struct Failure: Error {
        let errno: CInt
    }

    let path: String

    init() throws(Failure) {
        var template = Array("/tmp/nightjar-tests-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(errno: Glibc.errno) }
        self.path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        if let folder = opendir(self.path) {
            while let entry = readdir(folder) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                unlink("\(self.path)/\(name)")
            }
            closedir(folder)
        }
        rmdir(self.path)
    }

    /// Writes a file in place and gives back its path.
    func write(_ name: String, _ text: String) throws(Failure) -> String {
        let path = "\(self.path)/\(name)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure(errno: Glibc.errno) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { throw Failure(errno: Glibc.errno) }
        return path
    }
}
