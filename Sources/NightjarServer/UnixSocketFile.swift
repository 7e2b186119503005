//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Glibc

/// The file of a Unix socket: made way for before the bind, removed after the listener is closed.
enum UnixSocketFile {
    /// Who may connect: the owner and its group, such as that of a reverse proxy.
    private static let mode: mode_t = 0o660

    /// Removes a socket that nobody listens on any more.
    ///
    /// - Throws: ``ServerStartError`` when something answers there, or when the file is no socket.
    static func makeWay(at path: String) throws(ServerStartError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw ServerStartError(["\(path) is there and is no socket: remove it, or listen on another path"])
        }
        switch Self.connectError(path) {
        case ECONNREFUSED:
            guard unlink(path) == 0 || errno == ENOENT else {
                throw ServerStartError(["the stale socket \(path) cannot be removed: remove it (errno \(errno))"])
            }
        case 0:
            throw ServerStartError([
                "unix:\(path) is in use: stop the program that listens on it, or listen on another path"
            ])
        case let code:
            throw ServerStartError([
                "unix:\(path) cannot be tried (errno \(code)): stop the program that owns it, or listen on another path"
            ])
        }
    }

    /// Lets the owner and the group connect; until then the umask's mode holds, which lets in no more than that.
    static func setMode(of path: String) {
        _ = chmod(path, Self.mode)
    }

    static func remove(_ path: String) {
        _ = unlink(path)
    }

    /// What `connect` says, 0 when somebody answers.
    private static func connectError(_ path: String) -> CInt {
        let descriptor = socket(
            AF_UNIX,
            CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue),
            0
        )
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafeBytes(of: &address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { connect(descriptor, $0.baseAddress, size) }
        }
        // A full backlog (EAGAIN) is somebody's too.
        return result == 0 || errno == EAGAIN ? 0 : errno
    }
}
