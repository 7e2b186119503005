//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc
internal import NightjarServer

/// The configuration file as text.
package struct ConfigurationFile: Equatable {
    /// Where it is read from when nobody names another, if it exists.
    package static let defaultPath = "config/nightjar.yaml"

    /// The environment variable that names it.
    package static let variable = "NIGHTJAR_CONFIG"

    /// Bytes; far more than any configuration needs.
    package static let sizeLimit = 1024 * 1024

    package let path: String
    package let text: String

    package init(path: String, text: String) {
        self.path = path
        self.text = text
    }

    /// The file that `--config` names, else `NIGHTJAR_CONFIG`, else the default if there is one.
    ///
    /// - Throws: A named file is missing; or any is unreadable, larger than 1 MiB or not UTF-8.
    package static func find(
        argument: String?,
        environment: [String: String],
        default defaultPath: String = defaultPath
    ) throws(ConfigurationProblem) -> ConfigurationFile? {
        if let path = argument { return try file(at: path, namedBy: "--config") }
        if let path = environment[variable] { return try file(at: path, namedBy: variable) }
        return access(defaultPath, F_OK) == 0 ? try file(at: defaultPath, namedBy: nil) : nil
    }

    private static func file(at path: String, namedBy name: String?) throws(ConfigurationProblem) -> ConfigurationFile {
        let naming = name.map { " (named by \($0))" } ?? ""
        func problem(_ sentence: String) -> ConfigurationProblem {
            ConfigurationProblem(.file(path.isEmpty ? "``" : path, line: nil), sentence + naming)
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw problem("cannot be read: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }

        // One byte more than allowed, to see that there is one. No `fstat`: `--config <(…)` is a pipe.
        var bytes = [UInt8](repeating: 0, count: sizeLimit + 1)
        var size = 0
        while size < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress.map { $0 + size }, buffer.count - size)
            }
            if count == 0 { break }
            if count > 0 {
                size += count
            } else if errno != EINTR {
                throw problem("cannot be read: \(String(cString: strerror(errno)))")
            }
        }
        guard size <= sizeLimit else { throw problem("is larger than \(ValueSyntax.text(size: sizeLimit))") }
        guard let text = String(validating: bytes[..<size], as: UTF8.self) else { throw problem("is not UTF-8 text") }
        return ConfigurationFile(path: path, text: text)
    }
}
