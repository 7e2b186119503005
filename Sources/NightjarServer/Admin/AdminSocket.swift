//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc

/// The Unix socket that only this process's user may use.
enum AdminSocket {
    /// Why there is none: one sentence that says what to do.
    struct Problem: Error {
        let sentence: String
    }

    /// The path for `auto`: in the user's runtime folder, else below `/tmp`.
    ///
    /// - Parameters:
    ///   - name: what tells this server from the user's others, such as its port.
    ///   - runtimeFolder: the value of `XDG_RUNTIME_DIR`, if there is one.
    static func automaticPath(name: String, runtimeFolder: String?) -> String {
        var status = stat()
        if let runtimeFolder, runtimeFolder.hasPrefix("/"), stat(runtimeFolder, &status) == 0 {
            return "\(runtimeFolder)/nightjar/admin-\(name).sock"
        }
        return "/tmp/nightjar-\(getuid())/admin-\(name).sock"
    }

    /// Makes the folder if it is missing, and binds.
    ///
    /// - Parameter isPrivate: whether the folder is ours alone, and is refused if others can write to it.
    /// - Returns: the file, and the descriptor, which is the caller's and does not listen yet.
    static func bind(at path: String, isPrivate: Bool) throws(Problem) -> (UnixSocketFile, descriptor: CInt) {
        guard path.utf8.count <= ListenAddress.longestPath else {
            let limit = ListenAddress.longestPath
            throw Problem(sentence: "the path \(path) is longer than the \(limit) bytes that a Unix socket's may have")
        }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try self.prepareFolder(String(path[..<slash]), isPrivate: isPrivate)
        }
        do throws(UnixSocketFile.Failure) {
            return try UnixSocketFile.bind(at: path, mode: 0o600)
        } catch {
            switch error {
            case .taken(let sentence): throw Problem(sentence: sentence)
            case .system(let code): throw Problem(sentence: Self.reason("\(path) cannot be bound", code))
            }
        }
    }

    private static func prepareFolder(_ folder: String, isPrivate: Bool) throws(Problem) {
        guard mkdir(folder, 0o700) != 0 else { return }
        guard errno == EEXIST else {
            throw Problem(sentence: Self.reason("the folder \(folder) cannot be made", errno))
        }
        guard isPrivate else { return }
        var status = stat()
        guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid(),
            status.st_mode & 0o077 == 0
        else {
            throw Problem(sentence: "\(folder) must be a folder of this user that nobody else may enter: chmod 700 it")
        }
    }

    private static func reason(_ sentence: String, _ code: CInt) -> String {
        "\(sentence): \(String(cString: strerror(code)))"
    }
}
