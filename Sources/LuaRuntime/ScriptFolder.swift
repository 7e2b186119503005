//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import CLuaRuntime

#if canImport(Glibc)
internal import Glibc
#else
internal import Darwin
#endif

// `read` alone would be the method below.
private let readBytes = read(_:_:_:)

/// The folder that holds the scripts: finds the routes and reads files, nothing above it and nothing but regular files.
package struct ScriptFolder: Sendable {
    /// A script that serves a route.
    package struct Route: Sendable, Equatable {
        /// The file below the folder, such as `games/tic.lua`.
        package var file: String

        /// The path of the file: `/games/tic`, of `index.lua` that of its folder; nil when its name makes none, so that the script
        /// must give one.
        package var path: String?

        package init(file: String, path: String?) {
            self.file = file
            self.path = path
        }
    }

    /// A file that looks like a route and is not served.
    package struct Refusal: Sendable, Equatable {
        package var file: String

        /// A sentence.
        package var reason: String
    }

    /// What a look at the folder found, the routes by path and the refusals by name, ascending.
    package struct Listing: Sendable, Equatable {
        package var routes: [Route] = []
        package var refusals: [Refusal] = []
    }

    /// A name in a folder, repaired for people when it is not UTF-8.
    private struct Entry {
        var name: String
        var isUTF8: Bool
    }

    /// The longest script or module in bytes.
    package static let maximumFileSize = 1 << 20

    /// The deepest folder whose scripts are routes.
    private static let maximumDepth = 16

    /// The folder's path as it was given.
    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// Finds the routes, in all folders but `lib`; names that begin with `_` or `.`, and `*_test.lua`, are none.
    package func listing() throws(ScriptFolderError) -> Listing {
        var listing = Listing()
        guard let entries = entries(of: ".") else { throw .missingFolder(path: path, reason: lastError()) }
        collect(entries, folder: "", depth: 0, into: &listing)
        listing.routes.sort { ($0.path ?? $0.file, $0.file) < ($1.path ?? $1.file, $1.file) }
        listing.refusals.sort { $0.file < $1.file }
        return listing
    }

    /// Reads a file below the folder, at most ``maximumFileSize`` bytes.
    package func read(_ file: String) throws(ScriptFolderError) -> [UInt8] {
        let descriptor = nj_open_beneath(path, file)
        guard descriptor >= 0 else {
            throw errno == EXDEV ? .outside(file: file) : .unreadable(file: file, reason: lastError())
        }
        defer { close(descriptor) }
        guard let status = status(of: descriptor), isRegular(status) else { throw .notRegular(file: file) }
        let bytes = Self.readAll(descriptor, limit: Self.maximumFileSize + 1)
        guard let bytes else { throw .unreadable(file: file, reason: lastError()) }
        guard bytes.count <= Self.maximumFileSize else { throw .tooLarge(file: file, limit: Self.maximumFileSize) }
        return bytes
    }

    /// Reads a module for `require`, in the words that a script is answered.
    package func module(named name: String) -> ModuleSource {
        do throws(ScriptFolderError) {
            return .found(try read(Self.file(ofModule: name)))
        } catch {
            return .missing(error.description)
        }
    }

    /// The file of a module: `lib.util` is `lib/util.lua`.
    package static func file(ofModule name: String) -> String {
        String(name.map { $0 == "." ? "/" : $0 }) + ".lua"
    }

    // MARK: Finding routes

    private func collect(_ entries: [Entry], folder: String, depth: Int, into listing: inout Listing) {
        for entry in entries where !entry.name.hasPrefix("_") && !entry.name.hasPrefix(".") {
            let name = entry.name
            let file = folder + name
            guard entry.isUTF8 else {
                if name.hasSuffix(".lua") {
                    listing.refusals.append(Refusal(file: file, reason: "its name is not UTF-8"))
                }
                continue
            }
            let descriptor = nj_open_beneath(path, file)
            guard descriptor >= 0 else {
                if name.hasSuffix(".lua") {
                    let reason = errno == EXDEV ? "it leads out of the scripts folder" : lastError()
                    listing.refusals.append(Refusal(file: file, reason: reason))
                }
                continue
            }
            defer { close(descriptor) }
            guard let status = status(of: descriptor) else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                if name == "lib" { continue }
                collectFolder(file, depth: depth + 1, into: &listing)
            } else if name.hasSuffix(".lua") && !name.hasSuffix("_test.lua") {
                collectFile(file, isRegular: isRegular(status), into: &listing)
            }
        }
    }

    private func collectFolder(_ folder: String, depth: Int, into listing: inout Listing) {
        guard depth <= Self.maximumDepth else {
            listing.refusals.append(Refusal(file: folder, reason: "deeper than \(Self.maximumDepth) folders"))
            return
        }
        guard !isLink(folder) else {
            listing.refusals.append(Refusal(file: folder, reason: "folders are not followed through symbolic links"))
            return
        }
        guard let entries = entries(of: folder) else {
            listing.refusals.append(Refusal(file: folder, reason: lastError()))
            return
        }
        collect(entries, folder: folder + "/", depth: depth, into: &listing)
    }

    private func collectFile(_ file: String, isRegular: Bool, into listing: inout Listing) {
        guard isRegular else {
            listing.refusals.append(Refusal(file: file, reason: "it is not a regular file"))
            return
        }
        var segments = file.dropLast(4).split(separator: "/", omittingEmptySubsequences: false)
        let isPath = segments.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(isSegmentByte) }
        // Paths under `/-/` belong to the server.
        guard isPath, segments.first != "-" else {
            listing.routes.append(Route(file: file, path: nil))
            return
        }
        if segments.last == "index" { segments.removeLast() }
        listing.routes.append(Route(file: file, path: "/" + segments.joined(separator: "/")))
    }

    // MARK: The file system

    /// What a folder holds, by name; nil with errno set when it cannot be read.
    private func entries(of folder: String) -> [Entry]? {
        let descriptor = nj_open_beneath(path, folder)
        guard descriptor >= 0 else { return nil }
        guard let stream = fdopendir(descriptor) else {
            close(descriptor)
            return nil
        }
        defer { closedir(stream) }
        var entries: [Entry] = []
        while let entry = readdir(stream) {
            let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
            let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            entries.append(Entry(name: String(cString: name), isUTF8: String(validatingCString: name) != nil))
        }
        return entries.sorted { $0.name < $1.name }
    }

    /// Reads to the end, or a little beyond the limit; nil with errno set when that fails.
    private static func readAll(_ descriptor: Int32, limit: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        return withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 16) { chunk in
            while bytes.count < limit {
                let received = readBytes(descriptor, chunk.baseAddress, chunk.count)
                if received < 0 && errno == EINTR { continue }
                guard received >= 0 else { return nil }
                if received == 0 { break }
                bytes.append(contentsOf: chunk.prefix(received))
            }
            return bytes
        }
    }

    private func status(of descriptor: Int32) -> stat? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? status : nil
    }

    private func isRegular(_ status: stat) -> Bool {
        status.st_mode & S_IFMT == S_IFREG
    }

    private func isLink(_ file: String) -> Bool {
        var status = stat()
        return lstat("\(path)/\(file)", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    private func lastError() -> String {
        String(cString: strerror(errno))
    }

    private func isSegmentByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
