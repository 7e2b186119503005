//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import NightjarServer
import Testing

struct UnixSocketFileTests {
    private let folder: TemporaryFolder
    private var path: String { self.folder.path + "/n.sock" }

    init() throws {
        self.folder = try TemporaryFolder()
    }

    private func problem() -> String? {
        do throws(UnixSocketFile.Failure) {
            let (file, descriptor) = try UnixSocketFile.bind(at: self.path, mode: 0o660)
            close(descriptor)
            file.remove()
            return nil
        } catch {
            return switch error {
            case .taken(let sentence): sentence
            case .system(let code): String(cString: strerror(code))
            }
        }
    }

    private var exists: Bool { access(self.path, F_OK) == 0 }

    @Test func makesAFileForOwnerAndGroupAndRemovesIt() throws {
        let (file, descriptor) = try UnixSocketFile.bind(at: self.path, mode: 0o660)
        defer { close(descriptor) }
        var status = stat()
        #expect(lstat(self.path, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o660 && status.st_mode & S_IFMT == S_IFSOCK)
        file.remove()
        #expect(!self.exists)
        file.remove()
    }

    @Test func takesThePlaceOfASocketThatNobodyListensOn() throws {
        close(try UnixSocketFile.bind(at: self.path, mode: 0o660).descriptor)
        #expect(self.exists)
        let (file, descriptor) = try UnixSocketFile.bind(at: self.path, mode: 0o660)
        close(descriptor)
        file.remove()
    }

    @Test func refusesAPathOnWhichSomebodyListens() throws {
        let (file, descriptor) = try UnixSocketFile.bind(at: self.path, mode: 0o660)
        defer { close(descriptor) }
        #expect(listen(descriptor, 1) == 0)
        #expect(
            self.problem()
                == "unix:\(self.path) is in use: stop the program that listens on it, or listen on another path"
        )
        #expect(self.exists)
        file.remove()
    }

    @Test func leavesAFileThatIsNoSocket() throws {
        _ = try self.folder.write("n.sock", "mine")
        #expect(self.problem() == "\(self.path) is there and is no socket: remove it, or listen on another path")
        #expect(self.exists)
    }

    @Test func leavesAFileThatAnotherHasPutInItsPlace() throws {
        let (file, descriptor) = try UnixSocketFile.bind(at: self.path, mode: 0o660)
        defer { close(descriptor) }
        // Made while the first is there: the system may give the inode of one that is gone again.
        let (_, another) = try UnixSocketFile.bind(at: self.path + "2", mode: 0o660)
        defer { close(another) }
        #expect(rename(self.path + "2", self.path) == 0)
        file.remove()
        #expect(self.exists)
    }

    @Test func namesAFolderThatIsMissing() {
        do throws(UnixSocketFile.Failure) {
            _ = try UnixSocketFile.bind(at: self.folder.path + "/none/n.sock", mode: 0o660)
            Issue.record("it was bound")
        } catch {
            guard case .system(let code) = error else {
                Issue.record("not the system's word: \(error)")
                return
            }
            let refusal = ServerStartError(binding: .unix(path: self.folder.path + "/none/n.sock"), code: code)
            #expect(refusal.description.contains("/none/n.sock cannot be bound: its folder is not there"))
        }
    }
}
