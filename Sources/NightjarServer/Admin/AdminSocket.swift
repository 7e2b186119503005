//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc

/// The file of a Unix socket that only this process's user may use.
struct AdminSocket {
    /// Why there is none: one sentence that says what to do.
    struct Problem: Error {
        let sentence: String
    }

    let path: String
    private let inode: ino_t

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

    /// Makes the folder if it is missing, removes a socket that nobody answers on any more, and listens.
    ///
    /// - Parameter isPrivate: whether the folder is ours alone, and is refused if others can write to it.
    /// - Returns: the file, and the descriptor that listens.
    static func listen(at path: String, isPrivate: Bool) throws(Problem) -> (AdminSocket, descriptor: CInt) {
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try self.prepareFolder(String(path[..<slash]), isPrivate: isPrivate)
        }
        guard var address = sockaddr_un(path: path) else {
            throw Problem(sentence: "the path \(path) is longer than the 107 bytes that a Unix socket's may have")
        }
        try self.removeStale(path, &address)
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Problem(sentence: Self.reason("no socket can be made")) }
        // Nobody can connect before `listen`, so the mode is set in time.
        guard address.with({ bind(descriptor, $0, $1) }) == 0, chmod(path, 0o600) == 0,
            Glibc.listen(descriptor, 16) == 0
        else {
            let sentence = Self.reason("\(path) cannot be bound")
            close(descriptor)
            throw Problem(sentence: sentence)
        }
        var status = stat()
        lstat(path, &status)
        return (AdminSocket(path: path, inode: status.st_ino), descriptor)
    }

    /// Removes the file, unless another process has put its own there.
    func remove() {
        var status = stat()
        guard lstat(self.path, &status) == 0, status.st_ino == self.inode else { return }
        unlink(self.path)
    }

    private static func prepareFolder(_ folder: String, isPrivate: Bool) throws(Problem) {
        guard mkdir(folder, 0o700) != 0 else { return }
        guard errno == EEXIST else { throw Problem(sentence: Self.reason("the folder \(folder) cannot be made")) }
        guard isPrivate else { return }
        var status = stat()
        guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid(),
            status.st_mode & 0o077 == 0
        else {
            throw Problem(sentence: "\(folder) must be a folder of this user that nobody else may enter: chmod 700 it")
        }
    }

    private static func removeStale(_ path: String, _ address: inout sockaddr_un) throws(Problem) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw Problem(sentence: "\(path) is there and is no socket: remove it, or name another path")
        }
        let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | O_NONBLOCK, 0)
        guard probe >= 0 else { throw Problem(sentence: Self.reason("no socket can be made")) }
        defer { close(probe) }
        let isLive = address.with { connect(probe, $0, $1) } == 0 || errno == EAGAIN
        guard !isLive else {
            throw Problem(sentence: "another process answers on \(path): stop it, or name another path")
        }
        guard errno == ECONNREFUSED, unlink(path) == 0 else {
            throw Problem(sentence: Self.reason("the old socket \(path) cannot be removed"))
        }
    }

    private static func reason(_ sentence: String) -> String {
        "\(sentence): \(String(cString: strerror(errno)))"
    }
}

extension sockaddr_un {
    /// The address of a path; nil when that is too long.
    fileprivate init?(path: String) {
        self.init()
        self.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let fits = withUnsafeMutableBytes(of: &self.sun_path) { room in
            guard bytes.count < room.count else { return false }
            room.copyBytes(from: bytes)
            return true
        }
        guard fits else { return nil }
    }

    fileprivate mutating func with(_ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        withUnsafePointer(to: &self) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
