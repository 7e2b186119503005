//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import Glibc

/// The file of a Unix socket: made way for before the bind, removed after the listener is closed.
package struct UnixSocketFile: Sendable {
    private let path: String
    private let device: dev_t
    private let inode: ino_t

    /// Why a path cannot be bound.
    package enum Failure: Error {
        /// What is there already, and what to do.
        case taken(String)
        /// What the system says, as its `errno`.
        case system(CInt)
    }

    /// Removes a socket that nobody listens on any more.
    private static func makeWay(at path: String) throws(Failure) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw .taken("\(path) is there and is no socket: remove it, or listen on another path")
        }
        switch Self.connectError(path) {
        case ECONNREFUSED:
            guard unlink(path) == 0 || errno == ENOENT else {
                throw .taken("the stale socket \(path) cannot be removed: remove it (errno \(errno))")
            }
        case 0:
            throw .taken("unix:\(path) is in use: stop the program that listens on it, or listen on another path")
        case let code:
            throw .taken(
                "unix:\(path) cannot be tried (errno \(code)): stop the program that owns it, or listen on another path"
            )
        }
    }

    /// Binds a socket to a path, in place of one that nobody listens on any more.
    ///
    /// - Parameters:
    ///   - path: 1...``ListenAddress/longestPath`` bytes.
    ///   - mode: who may connect.
    /// - Returns: the file, and the descriptor, which is the caller's and does not listen yet.
    package static func bind(at path: String, mode: mode_t) throws(Failure) -> (UnixSocketFile, descriptor: CInt) {
        try Self.makeWay(at: path)
        let descriptor = Self.makeSocket()
        // Linux makes the file with the mode that the socket has at the bind, less the umask: at no moment may others connect.
        guard descriptor >= 0, fchmod(descriptor, mode) == 0,
            Self.withAddress(path, { Glibc.bind(descriptor, $0, $1) }) == 0
        else {
            let code = errno
            if descriptor >= 0 { close(descriptor) }
            throw .system(code)
        }
        var status = stat()
        // The umask may have kept out the group, or even the owner.
        guard chmod(path, mode) == 0, lstat(path, &status) == 0 else {
            let code = errno
            close(descriptor)
            unlink(path)
            throw .system(code)
        }
        return (UnixSocketFile(path: path, device: status.st_dev, inode: status.st_ino), descriptor)
    }

    /// Removes the file, unless another process has put its own there.
    package func remove() {
        var status = stat()
        guard lstat(self.path, &status) == 0, status.st_dev == self.device, status.st_ino == self.inode else { return }
        unlink(self.path)
    }

    /// What `connect` says, 0 when somebody answers.
    private static func connectError(_ path: String) -> CInt {
        let descriptor = Self.makeSocket()
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        guard Self.withAddress(path, { connect(descriptor, $0, $1) }) != 0 else { return 0 }
        // A full backlog (EAGAIN) is somebody's too.
        return errno == EAGAIN ? 0 : errno
    }

    private static func makeSocket() -> CInt {
        socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
    }

    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
