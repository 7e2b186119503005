//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Foundation
import LuaRuntime
import Testing

struct ScriptFolderTests {
    @Test func findsRoutes() throws {
        try withFolder { root in
            for file in ["chat.lua", "games/tic.lua", "games/index.lua", "index.lua", "a-b.c_1.lua"] {
                try write("return {}", to: "\(root)/\(file)")
            }
            for file in [
                "lib/util.lua", "games/lib/x.lua", "_draft.lua", "_old/x.lua", ".hidden.lua", "chat_test.lua",
                "notes.txt",
            ] {
                try write("", to: "\(root)/\(file)")
            }
            let listing = try ScriptFolder(path: root).listing()
            #expect(
                listing.routes.map { "\($0.path ?? "-") \($0.file)" } == [
                    "/ index.lua", "/a-b.c_1 a-b.c_1.lua", "/chat chat.lua", "/games games/index.lua",
                    "/games/tic games/tic.lua",
                ]
            )
            #expect(listing.refusals == [])
        }
    }

    @Test func reportsWhatItDoesNotServe() throws {
        try withFolder { root in
            try write("", to: "\(root)/a b.lua")
            try write("", to: "\(root)/caf\u{E9}.lua")
            try write("", to: "\(root)/-/x.lua")
            try write("", to: "\(root)/games.lua")
            try write("", to: "\(root)/games/index.lua")
            try write("", to: "\(root)/real/x.lua")
            #expect(symlink("/etc/passwd", "\(root)/passwd.lua") == 0)
            #expect(symlink("real", "\(root)/linked") == 0)
            #expect(symlink("nowhere", "\(root)/broken.lua") == 0)
            #expect(mkfifo("\(root)/fifo.lua", 0o600) == 0)
            let latin1 = "\(root)/g".utf8CString.dropLast() + [-0x17] + ".lua".utf8CString
            let descriptor = open(Array(latin1), O_CREAT, 0o600)
            #expect(descriptor >= 0 && close(descriptor) == 0)
            #expect(mkdir("\(root)/folder.lua", 0o700) == 0)
            let listing = try ScriptFolder(path: root).listing()
            // A name that makes no path, and two for one path, are for those to judge who know what `path` the scripts give.
            #expect(
                listing.routes == [
                    ScriptFolder.Route(file: "-/x.lua", path: nil),
                    ScriptFolder.Route(file: "games.lua", path: "/games"),
                    ScriptFolder.Route(file: "games/index.lua", path: "/games"),
                    ScriptFolder.Route(file: "real/x.lua", path: "/real/x"),
                    ScriptFolder.Route(file: "a b.lua", path: nil),
                    ScriptFolder.Route(file: "caf\u{E9}.lua", path: nil),
                ]
            )
            #expect(
                listing.refusals.map { "\($0.file): \($0.reason)" } == [
                    "broken.lua: No such file or directory",
                    "fifo.lua: it is not a regular file",
                    "g\u{FFFD}.lua: its name is not UTF-8",
                    "linked: folders are not followed through symbolic links",
                    "passwd.lua: it leads out of the scripts folder",
                ]
            )
        }
    }

    @Test func aMissingFolderSaysWhatToDo() {
        let error = #expect(throws: ScriptFolderError.self) { try ScriptFolder(path: "/no/such/folder").listing() }
        #expect(
            error?.description
                == """
                the scripts folder '/no/such/folder' cannot be read (No such file or directory): \
                make it, or name another one
                """
        )
    }

    @Test func readsFiles() throws {
        try withFolder { root in
            let folder = ScriptFolder(path: root)
            try write("text", to: "\(root)/a/b.lua")
            try write("", to: "\(root)/empty.lua")
            #expect(symlink("a/b.lua", "\(root)/inside.lua") == 0)
            #expect(try folder.read("a/b.lua") == Array("text".utf8))
            #expect(try folder.read("inside.lua") == Array("text".utf8))
            #expect(try folder.read("empty.lua") == [])
            guard case .found(let source) = folder.module(named: "a.b") else {
                Issue.record("no module")
                return
            }
            #expect(source == Array("text".utf8))
        }
    }

    @Test func readsNothingElse() throws {
        try withFolder { root in
            let folder = ScriptFolder(path: root)
            #expect(symlink("/etc/passwd", "\(root)/out.lua") == 0)
            #expect(mkfifo("\(root)/fifo.lua", 0o600) == 0)
            try write(String(repeating: "x", count: ScriptFolder.maximumFileSize), to: "\(root)/most.lua")
            try write(String(repeating: "x", count: ScriptFolder.maximumFileSize + 1), to: "\(root)/large.lua")
            #expect(throws: ScriptFolderError.outside(file: "out.lua")) { try folder.read("out.lua") }
            #expect(throws: ScriptFolderError.outside(file: "../x")) { try folder.read("../x") }
            #expect(throws: ScriptFolderError.outside(file: "/etc/passwd")) { try folder.read("/etc/passwd") }
            #expect(throws: ScriptFolderError.notRegular(file: "fifo.lua")) { try folder.read("fifo.lua") }
            #expect(throws: ScriptFolderError.notRegular(file: ".")) { try folder.read(".") }
            #expect(throws: ScriptFolderError.unreadable(file: "no.lua", reason: "No such file or directory")) {
                try folder.read("no.lua")
            }
            #expect(try folder.read("most.lua").count == ScriptFolder.maximumFileSize)
            #expect(throws: ScriptFolderError.tooLarge(file: "large.lua", limit: 1 << 20)) {
                try folder.read("large.lua")
            }
            guard case .missing(let sentence) = folder.module(named: "lib.none") else {
                Issue.record("a module")
                return
            }
            #expect(sentence == "'lib/none.lua' cannot be read (No such file or directory)")
        }
    }

    /// Runs the body with a folder of its own.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("nightjar-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        try body(root)
    }

    /// Writes a file and makes its folder.
    private func write(_ text: String, to path: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }
}
