//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import NightjarServer
import Testing

/// A watch whose steps may stand in an expectation.
private final class Watch {
    private var value: CertificateWatch

    init(_ stamps: [FileStamp?]) {
        self.value = CertificateWatch(stamps)
    }

    func look(_ stamps: [FileStamp?]) -> Bool { self.value.look(stamps) }
    func succeeded() { self.value.succeeded() }
    func failed() -> Bool { self.value.failed() }
}

struct CertificateWatchTests {
    private let folder: TemporaryFolder
    private let old: [FileStamp?]
    private let new: [FileStamp?]
    private let newer: [FileStamp?]

    init() throws {
        self.folder = try TemporaryFolder()
        self.old = [FileStamp(try self.folder.write("a", "1"))]
        self.new = [FileStamp(try self.folder.write("a", "22"))]
        self.newer = [FileStamp(try self.folder.write("a", "333"))]
    }

    @Test func loadsAChangeThatHasSettledOnce() {
        let watch = Watch(self.old)
        #expect(!watch.look(self.old))
        #expect(!watch.look(self.new))
        #expect(watch.look(self.new))
        watch.succeeded()
        #expect(!watch.look(self.new))
        #expect(!watch.look(self.new))
    }

    @Test func waitsForTheEndOfABurst() {
        let watch = Watch(self.old)
        #expect(!watch.look(self.new))
        #expect(!watch.look(self.newer))
        #expect(!watch.look(self.new))
        #expect(!watch.look([nil]))
        #expect(watch.look([nil]))
    }

    @Test func forgetsAChangeThatIsTakenBack() {
        let watch = Watch(self.old)
        #expect(!watch.look(self.new))
        #expect(!watch.look(self.old))
        #expect(!watch.look(self.old))
    }

    @Test func triesAgainBeforeItGivesUp() {
        let watch = Watch(self.old)
        #expect(!watch.look(self.new))
        for attempt in 1...CertificateWatch.attempts {
            #expect(watch.look(self.new))
            #expect(watch.failed() == (attempt == CertificateWatch.attempts))
        }
        #expect(!watch.look(self.new))
        #expect(!watch.look(self.newer))
        #expect(watch.look(self.newer))
    }

    @Test func countsTheAttemptsOfEachStateAnew() {
        let watch = Watch(self.old)
        _ = watch.look(self.new)
        #expect(watch.look(self.new) && !watch.failed())
        #expect(watch.look(self.new) && !watch.failed())
        #expect(!watch.look(self.newer))
        #expect(watch.look(self.newer) && !watch.failed())
    }

    @Test func seesARenamedFileOfTheSameSize() throws {
        let path = try self.folder.write("b", "one")
        let before = FileStamp(path)
        #expect(FileStamp(path) == before)
        let other = try self.folder.write("c", "two")
        #expect(rename(other, path) == 0)
        #expect(FileStamp(path) != before)
        #expect(FileStamp(other) == nil)
    }
}
