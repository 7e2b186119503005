//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

internal import Logging
internal import LuaRuntime
internal import NIOPosix

/// What of the scripts folder has changed: scripts, what they `require`, new ones and removed ones.
extension Reloader {
    /// Between two looks at the folder.
    private static let interval: Duration = .milliseconds(250)

    /// How long a script must be missing before its route goes: whoever saves a file may remove it first.
    private static let grace: Duration = .seconds(5)

    /// Looks at the folder from now on.
    func watch() async {
        var watch = ScriptWatch(await self.look())
        self.looking = Task { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                guard let self, !Task.isCancelled else { return }
                await self.endLeft()
                let isMissing = await self.isAnyMissing
                guard watch.look(await self.look()) || isMissing else { continue }
                // The look before is what counts as loaded: what is saved from here on may be read now or not, and is looked at again.
                _ = await self.inTurn { ReloadAnswer(await $0.reloadChanged(isWatching: true)) }
            }
        }
    }

    private var isAnyMissing: Bool { self.serving.values.contains { $0.missingSince != nil } }

    /// The state of every file that scripts are made of.
    private func look() async -> [String: FileStamp] {
        let folder = self.loader.folder
        var files = Set(self.serving.values.flatMap(\.attempted.files))
        files.formUnion(self.unserved.values.flatMap(\.files))
        let known = files
        let stamps = try? await self.stage.thread.runIfActive { () -> [String: FileStamp] in
            var stamps: [String: FileStamp] = [:]
            let listed = (try? folder.listing())?.routes.map(\.file) ?? []
            for file in known.union(listed) {
                stamps[file] = FileStamp("\(folder.path)/\(file)")
            }
            return stamps
        }
        return stamps ?? [:]
    }

    /// Loads every script again whose text has changed, or that of one of its modules.
    ///
    /// - Parameter isWatching: whether a script that is gone has some time to come back.
    func reloadChanged(isWatching: Bool = false) async -> [ReloadOutcome] {
        let folder = self.loader.folder
        let listing: ScriptFolder.Listing
        do {
            listing = try await self.stage.thread.runIfActive { try folder.listing() }
        } catch {
            self.logger.error("the scripts folder cannot be read: all serve on", metadata: ["reason": "\(error)"])
            return []
        }
        var outcomes: [ReloadOutcome] = []
        let files = Dictionary(uniqueKeysWithValues: listing.routes.map { ($0.file, $0.path) })
        for (index, serving) in self.serving.sorted(by: { $0.value.route.script < $1.value.route.script }) {
            guard let path = files[serving.route.script] else {
                let since = serving.missingSince ?? .now
                self.serving[index]?.missingSince = since
                if !isWatching || ContinuousClock.now - since >= Self.grace {
                    outcomes.append(await self.remove(index))
                }
                continue
            }
            self.serving[index]?.missingSince = nil
            guard
                let source = try? await self.stage.read(serving.route.script, route: path, known: serving.attempted),
                !source.isSame(as: serving.attempted) || !isWatching && serving.route.census.isQuarantined
            else { continue }
            outcomes.append(await self.replace(index, with: source))
        }
        let served = Set(self.serving.values.map(\.route.script))
        self.unserved = self.unserved.filter { files[$0.key] != nil }
        for (file, path) in files.sorted(by: { $0.key < $1.key }) where !served.contains(file) {
            let known = self.unserved[file]
            guard let source = try? await self.stage.read(file, route: path, known: known) else { continue }
            if let known, source.isSame(as: known) { continue }
            outcomes.append(await self.add(source))
        }
        return outcomes
    }
}
